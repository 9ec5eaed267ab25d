//! Read models: rebuilt under readers, and closed to other tenants by the database itself.

use std::time::Duration;

use reqwest::Method;
use sqlx::Executor;

use crate::world::{Answer, calm, until};

#[tokio::test]
async fn a_rebuild_ends_with_the_same_rows_while_reads_go_on() {
    let calm = calm().await;
    let (isla, keeper) = (calm.server.person("Isla").await, calm.server.administrator().await);
    let cask = isla.cask("P-1").await;
    let database = calm.world.database().await;
    let generation = || async {
        let (oid,): (i64,) =
            sqlx::query_as("select oid::bigint from pg_namespace where nspname = 'read_whiskeys'")
                .fetch_one(&database)
                .await
                .unwrap();
        oid
    };
    let path = format!("/api/v1/whiskeys/{cask}");
    let before = until("the cask is readable", || async {
        let answer = isla.get(&path).await;
        (answer.status == 200).then(|| answer.data().clone())
    })
    .await;
    let old = generation().await;
    let rebuild = "/admin/projections/whiskeys/rebuild";
    isla.post(rebuild, serde_json::json!({})).await.refused(403, "PERMISSION_DENIED");
    Answer::of(keeper.request(Method::POST, rebuild)).await.expect(202);
    until("another generation is live", || async {
        assert_eq!(isla.get(&path).await.expect(200).data(), &before);
        (generation().await != old).then_some(())
    })
    .await;
    assert_eq!(isla.get(&path).await.expect(200).data(), &before);
    let list = keeper.get("/admin/projections").await.expect(200);
    assert_eq!(list.data().as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn the_database_shows_a_tenant_its_own_rows_and_nobody_else_any() {
    let calm = calm().await;
    let isla = calm.server.person("Isla").await;
    let cask = isla.cask("Y-1").await;
    until("the cask is readable", || async {
        (isla.get(&format!("/api/v1/whiskeys/{cask}")).await.status == 200).then_some(())
    })
    .await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .connect(&calm.world.database_url())
        .await
        .unwrap();
    let seen = |scope: &'static str| {
        let pool = pool.clone();
        async move {
            let mut tx = pool.begin().await.unwrap();
            tx.execute("set local role caskchain_reader").await.unwrap();
            tx.execute(scope).await.unwrap();
            let (rows,): (i64,) = sqlx::query_as("select count(*) from read_whiskeys.whiskeys")
                .fetch_one(&mut *tx)
                .await
                .unwrap();
            rows
        }
    };
    assert!(seen("set local caskchain.tenant = '1'").await > 0);
    assert_eq!(seen("set local caskchain.tenant = '2'").await, 0);
    assert_eq!(seen("select 1").await, 0);

    // The login itself, without a role taken on, has no rights at all.
    let bare = sqlx::query("select count(*) from read_whiskeys.whiskeys").execute(&pool).await;
    assert!(bare.unwrap_err().to_string().contains("permission denied"));
    let forged = sqlx::query("update eventstore.events set envelope = '{}'").execute(&pool).await;
    assert!(forged.unwrap_err().to_string().contains("permission denied"));
}
