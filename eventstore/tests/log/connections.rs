//! Connections at hand: one that has answered asks on, and no answer is taken for another's.

use domain::tenant::{Tenant, TenantEvent};
use eventstore::Claim;

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
