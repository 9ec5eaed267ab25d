//! Connections at hand: one that has answered asks on, and no answer is taken for another's.

use std::time::{Duration, Instant};

use domain::tenant::{Tenant, TenantEvent};
use eventstore::Claim;
use eventstore::connections::AtHand;
use eventstore::database::Role;

use super::servers::{Process, TENANT, database};

async fn named(process: &Process, digest: u8, holder: &str) {
    let loaded = process.store.load_fresh::<Tenant>(TENANT, holder).await.unwrap();
    let created = TenantEvent::TenantCreated { name: holder.to_owned() };
    let holder = holder.to_owned();
    let claim = Claim { kind: "test.name", digest: vec![digest], holder, let_go: false };
    let commit = process.store.begin(&process.context).append(&loaded, vec![created]);
    process.store.commit(commit.claiming(vec![claim])).await.unwrap();
}

async fn holder_of(process: &Process, digest: u8) -> Option<String> {
    process.store.holder_of(TENANT, "test.name", &[digest]).await.unwrap()
}

#[tokio::test]
async fn one_question_after_the_other_is_asked_on_one_connection() {
    let database = database().await;
    let process = Process::start(&database.url);
    for _ in 0..20 {
        assert_eq!(holder_of(&process, 1).await, None);
    }
    assert_eq!((process.pool.size(), process.pool.num_idle()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_question_that_was_given_up_is_nobody_else_s() {
    let database = database().await;
    let process = Process::start(&database.url);
    named(&process, 1, "isla").await;
    named(&process, 2, "finlay").await;
    let mut given_up = 0;
    for patience in 0..200 {
        tokio::select! {
            biased;
            holder = holder_of(&process, 1) => assert_eq!(holder.as_deref(), Some("isla")),
            () = moments(patience) => given_up += 1,
        }
        assert_eq!(holder_of(&process, 2).await.as_deref(), Some("finlay"));
    }
    assert!(given_up > 0);
}

/// Shorter than anything a clock would be asked for.
async fn moments(count: u32) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_while_others_keep_on_asking_is_served() {
    let database = database().await;
    let pool = eventstore::database::pool(&database.url, Role::Log, 2).unwrap();
    let at_hand: AtHand<()> = AtHand::new(pool, 2);
    let ends = Instant::now() + Duration::from_millis(1_500);
    let asking = (0..12).map(|_| {
        let at_hand = at_hand.clone();
        tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while Instant::now() < ends {
                let began = Instant::now();
                let mut taken = at_hand.take(None).await.unwrap();
                longest = longest.max(began.elapsed());
                sqlx::query("select 1").execute(&mut *taken).await.unwrap();
                at_hand.keep(taken);
            }
            longest
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        let longest = asked.await.unwrap();
        assert!(longest < Duration::from_secs(1), "{longest:?}");
    }
}
