//! Names only one may have: given up by its holder, a name is free for the next, and nobody gives up
//! somebody else's.

use domain::id::TenantId;
use domain::lane::Lane;
use domain::tenant::{Tenant, TenantEvent};
use eventstore::{Claim, CommitError, Name};

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

#[tokio::test]
async fn what_stands_behind_a_name_is_read_with_it_whether_or_not_anybody_holds_it() {
    let database = database().await;
    let process = Process::start(&database.url);
    commit(&process, "1", vec![named(1, "1", false)]).await.unwrap();
    commit(&process, "2", vec![]).await.unwrap();
    let behind = async |tenant: TenantId, digest: u8| {
        let name = Name { tenant, kind: "test.name", digest: &[digest], nobody: "0" };
        let ids = ["2", "3"];
        let (holder, lane, others) =
            process.store.load_behind::<Tenant, Lane, Tenant>(&name, &ids).await.unwrap();
        assert_eq!((&holder.id, lane.sequence), (&lane.id, 0));
        let others: Vec<_> = others.into_iter().map(|other| (other.id, other.sequence)).collect();
        (holder.id, holder.sequence, others)
    };
    let others = || vec![("2".to_owned(), 1), ("3".to_owned(), 0)];
    assert_eq!(behind(TENANT, 1).await, ("1".to_owned(), 1, others()));
    assert_eq!(behind(TENANT, 2).await, ("0".to_owned(), 0, others()));

    // The name of another tenant's.
    let name = Name { tenant: TenantId::new(2), kind: "test.name", digest: &[1], nobody: "0" };
    let elsewhere = process.store.load_behind::<Tenant, Lane, Tenant>(&name, &[]).await.unwrap();
    assert_eq!((elsewhere.0.id.as_str(), elsewhere.0.sequence), ("0", 0));
}
