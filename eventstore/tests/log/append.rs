//! Many writers at once, in one process and in two: what was acknowledged is in the log, exactly
//! once and where it was said to be; what was refused is not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::id::TenantId;
use domain::tenant::{Tenant, TenantEvent};
use eventstore::{Claim, CommitError, Context, IdempotencyKey, Loaded};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::content::{Entry, sound_log};
use super::servers::{Process, database};

const STREAMS: u8 = 4;
const CLAIM: &str = "test.name";

/// One command, as it is made up.
#[derive(Clone, Debug)]
struct Plan {
    tenant: i64,
    /// How many events for which stream.
    writes: std::collections::BTreeMap<u8, usize>,
    reads: Option<u8>,
    claims: Option<u8>,
    /// An idempotency key, and which of two requests comes under it.
    key: Option<(u8, u8)>,
    fresh: bool,
}

/// A command that was carried out, with all that is to be found again.
struct Done {
    plan: Plan,
    answer: String,
    holder: String,
    /// Stream and name of each event, in order.
    events: Vec<(String, String)>,
    /// Where the streams were when the command was decided.
    seen: Vec<(String, i64)>,
    outcome: Result<i64, CommitError>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        1..=2_i64,
        btree_map(0..STREAMS, 1..=3_usize, 1..=2),
        option::weighted(0.3, 0..STREAMS),
        option::weighted(0.3, 0..6_u8),
        option::weighted(0.3, (0..8_u8, 0..2_u8)),
        any::<bool>(),
    )
        .prop_map(|(tenant, writes, reads, claims, key, fresh)| {
            let reads = reads.filter(|stream| !writes.contains_key(stream));
            Plan { tenant, writes, reads, claims, key, fresh }
        })
}

/// Each writer's commands.
fn plans() -> impl Strategy<Value = Vec<Vec<Plan>>> {
    vec(vec(plan(), 4..8), 24..32)
}

#[test]
fn one_process_keeps_every_promise() {
    check(1);
}

#[test]
fn two_processes_keep_every_promise() {
    check(2);
}

/// New streams are not looked at before they are written to: one that was there after all loses
/// alone, in company and by itself.
#[tokio::test]
async fn only_the_one_loses_whose_new_stream_was_there() {
    let database = database().await;
    let process = Process::start(&database.url);
    assert!(create(&process, "taken").await.is_ok());
    let all = (0..64).map(|n| {
        let (process, id) =
            (process.clone(), if n == 31 { "taken".into() } else { format!("new{n}") });
        tokio::spawn(async move { (n, create(&process, &id).await) })
    });
    for created in all.collect::<Vec<_>>() {
        let (n, outcome) = created.await.unwrap();
        assert_eq!(matches!(outcome, Err(CommitError::Stale)), n == 31, "{n}: {outcome:?}");
        assert_eq!(outcome.is_ok(), n != 31, "{n}: {outcome:?}");
    }
    assert!(matches!(create(&process, "taken").await, Err(CommitError::Stale)));
    assert_eq!(sound_log(&mut database.owner().await).await.len(), 64);
}

/// As of an id that was made just now.
async fn create(process: &Process, id: &str) -> Result<i64, CommitError> {
    let context = Context::system(TenantId::PLATFORM, "test", "correlation", "cause");
    let new = process.store.unwritten::<Tenant>(TenantId::PLATFORM, id);
    let events = vec![TenantEvent::TenantCreated { name: id.to_owned() }];
    let commit = process.store.begin(&context).append(&new, events);
    process.store.commit(commit).await.map(|committed| committed.position)
}

fn check(processes: usize) {
    // What fails here depends on timing, so there is little to shrink.
    let config =
        Config { cases: 8, max_shrink_iters: 4, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    TestRunner::new(config)
        .run(&plans(), |plans| {
            runtime.block_on(carry_out(processes, plans));
            Ok(())
        })
        .unwrap();
}

async fn carry_out(processes: usize, plans: Vec<Vec<Plan>>) {
    let database = database().await;
    let processes: Vec<_> = (0..processes).map(|_| Process::start(&database.url)).collect();
    let writers: Vec<_> = plans
        .into_iter()
        .enumerate()
        .map(|(writer, plans)| {
            let process = processes[writer % processes.len()].clone();
            tokio::spawn(async move {
                let mut done = Vec::new();
                for plan in plans {
                    done.push(one(&process, writer, plan).await);
                }
                done
            })
        })
        .collect();
    let mut done = Vec::new();
    for writer in writers {
        done.extend(writer.await.unwrap());
    }
    let mut owner = database.owner().await;
    let log = sound_log(&mut owner).await;
    let claims: Vec<(i64, Vec<u8>, String)> =
        sqlx::query_as("select tenant, digest, holder from eventstore.claims")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    events_are_where_they_were_said_to_be(&log, &done);
    nothing_moved_between_decision_and_append(&log, &done);
    claims_have_one_holder(&claims, &done);
    keys_are_answered_once(&done);
    assert!(done.iter().any(|done| matches!(done.outcome, Err(CommitError::Stale))));
}

/// A stream belongs to one tenant, whoever writes to it.
fn stream(number: u8) -> (TenantId, String) {
    (TenantId::new(1 + i64::from(number % 2)), format!("s{number}"))
}

async fn one(process: &Process, writer: usize, plan: Plan) -> Done {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let holder = format!("h{}", writer % 3);
    let answer = format!("answer {number}");
    let context = Context::system(TenantId::new(plan.tenant), "test", "correlation", "cause");
    let (mut seen, mut events) = (Vec::new(), Vec::new());
    let mut commit = process.store.begin(&context);
    for (written, count) in &plan.writes {
        let loaded = load(process, *written, plan.fresh).await;
        let names: Vec<_> = (0..*count).map(|n| format!("{number}-{written}-{n}")).collect();
        let created = |name: &String| TenantEvent::TenantCreated { name: name.clone() };
        commit = commit.append(&loaded, names.iter().map(created).collect());
        seen.push((loaded.id.clone(), loaded.sequence));
        events.extend(names.into_iter().map(|name| (loaded.id.clone(), name)));
    }
    if let Some(read) = plan.reads {
        let loaded = load(process, read, plan.fresh).await;
        commit = commit.expecting(&loaded);
        seen.push((loaded.id.clone(), loaded.sequence));
    }
    let claim =
        |digest| Claim { kind: CLAIM, digest: vec![digest], holder: holder.clone(), let_go: false };
    let key = plan.key.map(|(key, request)| IdempotencyKey {
        key: format!("k{key}"),
        request_digest: vec![request],
    });
    let commit = commit
        .claiming(plan.claims.into_iter().map(claim).collect())
        .answering(key, answer.clone());
    let outcome = process.store.commit(commit).await.map(|committed| committed.position);
    Done { plan, answer, holder, events, seen, outcome }
}

async fn load(process: &Process, number: u8, fresh: bool) -> Loaded<Tenant> {
    let (tenant, id) = stream(number);
    if fresh {
        process.store.load_fresh(tenant, &id).await.unwrap()
    } else {
        process.store.load(tenant, &id).await.unwrap()
    }
}

fn name_of(entry: &Entry) -> String {
    let envelope: serde_json::Value = serde_json::from_str(&entry.envelope).unwrap();
    envelope["data"]["name"].as_str().unwrap().to_owned()
}

fn events_are_where_they_were_said_to_be(log: &[Entry], done: &[Done]) {
    let mut acknowledged = 0;
    for done in done {
        match &done.outcome {
            Ok(last) => {
                let last = usize::try_from(*last).unwrap();
                let own = &log[last + 1 - done.events.len()..=last];
                let stored: Vec<_> =
                    own.iter().map(|entry| (entry.aggregate_id.clone(), name_of(entry))).collect();
                assert_eq!(stored, done.events);
                acknowledged += done.events.len();
            }
            Err(
                CommitError::Stale
                | CommitError::Claimed(_)
                | CommitError::Repeated { .. }
                | CommitError::Mismatched,
            ) => {}
            Err(error) => panic!("{error}"),
        }
    }
    // Names are unique, each acknowledged one is at its place, and there is nothing else.
    assert_eq!(acknowledged, log.len());
}

/// What a command saw of a stream is all there was of it when its events got their place.
fn nothing_moved_between_decision_and_append(log: &[Entry], done: &[Done]) {
    for done in done {
        let Ok(last) = done.outcome else { continue };
        let first = last + 1 - i64::try_from(done.events.len()).unwrap();
        for (id, sequence) in &done.seen {
            let before = |entry: &&Entry| entry.position < first && entry.aggregate_id == *id;
            let there = log.iter().filter(before).count();
            assert_eq!(i64::try_from(there).unwrap(), *sequence, "{id} at {first}");
        }
    }
}

fn claims_have_one_holder(claims: &[(i64, Vec<u8>, String)], done: &[Done]) {
    let held: HashMap<_, _> = claims
        .iter()
        .map(|(tenant, digest, holder)| ((*tenant, digest[0]), holder.as_str()))
        .collect();
    for done in done {
        let Some(claim) = done.plan.claims else { continue };
        let holder = held.get(&(done.plan.tenant, claim));
        match &done.outcome {
            Ok(_) => assert_eq!(holder, Some(&done.holder.as_str())),
            Err(CommitError::Claimed(kinds)) => {
                assert_eq!(kinds, &[CLAIM]);
                assert_ne!(holder.unwrap(), &done.holder);
            }
            Err(_) => {}
        }
    }
    let claimed = done.iter().filter(|done| done.outcome.is_ok() && done.plan.claims.is_some());
    let distinct: std::collections::HashSet<_> =
        claimed.map(|done| (done.plan.tenant, done.plan.claims)).collect();
    assert_eq!(distinct.len(), held.len(), "no claim without a command");
}

fn keys_are_answered_once(done: &[Done]) {
    let mut first: HashMap<(i64, u8), (&Done, u8)> = HashMap::new();
    for done in done.iter().filter(|done| done.outcome.is_ok()) {
        if let Some((key, request)) = done.plan.key {
            let twice = first.insert((done.plan.tenant, key), (done, request));
            assert!(twice.is_none(), "k{key} was carried out twice");
        }
    }
    for done in done {
        let Some((key, request)) = done.plan.key else { continue };
        let known = first.get(&(done.plan.tenant, key));
        match &done.outcome {
            Err(CommitError::Repeated { answer, position }) => {
                let (first, of_then) = known.unwrap();
                assert_eq!((answer, request), (&first.answer, *of_then));
                assert_eq!(*position, *first.outcome.as_ref().unwrap());
            }
            Err(CommitError::Mismatched) => assert_ne!(request, known.unwrap().1),
            Ok(_) | Err(_) => {}
        }
    }
}
