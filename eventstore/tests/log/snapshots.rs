//! Snapshots and the cache: they save reading, and they change nothing.

use domain::command::{Command, Root};
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{
    AssignNonce, Attempt, Errand, Lane, LaneEvent, OpenLane, SettleSlot, SignAttempt,
};
use domain::tenant::{Tenant, TenantEvent};
use eventstore::{CommitError, Loaded, Name};

use super::servers::{Database, Process, TENANT, database, until};

const LANE: &str = "lane1";
const EVENTS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_starts_cold_from_its_last_snapshot() {
    let database = database().await;
    let state = long_lane(&Process::start(&database.url)).await;
    let taken = until("the last snapshot", async || {
        let taken = snapshot(&database).await?;
        (1_000 - taken < 101).then_some(taken)
    })
    .await;
    assert!(taken <= 1_000);

    // Were anything read that the snapshot covers, it could not be decoded.
    database
        .execute(&format!(
            "alter table eventstore.events disable trigger append_only;
             update eventstore.events set envelope = '{{}}' where sequence <= {taken};
             alter table eventstore.events enable trigger append_only"
        ))
        .await;
    let cold = Process::start(&database.url);
    let loaded = cold.store.load::<Lane>(TENANT, LANE).await.unwrap();
    assert_eq!((loaded.sequence, &*loaded.state), (1_000, &state));
    assert!(loaded.fresh);
    let again = cold.store.load::<Lane>(TENANT, LANE).await.unwrap();
    assert_eq!((again.sequence, &*again.state, again.fresh), (1_000, &state, false));
    // By one question it is the same, remembered or not.
    for process in [&cold, &Process::start(&database.url)] {
        let even = process.store.load_evenly::<Lane>(TENANT, LANE).await.unwrap();
        assert_eq!((even.sequence, &*even.state, even.fresh), (1_000, &state, true));
        let (none, lane, others) = behind::<Tenant, Lane, Lane>(process, &["nobody"]).await;
        assert_eq!((none.sequence, &*none.state, &*none.id), (0, &Tenant::default(), LANE));
        assert_eq!((lane.sequence, &*lane.state, lane.fresh), (1_000, &state, true));
        assert_eq!((others[0].sequence, &*others[0].id), (0, "nobody"));
    }
    let nobody = cold.store.load_evenly::<Lane>(TENANT, "nobody").await.unwrap();
    assert_eq!((nobody.sequence, &*nobody.state), (0, &Lane::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_another_shape_or_a_broken_one_is_passed_over() {
    let database = database().await;
    let state = long_lane(&Process::start(&database.url)).await;
    until("a snapshot", async || snapshot(&database).await.filter(|taken| *taken >= 900)).await;
    let current = Lane::SNAPSHOT_VERSION;
    let older = current - 1;
    // A state nobody could have, at a sequence that would win.
    let wrong = serde_json::to_string(&Lane::Unopened).unwrap();
    let stale = format!(
        "insert into eventstore.snapshots
         values ('lane', '{LANE}', {older}, {TENANT}, 1000, '{wrong}')"
    );
    for tampered in [
        stale.clone(),
        format!("delete from eventstore.snapshots where schema_version = {current}"),
        stale
            .replace(&format!("{older}, {TENANT}"), &format!("{current}, {TENANT}"))
            .replace(&wrong, r#"{"Closed":{}}"#),
    ] {
        database.execute(&tampered).await;
        let cold = Process::start(&database.url);
        let loaded = cold.store.load::<Lane>(TENANT, LANE).await.unwrap();
        assert_eq!((loaded.sequence, &*loaded.state), (1_000, &state), "{tampered}");
        let even = Process::start(&database.url).store.load_evenly::<Lane>(TENANT, LANE).await;
        let even = even.unwrap();
        assert_eq!((even.sequence, &*even.state), (1_000, &state), "{tampered}");
        let (even, ..) = behind::<Lane, Tenant, Tenant>(&cold, &[]).await;
        assert_eq!((even.sequence, &*even.state), (1_000, &state), "{tampered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_state_that_lost_is_read_again() {
    let database = database().await;
    let (one, other) = (Process::start(&database.url), Process::start(&database.url));
    add_name(&one).await.unwrap();
    add_name(&other).await.unwrap();
    // What `one` remembers is old now: it may lose once, and not for ever.
    assert!(matches!(add_name(&one).await, Err(CommitError::Stale)));
    add_name(&one).await.unwrap();
    assert_eq!(one.store.load::<Tenant>(TENANT, "7").await.unwrap().sequence, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_another_tenant_is_not_there() {
    let database = database().await;
    let process = Process::start(&database.url);
    add_name(&process).await.unwrap();
    let elsewhere = TenantId::new(2);
    for process in [&process, &Process::start(&database.url)] {
        assert!(process.store.load::<Tenant>(elsewhere, "7").await.is_err());
        assert!(process.store.load_fresh::<Tenant>(elsewhere, "7").await.is_err());
        assert!(process.store.load_evenly::<Tenant>(elsewhere, "7").await.is_err());
    }
}

/// By a name that nobody holds, so that the lane stands for nobody.
async fn behind<A: Root, B: Root, C: Root>(
    process: &Process,
    ids: &[&str],
) -> (Loaded<A>, Loaded<B>, Vec<Loaded<C>>) {
    let name = Name { tenant: TENANT, kind: "test.name", digest: &[], nobody: LANE };
    process.store.load_behind(&name, ids).await.unwrap()
}

async fn add_name(process: &Process) -> Result<i64, CommitError> {
    let loaded = process.store.load::<Tenant>(TENANT, "7").await.unwrap();
    let events = vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }];
    let commit = process.store.begin(&process.context).append(&loaded, events);
    process.store.commit(commit).await.map(|committed| committed.position)
}

async fn snapshot(database: &Database) -> Option<i64> {
    sqlx::query_scalar(
        "select max(sequence) from eventstore.snapshots
         where aggregate_type = 'lane' and aggregate_id = $1 and schema_version = $2",
    )
    .bind(LANE)
    .bind(Lane::SNAPSHOT_VERSION)
    .fetch_one(&mut database.owner().await)
    .await
    .unwrap()
}

/// A stream of 1,000 events; gives what its state must be.
async fn long_lane(process: &Process) -> Lane {
    let mut state = Lane::default();
    let events = lane_events(&mut state);
    // Seven at a time: hundreds are passed in the middle of a commit, too.
    for some in events.chunks(7) {
        let loaded = process.store.load::<Lane>(TENANT, LANE).await.unwrap();
        let commit = process.store.begin(&process.context).append(&loaded, some.to_vec());
        process.store.commit(commit).await.unwrap();
    }
    state
}

/// A lane is opened, and again and again a nonce is assigned, signed for and settled.
fn lane_events(state: &mut Lane) -> Vec<LaneEvent> {
    let mut events = Vec::new();
    let (network, signer) = ("development".into(), "0xf3".into());
    record(state, &mut events, &OpenLane { network, chain_id: 31_337, signer, base_nonce: 0 });
    for nonce in 0..333 {
        let attempt = Attempt {
            kind: domain::lane::AttemptKind::Mint,
            tx_hash: format!("{nonce:#066x}"),
            raw: "0x02f8".into(),
            max_fee_per_gas: "2000000000".into(),
            max_priority_fee_per_gas: "1000000000".into(),
            gas_limit: 150_000,
        };
        let (winner, block_hash) = (attempt.tx_hash.clone(), "0xb9".into());
        let errand = Errand::Mints { mints: vec![WhiskeyId::new(7_300_000)] };
        record(state, &mut events, &AssignNonce { tenant: TENANT, errand });
        record(state, &mut events, &SignAttempt { nonce, attempt });
        let settle = SettleSlot { nonce, winner, block_number: nonce, block_hash };
        record(state, &mut events, &settle);
    }
    assert_eq!(events.len(), EVENTS);
    events
}

fn record(state: &mut Lane, events: &mut Vec<LaneEvent>, command: &impl Command<Lane>) {
    for event in command.decide(state).unwrap() {
        cqrs_es::Aggregate::apply(state, event.clone());
        events.push(event);
    }
}
