//! Names only one may have: given up by its holder, a name is free for the next, and nobody gives up
//! somebody else's.

use domain::tenant::{Tenant, TenantEvent};
use eventstore::{Claim, CommitError};

use super::servers::{Process, TENANT, database};

async fn commit(process: &Process, stream: &str, claims: Vec<Claim>) -> Result<i64, CommitError> {
    let loaded = process.store.load_fresh::<Tenant>(TENANT, stream).await.unwrap();
    let created = TenantEvent::TenantCreated { name: stream.to_owned() };
    let commit = process.store.begin(&process.context).append(&loaded, vec![created]);
    process.store.commit(commit.claiming(claims)).await.map(|committed| committed.position)
}

fn named(digest: u8, holder: &str, let_go: bool) -> Claim {
    Claim { kind: "test.name", digest: vec![digest], holder: holder.to_owned(), let_go }
}

#[tokio::test]
async fn a_name_is_exchanged_in_one_commit() {
    let database = database().await;
    let process = Process::start(&database.url);
    let holder =
        async |digest: u8| process.store.holder_of(TENANT, "test.name", &[digest]).await.unwrap();
    commit(&process, "1", vec![named(1, "isla", false)]).await.unwrap();
    let taken = commit(&process, "2", vec![named(1, "finlay", false)]).await;
    assert!(matches!(taken, Err(CommitError::Claimed(_))), "{taken:?}");
    let stolen = commit(&process, "2", vec![named(1, "finlay", true)]).await;
    assert!(matches!(stolen, Err(CommitError::Claimed(_))), "{stolen:?}");
    assert_eq!(holder(1).await.as_deref(), Some("isla"));

    // The new name is somebody else's: the old one is kept.
    commit(&process, "2", vec![named(2, "finlay", false)]).await.unwrap();
    let lost = commit(&process, "1", vec![named(1, "isla", true), named(2, "isla", false)]).await;
    assert!(matches!(lost, Err(CommitError::Claimed(_))), "{lost:?}");
    assert_eq!(holder(1).await.as_deref(), Some("isla"));

    commit(&process, "1", vec![named(1, "isla", true), named(3, "isla", false)]).await.unwrap();
    assert_eq!((holder(1).await, holder(3).await.as_deref()), (None, Some("isla")));
    commit(&process, "2", vec![named(1, "finlay", false)]).await.unwrap();
    assert_eq!(holder(1).await.as_deref(), Some("finlay"));
}
