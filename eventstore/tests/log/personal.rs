//! Personal data: sealed on its way into the log, and gone from everywhere once its vault is empty.

use domain::command::Command;
use domain::id::{ChallengeId, DeviceId, UserId};
use domain::language::Language;
use domain::moment::Moment;
use domain::personal::Purpose;
use domain::session::{OpenSession, Session};
use domain::user::email::Email;
use domain::user::names::FullName;
use domain::user::{EraseUser, RecordRegistrationAttempt, RegisterUser, User, UserEvent};
use eventstore::{CommitError, Committed};
use sqlx::PgConnection;

use super::relay::{messages, relay, until_published};
use super::servers::{Database, Messages, Process, TENANT, database, until};

const EMAIL: &str = "findme.Needle@haystack.example";
const NAME: &str = "Findme Haystacker";
const USER: UserId = UserId::new(7_204_001);
/// So many that there is a snapshot.
const ATTEMPTS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_is_in_the_vault_and_nowhere_else() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    registered(&process).await;
    let relay = relay(&process, &servers);
    until_published(&relay, i64::try_from(ATTEMPTS).unwrap()).await;
    until("a snapshot", async || snapshot_taken(&database).await).await;

    let mut owner = database.owner().await;
    let (mut everything, mut tables) = (String::new(), 0);
    for table in tables_of(&mut owner).await {
        everything += &dump(&mut owner, &table).await;
        tables += 1;
    }
    assert!(tables >= 9, "{tables}");
    for message in messages(&servers).await {
        everything += std::str::from_utf8(&message.payload).unwrap();
        everything += &format!("{} {:?}", message.subject, message.headers);
    }
    assert!(everything.contains("user.registration_attempted"));
    let everything = everything.to_lowercase();
    for word in ["needle", "haystack", "findme", "argon2id"] {
        let in_hex = hex::encode(word);
        assert!(!everything.contains(word) && !everything.contains(&in_hex), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_opens_until_it_is_emptied_and_the_rest_stays() {
    let database = database().await;
    let process = Process::start(&database.url);
    registered(&process).await;
    let before = process.store.load_fresh::<User>(TENANT, "7204001").await.unwrap();
    assert_eq!(opened(&process).await, [Some(EMAIL.to_owned()), Some(NAME.to_owned())]);

    // Keys alone, then the rest: either is enough.
    database.execute("delete from eventstore.vault_keys where purpose = 'contact'").await;
    assert_eq!(opened(&process).await, [None, None]);
    database.execute("delete from eventstore.vault_keys; delete from eventstore.vault").await;
    let other = Process::start(&database.url);
    for process in [&process, &other] {
        assert_eq!(opened(process).await, [None, None]);
        let after = process.store.load_fresh::<User>(TENANT, "7204001").await.unwrap();
        assert_eq!((after.sequence, &*after.state), (before.sequence, &*before.state));
    }
}

/// A process remembers data keys. One that was destroyed by another must not come back that way.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sealed_under_a_key_that_was_destroyed_elsewhere() {
    let database = database().await;
    let (one, other) = (Process::start(&database.url), Process::start(&database.url));
    registered(&one).await;
    open_session(&one, "1").await.unwrap();
    open_session(&one, "2").await.unwrap();
    let loaded = other.store.load::<User>(TENANT, &USER.to_string()).await.unwrap();
    let erased = EraseUser.decide(&loaded.state).unwrap();
    let commit = other.store.begin(&other.context).append(&loaded, erased);
    let purposes = [Purpose::Contact, Purpose::Security];
    other.store.commit(commit.erasing(USER, &purposes)).await.unwrap();
    let kept = async || {
        let sql = "select (select count(*) from eventstore.vault)
                       + (select count(*) from eventstore.vault_keys)";
        let mut owner = database.owner().await;
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut owner).await.unwrap()
    };
    assert_eq!(kept().await, 0);

    let outcome = open_session(&one, "3").await;
    assert!(matches!(outcome, Err(CommitError::Stale)), "{outcome:?}");
    assert_eq!(kept().await, 0);
}

async fn open_session(process: &Process, id: &str) -> Result<Committed, CommitError> {
    let command = OpenSession {
        user: USER,
        device: DeviceId::new(5),
        address: Some("203.0.113.7".into()),
        user_agent: None,
        remember_me: false,
        now: Moment::from_unix_ms(0),
    };
    let loaded = process.store.unwritten::<Session>(TENANT, id);
    let events = command.decide(&loaded.state).unwrap();
    process.store.commit(process.store.begin(&process.context).append(&loaded, events)).await
}

async fn registered(process: &Process) {
    let register = RegisterUser {
        user: USER,
        email: Email::parse(EMAIL).unwrap(),
        username: None,
        full_name: Some(FullName::parse(NAME).unwrap()),
        phone: None,
        language: Language::English,
        password_hash: "$argon2id$needle".into(),
        challenge: ChallengeId::new(1),
        now: Moment::from_unix_ms(0),
    };
    commit(process, &register, 1).await;
    let attempt = RecordRegistrationAttempt;
    commit(process, &attempt, ATTEMPTS).await;
}

async fn commit(process: &Process, command: &impl Command<User>, times: usize) {
    let loaded = process.store.load::<User>(TENANT, &USER.to_string()).await.unwrap();
    let events = command.decide(&loaded.state).unwrap();
    let events = vec![events; times].concat();
    let commit = process.store.begin(&process.context).append(&loaded, events);
    process.store.commit(commit).await.unwrap();
}

/// The e-mail address and the name in the first event, as far as the vault still opens them.
async fn opened(process: &Process) -> [Option<String>; 2] {
    let first = &process.journal.after(-1, 1).await.unwrap()[0];
    let Some(UserEvent::UserRegistered { email, full_name, .. }) = first.event::<User>().unwrap()
    else {
        panic!("{first:?}");
    };
    let email = process.vault.open(TENANT, &email).await.unwrap();
    let name = process.vault.open(TENANT, &full_name.unwrap()).await.unwrap();
    [email.map(|email| email.as_str().to_owned()), name.map(|name| name.as_str().to_owned())]
}

async fn snapshot_taken(database: &Database) -> Option<i64> {
    sqlx::query_scalar("select sequence from eventstore.snapshots")
        .fetch_optional(&mut database.owner().await)
        .await
        .unwrap()
}

async fn tables_of(owner: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'eventstore'")
        .fetch_all(owner)
        .await
        .unwrap()
}

/// All rows as text, byte strings in hex.
async fn dump(owner: &mut PgConnection, table: &str) -> String {
    let rows = format!("select coalesce(string_agg(t::text, ' '), '') from eventstore.{table} t");
    sqlx::query_scalar(&rows).fetch_one(owner).await.unwrap()
}
