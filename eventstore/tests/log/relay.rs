//! The relay: the stream ends up as the log is, message for message, whatever dies on the way.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::Config;
use domain::tenant::{Tenant, TenantEvent};
use eventstore::relay::Relay;
use eventstore::{CommitError, Context, stream};
use sqlx::Connection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::content::sound_log;
use super::servers::{Database, Messages, Process, TENANT, database, until};

/// A relay at work.
pub struct Running {
    published: watch::Receiver<i64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

pub fn relay(process: &Process, servers: &Messages) -> Running {
    let (sender, published) = watch::channel(-1);
    let relay = Relay {
        pool: process.pool.clone(),
        jetstream: servers.jetstream.clone(),
        replicas: 1,
        head: process.appender.head(),
        published: sender,
    };
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));
    Running { published, stop, task }
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub async fn until_published(relay: &Running, position: i64) {
    let mut published = relay.published.clone();
    let reached = published.wait_for(|published| *published >= position);
    timeout(Duration::from_secs(60), reached).await.unwrap().unwrap();
}

/// Everything in the stream, in its order.
pub async fn messages(servers: &Messages) -> Vec<StreamMessage> {
    let stream = servers.jetstream.get_stream(stream::NAME).await.unwrap();
    let state = stream.get_info().await.unwrap().state;
    assert_eq!(state.messages, state.last_sequence, "sequences without gaps");
    let mut messages = Vec::new();
    for sequence in 1..=state.last_sequence {
        messages.push(stream.get_raw_message(sequence).await.unwrap());
    }
    messages
}

/// The stream holds the log: each event once, in order, with the headers subscribers build on.
async fn stream_is_the_log(database: &Database, servers: &Messages) -> usize {
    let log = sound_log(&mut database.owner().await).await;
    let messages = messages(servers).await;
    let positions: Vec<_> =
        messages.iter().map(|message| header(message, stream::POSITION)).collect();
    let expected: Vec<_> = (0..log.len()).map(|position| position.to_string()).collect();
    assert_eq!(positions, expected);
    let mut previous: HashMap<String, String> = HashMap::new();
    for (message, entry) in messages.iter().zip(&log) {
        assert_eq!(message.payload, entry.envelope.as_bytes());
        let (aggregate, event) = entry.event_type.split_once('.').unwrap();
        let subject =
            format!("caskchain.events.{}.{aggregate}.{}.{event}", entry.tenant, entry.aggregate_id);
        assert_eq!(message.subject.as_str(), subject);
        assert_eq!(header(message, stream::TYPE), entry.event_type);
        assert_eq!(header(message, stream::SCHEMA_VERSION), entry.schema_version.to_string());
        assert_eq!(header(message, stream::TENANT_POSITION), entry.tenant_position.to_string());
        let millis = entry.recorded_at.unix_timestamp_nanos() / 1_000_000;
        let moment = domain::moment::Moment::from_unix_ms(i64::try_from(millis).unwrap());
        assert_eq!(header(message, stream::RECORDED_AT), moment.to_string());
        assert_eq!(header(message, stream::CORRELATION_ID), "correlation");
        let partition = stream::partition(&entry.aggregate_id).to_string();
        assert_eq!(header(message, stream::PARTITION), partition);
        let before = previous.insert(partition, entry.position.to_string());
        assert_eq!(header(message, stream::PREVIOUS_POSITION), before.as_deref().unwrap_or("-1"));
    }
    log.len()
}

fn header<'a>(message: &'a StreamMessage, name: &str) -> &'a str {
    message.headers.get(name).unwrap_or_else(|| panic!("no {name}")).as_str()
}

/// Appends one event to each of `count` streams.
pub async fn append(process: &Process, count: usize) {
    for number in 0..count {
        let id = (7_000 + number % 300).to_string();
        while let Err(error) = append_one(process, &process.context, &id).await {
            assert!(matches!(error, CommitError::Stale), "{error}");
        }
    }
}

async fn append_one(process: &Process, context: &Context, id: &str) -> Result<i64, CommitError> {
    let loaded = process.store.load_fresh::<Tenant>(TENANT, id).await.unwrap();
    let events = vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }];
    let commit = process.store.begin(context).append(&loaded, events);
    process.store.commit(commit).await.map(|committed| committed.position)
}

async fn head(process: &Process) -> i64 {
    process.journal.head().await.unwrap()
}

/// Appends until told to stop.
struct Appending(Arc<AtomicBool>, JoinHandle<()>);

impl Appending {
    fn start(process: &Process) -> Self {
        let (go_on, process) = (Arc::new(AtomicBool::new(true)), process.clone());
        let told = Arc::clone(&go_on);
        let task = tokio::spawn(async move {
            while told.load(Ordering::Relaxed) {
                append(&process, 5).await;
            }
        });
        Self(go_on, task)
    }

    async fn stop(self) {
        self.0.store(false, Ordering::Relaxed);
        self.1.await.unwrap();
    }
}

async fn until_head(process: &Process, position: i64) {
    until("more events", async || (head(process).await >= position).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishes_everything_in_order_with_its_headers() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    // More than a window before the relay starts, some after.
    let loaded = process.store.load::<Tenant>(TENANT, "1").await.unwrap();
    let many = vec![TenantEvent::TenantCreated { name: "Islay Casks".into() }; 1_100];
    process
        .store
        .commit(process.store.begin(&process.context).append(&loaded, many))
        .await
        .unwrap();
    let relay = relay(&process, &servers);
    append(&process, 50).await;
    let traced = Context { traceparent: Some("00-trace".into()), ..process.context.clone() };
    append_one(&process, &traced, "2").await.unwrap();
    // Another process appends without telling: the relay looks by itself.
    append(&Process::start(&database.url), 3).await;
    until_published(&relay, 1_153).await;
    assert_eq!(stream_is_the_log(&database, &servers).await, 1_154);
    let messages = messages(&servers).await;
    assert_eq!(header(&messages[1_150], stream::TRACEPARENT), "00-trace");
    assert!(messages[1_149].headers.get(stream::TRACEPARENT).is_none());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_killed_during_appends_costs_nothing() {
    let (database, mut servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    let relay = relay(&process, &servers);
    let appending = Appending::start(&process);
    for _ in 0..3 {
        until_published(&relay, head(&process).await + 40).await;
        servers.nats.kill().await.unwrap();
        until_head(&process, head(&process).await + 40).await;
        servers.nats.start_again().await.unwrap();
    }
    until_published(&relay, head(&process).await).await;
    appending.stop().await;
    until_published(&relay, head(&process).await).await;
    assert!(stream_is_the_log(&database, &servers).await > 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_one_publishes_and_the_other_takes_over() {
    let (database, servers) = (database().await, Messages::start().await);
    let processes = [Process::start(&database.url), Process::start(&database.url)];
    let [one, other] = processes.each_ref().map(|process| relay(process, &servers));
    append(&processes[0], 100).await;
    append(&processes[1], 100).await;
    until("the events", async || {
        let furthest = (*one.published.borrow()).max(*other.published.borrow());
        (furthest == 199).then_some(())
    })
    .await;
    let (active, passive) =
        if *one.published.borrow() == 199 { (one, other) } else { (other, one) };
    assert_eq!(*passive.published.borrow(), -1, "two at once");
    active.stop().await;
    append(&processes[0], 50).await;
    until_published(&passive, 249).await;
    assert_eq!(stream_is_the_log(&database, &servers).await, 250);
}

/// Makes every relay believe that it has the lock: by a function that comes before PostgreSQL's.
async fn blind(database: &Database) {
    database
        .execute(
            "create schema blind; grant usage on schema blind to public;
             create function blind.pg_try_advisory_lock(bigint) returns boolean
                 language sql as 'select true';
             do $$ begin
                 execute format('alter database %I set search_path = blind, pg_catalog',
                     current_database());
             end $$",
        )
        .await;
}

/// A relay that was overtaken while it stood still is refused, even when the server has forgotten
/// the message ids it could know a repetition by.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_overtaken_is_fenced() {
    let (database, servers) = (database().await, Messages::start().await);
    blind(&database).await;
    let forgets = Duration::from_millis(100);
    servers
        .jetstream
        .create_stream(Config {
            name: stream::NAME.to_owned(),
            subjects: vec![stream::SUBJECTS.to_owned()],
            duplicate_window: forgets,
            ..Config::default()
        })
        .await
        .unwrap();
    let process = Process::start(&database.url);
    let mut owner = database.owner().await;
    let mut holding = owner.begin().await.unwrap();
    sqlx::raw_sql("select * from eventstore.relay for update")
        .execute(&mut *holding)
        .await
        .unwrap();
    append(&process, 10).await;
    let slow = relay(&process, &servers);
    until_published(&slow, 9).await;
    append(&process, 20).await;
    let quick = relay(&process, &servers);
    until_published(&quick, 29).await;
    // Nothing tells when the server has forgotten: it goes by time alone.
    tokio::time::sleep(forgets * 5).await;
    holding.rollback().await.unwrap();
    append(&process, 20).await;
    until_published(&slow, 49).await;
    until_published(&quick, 49).await;
    assert_eq!(stream_is_the_log(&database, &servers).await, 50);
}

/// The lock only saves trouble: without it, the stream itself lets one of them through.
#[tokio::test(flavor = "multi_thread")]
async fn two_relays_that_both_believe_they_are_alone_publish_once() {
    let servers = Messages::start().await;
    let database = database().await;
    let processes = [Process::start(&database.url), Process::start(&database.url)];
    blind(&database).await;
    let relays = processes.each_ref().map(|process| relay(process, &servers));
    let appending = processes.each_ref().map(Appending::start);
    until_head(&processes[0], 400).await;
    for appending in appending {
        appending.stop().await;
    }
    let head = head(&processes[0]).await;
    for relay in &relays {
        until_published(relay, head).await;
    }
    assert!(stream_is_the_log(&database, &servers).await > 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_died_between_publishing_and_noting_repeats_nothing() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    let first = relay(&process, &servers);
    append(&process, 10).await;
    until_published(&first, 9).await;

    let mut owner = database.owner().await;
    let mut holding = owner.begin().await.unwrap();
    sqlx::raw_sql("select * from eventstore.relay for update")
        .execute(&mut *holding)
        .await
        .unwrap();
    append(&process, 20).await;
    until("publication without a note", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                 and datname = current_database() and query like 'update eventstore.relay%'",
        )
        .fetch_one(&mut database.owner().await)
        .await
        .unwrap();
        (waiting == 1).then_some(())
    })
    .await;
    first.task.abort();
    assert!(first.task.await.unwrap_err().is_cancelled());
    // Nor may its last statement still be carried out.
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query like 'update eventstore.relay%'";
    sqlx::raw_sql(kill).execute(&mut *holding).await.unwrap();
    holding.rollback().await.unwrap();

    append(&process, 20).await;
    let second = relay(&process, &servers);
    until_published(&second, 49).await;
    assert_eq!(stream_is_the_log(&database, &servers).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_deleted_while_the_relay_was_stopped_is_filled_again() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    let first = relay(&process, &servers);
    append(&process, 40).await;
    until_published(&first, 39).await;
    first.stop().await;
    servers.jetstream.delete_stream(stream::NAME).await.unwrap();
    append(&process, 10).await;
    let second = relay(&process, &servers);
    until_published(&second, 49).await;
    assert_eq!(stream_is_the_log(&database, &servers).await, 50);
    second.stop().await;
}
