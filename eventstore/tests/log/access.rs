//! Who may write what: the log grows through `append` alone, and nothing in it changes.

use domain::tenant::{Tenant, TenantEvent};
use eventstore::database::{self, Role};
use sqlx::{Connection, PgConnection};

use super::content::sound_log;
use super::servers::{Database, Process, TENANT, database};

/// PostgreSQL's code for "you may not".
const FORBIDDEN: &str = "42501";

/// What a role that reads and appends might try.
const ATTEMPTS: &[&str] = &[
    "update eventstore.events set envelope = '{}'",
    "delete from eventstore.events",
    "truncate eventstore.events",
    "insert into eventstore.events select 1, tenant, 1, aggregate_type, aggregate_id, 2, event_type,
         schema_version, recorded_at, envelope, leaf from eventstore.events limit 1",
    "update eventstore.log set next_position = 0",
    "update eventstore.tenant_log set next_position = 0",
    "insert into eventstore.claims values (1, 'k', '\\x00', 'me')",
    "update eventstore.claims set holder = 'me'",
    "delete from eventstore.claims",
    "insert into eventstore.idempotency values (1, 'a', 'k', '\\x00', '', 0, now())",
    "update eventstore.idempotency set answer = ''",
    "delete from eventstore.idempotency",
    "insert into eventstore.vault values (1, 1, 'contact', '\\x00', '\\x00')",
    "update eventstore.vault set ciphertext = ''",
    "delete from eventstore.vault",
    "update eventstore.vault_keys set wrapped_key = ''",
    "delete from eventstore.vault_keys",
    "update eventstore.secrets set wrapped = ''",
    "alter table eventstore.events disable trigger append_only",
    "drop trigger append_only on eventstore.events",
    "create or replace function eventstore.refuse_rewriting() returns trigger language plpgsql
         as 'begin return null; end'",
    "drop function eventstore.refuse_rewriting cascade",
    "set session_replication_role = replica",
    "create table eventstore.mine (n int)",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_role_of_the_application_rewrites_the_log() {
    let database = written().await;
    for role in [Role::Log, Role::Projector, Role::Reader] {
        let pool = database::pool(&database.url, role, 1).unwrap();
        for attempt in ATTEMPTS {
            let refused = sqlx::raw_sql(attempt).execute(&pool).await;
            assert_eq!(code(refused), FORBIDDEN, "{role:?}: {attempt}");
        }
    }
    sound_log(&mut database.owner().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_alone_and_the_other_roles_may_not_even_append() {
    let database = written().await;
    let mut login = PgConnection::connect(&database.url).await.unwrap();
    let looked = sqlx::raw_sql("select * from eventstore.events").execute(&mut login).await;
    assert_eq!(code(looked), FORBIDDEN);
    let arguments = sqlx::query_scalar::<_, String>(
        "select string_agg('null', ',') from pg_proc, unnest(proargtypes)
         where proname = 'append' and pronamespace = 'eventstore'::regnamespace",
    )
    .fetch_one(&mut database.owner().await)
    .await
    .unwrap();
    let append = format!("select eventstore.append({arguments})");
    for role in [Role::Projector, Role::Reader] {
        let pool = database::pool(&database.url, role, 1).unwrap();
        assert_eq!(code(sqlx::raw_sql(&append).execute(&pool).await), FORBIDDEN, "{role:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn even_the_owner_is_stopped_by_the_trigger() {
    let database = written().await;
    let mut owner = database.owner().await;
    for attempt in &ATTEMPTS[..3] {
        let refused = sqlx::raw_sql(attempt).execute(&mut owner).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{attempt}: {refused}");
    }
    assert_eq!(sound_log(&mut owner).await.len(), 1);
}

/// A database with one event.
async fn written() -> Database {
    let database = database().await;
    let process = Process::start(&database.url);
    let loaded = process.store.load::<Tenant>(TENANT, "7").await.unwrap();
    let events = vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }];
    let commit = process.store.begin(&process.context).append(&loaded, events);
    process.store.commit(commit).await.unwrap();
    database
}

fn code<T>(outcome: Result<T, sqlx::Error>) -> String {
    let Err(error) = outcome else { panic!("it was carried out") };
    error.as_database_error().and_then(|error| error.code()).unwrap().into_owned()
}
