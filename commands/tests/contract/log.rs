//! What is proven to the contract is what the event store has written, byte for byte.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::command::Root;
use domain::id::TenantId;
use domain::tenant::{Tenant, TenantEvent};
use domain::whiskey::{Whiskey, WhiskeyEvent};
use embedded::{DataFolder, Postgres, PostgresOptions};
use eventstore::appender::Appender;
use eventstore::database::{self, Role};
use eventstore::secrets::KeyEncryptionKey;
use eventstore::vault::Vault;
use eventstore::{Clock, Connections, Context, Entropy, Store};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::toolbox::{Toolbox, progress, say};

const TENANT: TenantId = TenantId::PLATFORM;
const HISTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/history");
const APPROVED: [&str; 2] = ["29371569188896773", "29371569188896999"];
const REGISTERED: &str = "29371569188896801";

#[tokio::test(flavor = "multi_thread")]
async fn a_mint_is_proven_by_an_approval_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    let options = PostgresOptions { throw_away: true };
    let postgres = Postgres::start_with(&data, &progress(), options).await.unwrap();
    database::migrate(&postgres.url()).await.unwrap();
    let events = written(&postgres.url()).await;
    say(&format!("the event store wrote {} events", events.len()));

    let toolbox = Toolbox::open().await;
    let log = toolbox.path().join("log.json");
    fs::write(&log, json!({ "events": events }).to_string()).unwrap();
    let report = toolbox.run(&["ledger", "log.json"]).await;
    report.lines().for_each(say);
    for cask in APPROVED {
        assert!(report.contains(&format!("minted {cask}")), "{report}");
    }
    assert!(report.contains(&format!("refused {REGISTERED}")), "{report}");
}

/// A log with two approvals, and all of it as an auditor gets it.
async fn written(url: &str) -> Vec<Value> {
    let pool = database::pool(url, Role::Log, 2).unwrap();
    let store = store(&pool);
    let named = vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }];
    append::<Tenant>(&store, "1", named).await;
    for cask in APPROVED {
        append::<Whiskey>(&store, cask, vec![sample("whiskey.registered")]).await;
        append::<Whiskey>(&store, cask, vec![sample("whiskey.approved")]).await;
    }
    append::<Whiskey>(&store, REGISTERED, vec![sample("whiskey.registered")]).await;
    let rows: Vec<(i64, i64, i64, String, String)> = sqlx::query_as(
        "select position, tenant_position, (extract(epoch from recorded_at) * 1000)::bigint,
             envelope, encode(leaf, 'hex')
         from eventstore.events order by position",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(position, tenant_position, recorded_at, envelope, leaf)| {
            json!({
                "position": position.to_string(),
                "tenantPosition": tenant_position.to_string(),
                "recordedAt": recorded_at.to_string(),
                "envelope": envelope,
                "leaf": leaf,
            })
        })
        .collect()
}

fn store(pool: &sqlx::PgPool) -> Store {
    let kek = KeyEncryptionKey::parse(&STANDARD.encode([7; 32]).into()).unwrap();
    let (appender, _) = Appender::start(pool, CancellationToken::new()).unwrap();
    let connections = Connections::new(pool.clone());
    let vault = Vault::new(connections.clone(), Entropy::default(), kek);
    Store::new(connections, appender, vault, Entropy::default(), Clock::system())
}

async fn append<A: Root>(store: &Store, id: &str, events: Vec<A::Event>) {
    let context = Context::system(TENANT, "test", "correlation", "cause");
    let loaded = store.load::<A>(TENANT, id).await.unwrap();
    store.commit(store.begin(&context).append(&loaded, events)).await.unwrap();
}

/// An event as the domain's history has it.
fn sample(name: &str) -> WhiskeyEvent {
    let text = fs::read_to_string(format!("{HISTORY}/{name}.v1.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}
