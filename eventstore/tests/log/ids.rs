//! Ids: no two processes make the same one, whoever had the worker number before.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::moment::Moment;
use eventstore::Clock;
use eventstore::ids::{IdRange, Ids, IdsError};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::servers::{Process, database, until};

/// Leases every number but one to somebody else, for good.
const ALL_BUT_ONE: &str = "update eventstore.worker_leases
    set ids_until = case worker when 7 then 0 else 9000000000000000 end";

fn worker_of(id: i64) -> i64 {
    (id >> 10) & 1_023
}

fn some(ids: &Ids, count: usize) -> Vec<i64> {
    (0..count).map(|_| ids.next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leases_never_give_the_same_id() {
    let database = database().await;
    let pool = Process::start(&database.url).pool;
    let clock = Clock::system();
    let (one, other) = tokio::join!(Ids::lease(&pool, &clock), Ids::lease(&pool, &clock));
    let (one, other) = (one.unwrap(), other.unwrap());
    let makers: Vec<_> = [one.clone(), one, other.clone(), other]
        .into_iter()
        .map(|ids| tokio::task::spawn_blocking(move || some(&ids, 5_000)))
        .collect();
    let mut all = HashSet::new();
    for maker in makers {
        let made = maker.await.unwrap();
        assert!(made.iter().all(|id| *id > 0 && all.insert(*id)), "an id came twice");
        assert!(made.is_sorted());
    }
    assert_eq!(all.iter().map(|id| worker_of(*id)).collect::<HashSet<_>>().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_given_back_is_free_at_once_and_gives_no_id_again() {
    let database = database().await;
    database.execute(ALL_BUT_ONE).await;
    let pool = Process::start(&database.url).pool;
    let clock = Clock::system();
    let mut all = HashSet::new();
    for _ in 0..3 {
        let ids = until("the number", async || match Ids::lease(&pool, &clock).await {
            Ok(ids) => Some(ids),
            // A burst runs ahead of the clock, and until then the number is its holder's.
            Err(IdsError::NoWorkerFree) => None,
            Err(error) => panic!("{error}"),
        })
        .await;
        assert!(matches!(Ids::lease(&pool, &clock).await, Err(IdsError::NoWorkerFree)));
        assert!(some(&ids, 20_000).into_iter().all(|id| all.insert(id) && worker_of(id) == 7));
        let stop = CancellationToken::new();
        stop.cancel();
        ids.clone().keep(pool.clone(), clock.clone(), stop).await;
        assert!(matches!(ids.next(), Err(IdsError::LeaseExpired)));
        let until: i64 = until_of(&mut database.owner().await, 7).await;
        // Not the minute that was promised.
        assert!(until < clock.now().plus(Duration::from_secs(30)).unix_ms());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_ids_are_nobody_elses_and_the_same_for_the_same_number() {
    let database = database().await;
    database.execute(ALL_BUT_ONE).await;
    let process = Process::start(&database.url);
    let count = 50_000;
    let range = process.store.reserve_ids(count).await.unwrap();
    let mut all: Vec<i64> = (0..=count).map(|number| range.at(number)).collect();
    assert!(all.is_sorted_by(|one, next| one < next));
    assert!(all.iter().all(|id| worker_of(*id) == 7));
    assert_eq!(IdRange::beginning_with(range.first()).at(count), range.at(count));
    let ids = until("the number is free again", async || {
        Ids::lease(&process.pool, &Clock::system()).await.ok()
    })
    .await;
    all.extend(some(&ids, 1_000));
    assert!(all.is_sorted_by(|one, next| one < next), "an id came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_free_number_nobody_gets_ids() {
    let database = database().await;
    database.execute(ALL_BUT_ONE).await;
    let pool = Process::start(&database.url).pool;
    let _held = Ids::lease(&pool, &Clock::system()).await.unwrap();
    assert!(matches!(Ids::lease(&pool, &Clock::system()).await, Err(IdsError::NoWorkerFree)));
}

/// Takes as long as a holder waits before it renews.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_and_was_taken_is_replaced() {
    let database = database().await;
    database.execute(ALL_BUT_ONE).await;
    let pool = Process::start(&database.url).pool;
    let now = Clock::system();
    // A process that was asleep for two minutes right after it took its lease.
    let told = Arc::new(AtomicI64::new(now.now().unix_ms() - 120_000));
    let tell = Arc::clone(&told);
    let sleepy = Clock::told_by(move || Moment::from_unix_ms(tell.load(Ordering::Relaxed)));
    let ids = Ids::lease(&pool, &sleepy).await.unwrap();
    assert!(matches!(ids.next(), Err(IdsError::LeaseExpired)), "the lease has run out");
    let taker = Ids::lease(&pool, &now).await.unwrap();
    assert_eq!(worker_of(taker.next().unwrap()), 7);

    told.store(now.now().unix_ms(), Ordering::Relaxed);
    database.execute("update eventstore.worker_leases set ids_until = 0 where worker = 8").await;
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(ids.clone().keep(pool.clone(), sleepy.clone(), stop.clone()));
    let id = until("another number", async || ids.next().ok()).await;
    assert_eq!((worker_of(id), worker_of(taker.next().unwrap())), (8, 7));
    // The taker's promise stands as the taker made it.
    assert!(until_of(&mut database.owner().await, 7).await > now.now().unix_ms());
    stop.cancel();
    keeping.await.unwrap();
}

async fn until_of(owner: &mut PgConnection, worker: i32) -> i64 {
    sqlx::query_scalar("select ids_until from eventstore.worker_leases where worker = $1")
        .bind(worker)
        .fetch_one(owner)
        .await
        .unwrap()
}
