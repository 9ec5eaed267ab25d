//! Events that a read model cannot fold: they park their partition, and nothing else.

use std::collections::BTreeSet;
use std::sync::Mutex;

use eventstore::Recorded;
use eventstore::database::{self, Role};
use eventstore::journal::Journal;
use eventstore::stream::partition;
use eventstore::vault::VaultError;
use projections::{ApplyError, Projection, generation, parked};
use serde_json::json;
use sqlx::PgConnection;

use crate::world::{World, until};

#[tokio::test]
async fn a_poison_event_parks_its_partition_and_no_other() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let spoilt = isla.cask("P-1").await;
    let path = |cask: &str| format!("/api/v1/whiskeys/{cask}");
    let readable = async |cask: &str| {
        until("the cask is readable", || async {
            (isla.get(&path(cask)).await.status == 200).then_some(())
        })
        .await;
    };
    readable(&spoilt).await;
    let before = isla.get(&path(&spoilt)).await.data().clone();

    let poison = append_nonsense(&world, &spoilt).await;
    let elsewhere = loop {
        let cask = isla.cask("P-2").await;
        if partition(&cask) != partition(&spoilt) {
            break cask;
        }
    };
    readable(&elsewhere).await;
    assert_eq!(isla.get(&path(&spoilt)).await.expect(200).data(), &before);

    // It is shown, it is counted, and nobody is turned away for it.
    let (at, position) = (partition(&spoilt), poison.to_string());
    let shown = json!([
        { "projection": "whiskeys", "partition": at, "position": position },
        { "projection": "whiskey_history", "partition": at, "position": position },
        { "projection": "portfolio", "partition": at, "position": position },
        { "projection": "audit_log", "partition": at, "position": position },
    ]);
    until("the read models of casks have parked it", || async {
        (isla.get("/ready").await.expect(200).data()["poisoned"] == shown).then_some(())
    })
    .await;
    let metrics = isla.request(reqwest::Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("projection_parked{projection=\"whiskeys\"} 1"), "{metrics}");
    assert!(metrics.contains("projection_parked{projection=\"users\"} 0"), "{metrics}");

    // Started again, it is tried again, and is still there.
    server.kill().await;
    let server = world.server().await;
    let isla = isla.at(&server.url);
    until("the partition is parked again", || async {
        (isla.get("/ready").await.expect(200).data()["poisoned"] == shown).then_some(())
    })
    .await;
    isla.get(&path(&elsewhere)).await.expect(200);
}

/// An event nobody knows, at the end of a cask's stream. Gives its position.
async fn append_nonsense(world: &World, cask: &str) -> i64 {
    world.append("whiskey", cask, |last, _| last["type"] = json!("whiskey.turned_to_gold")).await
}

/// Writes down what it sees, and refuses some events.
#[derive(Default)]
struct Fussy {
    refused: Mutex<BTreeSet<i64>>,
}

impl Projection for Fussy {
    const NAME: &'static str = "fussy";
    const VERSION: i32 = 1;
    const TABLES: &'static str = "create table seen (position bigint primary key);";

    async fn apply(&self, at: &mut PgConnection, event: &Recorded) -> Result<(), ApplyError> {
        if self.refused.lock().unwrap().contains(&event.position) {
            return Err(ApplyError::Vault(VaultError::Corrupt));
        }
        sqlx::query("insert into seen values ($1)").bind(event.position).execute(at).await?;
        Ok(())
    }
}

#[tokio::test]
async fn what_a_parked_partition_missed_is_folded_once_its_event_can_be() {
    let world = World::new().await;
    let server = world.server().await;
    for name in ["Isla", "Finlay", "Morag"] {
        server.person(name).await.cask("P-3").await;
    }
    server.terminate().await;
    let pool = database::pool(&world.database_url(), Role::Projector, 4).unwrap();
    let journal = Journal::new(pool.clone());
    let log = journal.after(-1, 1_000).await.unwrap();
    let all: Vec<i64> = log.iter().map(|event| event.position).collect();
    // Two events of one partition, with others before, between or after.
    let in_partition = |home: usize| -> Vec<i64> {
        let of_it = log.iter().filter(|event| partition(&event.aggregate_id) == home);
        of_it.map(|event| event.position).collect()
    };
    let fit = |same: &Vec<i64>| same.len() >= 2 && same.last() < all.last();
    let same = (0..eventstore::stream::PARTITIONS).map(in_partition).find(fit).unwrap();
    let seen = || async {
        sqlx::query_scalar::<_, i64>("select position from read_fussy.seen order by position")
            .fetch_all(&pool)
            .await
            .unwrap()
    };
    let without = |from: i64| -> Vec<i64> {
        all.iter().copied().filter(|at| !same.contains(at) || *at < from).collect()
    };

    let fussy = Fussy::default();
    fussy.refused.lock().unwrap().extend([same[0], same[1]]);
    generation::ensure::<Fussy>(&pool).await.unwrap();
    let mut stuck = Vec::new();
    for batch in log.chunks(4) {
        (_, stuck) = generation::advance(&fussy, &pool, batch).await.unwrap();
    }
    assert_eq!(stuck.iter().map(|parked| parked.position).collect::<Vec<_>>(), [same[0]]);
    assert_eq!(seen().await, without(same[0]));

    // The first can be folded now: it goes as far as the second.
    fussy.refused.lock().unwrap().remove(&same[0]);
    let stuck = parked::try_again(&fussy, &pool, &journal).await.unwrap();
    assert_eq!(stuck.iter().map(|parked| parked.position).collect::<Vec<_>>(), [same[1]]);
    assert_eq!(seen().await, without(same[1]));

    // Built anew while it still stands in the way, the same is parked.
    generation::rebuild(&fussy, &pool, &journal, |_| {}).await.unwrap();
    assert_eq!(parked::of_live::<Fussy>(&pool).await.unwrap(), stuck);
    assert_eq!(seen().await, without(same[1]));

    fussy.refused.lock().unwrap().clear();
    assert_eq!(parked::try_again(&fussy, &pool, &journal).await.unwrap(), []);
    assert_eq!(seen().await, all);
    assert_eq!(parked::of_live::<Fussy>(&pool).await.unwrap(), []);
}
