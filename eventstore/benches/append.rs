//! Measures the appender against stock `postgres-es` and against bare inserts, on one private
//! server with its default durability, in rounds, so that drift of the machine hurts all equally.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateError, CqrsFramework};
use domain::command::{Command, Decision};
use domain::id::{TenantId, WhiskeyId};
use domain::lane::{
    AssignNonce, Attempt, Errand, Lane, LaneError, LaneEvent, OpenLane, SettleSlot, SignAttempt,
};
use domain::permission::Permission;
use domain::tenant::{CreateTenant, Tenant};
use embedded::{DataFolder, Postgres, PostgresOptions, Progress};
use eventstore::appender::Appender;
use eventstore::database::{self, Role};
use eventstore::secrets::KeyEncryptionKey;
use eventstore::vault::Vault;
use eventstore::{Clock, CommitError, Connections, Context, Entropy, Store};
use postgres_es::{PostgresCqrs, PostgresEventRepository};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// How long one load runs in one round.
const SPAN: Duration = Duration::from_millis(1_500);
const LEVELS: [usize; 4] = [1, 16, 64, 512];
/// Twice ours: stock holds a connection for all of its transaction, we only while we read.
const STOCK_CONNECTIONS: u32 = 32;
const OUR_CONNECTIONS: u32 = 16;
const CLIENTS: usize = 16;
const ARRAY: usize = 100;
const LONG_STREAMS: usize = 8;
const LONG_EVENTS: usize = 10_000;
const LONG_TASKS: usize = 16;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Load {
    /// Decide and commit one event on a fresh stream, through our store, which knows that the
    /// stream is fresh; stock reads it first.
    Ours,
    /// The same command through stock `postgres-es`.
    Stock,
    /// One event on a stream of 10,000, through our store.
    OursLong,
    StockLong,
    /// A bare insert of one row per transaction.
    Rows,
    /// A bare insert of an array of rows per transaction, on one connection: the limit.
    Array,
}

struct Bench {
    store: Store,
    context: Context,
    stock_tenants: PostgresCqrs<Tenant>,
    stock_lanes: PostgresCqrs<Lane>,
    raw: PgPool,
    /// An envelope as the log keeps it, to be inserted bare.
    envelope: String,
    next: AtomicI64,
}

/// One load in one round.
struct Sample {
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
    let data = DataFolder::open(folder.path()).unwrap();
    let options = PostgresOptions { throw_away: true };
    let mut postgres = Postgres::start_with(&data, &progress, options).await.unwrap();
    let stop = CancellationToken::new();
    let bench = Arc::new(Bench::prepare(&postgres.url(), stop.clone()).await);
    let mut samples: BTreeMap<(Load, usize), Vec<Sample>> = BTreeMap::new();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        for (load, tasks) in loads() {
            let sample = bench.measure(load, tasks).await;
            samples.entry((load, tasks)).or_default().push(sample);
        }
    }
    let medians = samples.into_iter().map(|(key, of_key)| (key, median(&of_key))).collect();
    report(&medians);
    stop.cancel();
    postgres.stop().await.unwrap();
}

/// Ours and stock side by side, so that both see the machine in the same mood.
fn loads() -> impl Iterator<Item = (Load, usize)> {
    let levels = LEVELS.into_iter().flat_map(|tasks| [(Load::Ours, tasks), (Load::Stock, tasks)]);
    levels.chain([
        (Load::Array, 1),
        (Load::Rows, CLIENTS),
        (Load::OursLong, LONG_TASKS),
        (Load::StockLong, LONG_TASKS),
    ])
}

impl Bench {
    async fn prepare(url: &str, stop: CancellationToken) -> Self {
        database::migrate(url).await.unwrap();
        let raw = pool(url, u32::try_from(CLIENTS).unwrap()).await;
        sqlx::raw_sql(TABLES).execute(&raw).await.unwrap();
        let ours = database::pool(url, Role::Log, OUR_CONNECTIONS).unwrap();
        let kek = KeyEncryptionKey::parse(&STANDARD.encode([7; 32]).into()).unwrap();
        let (appender, _) = Appender::start(&ours, stop).unwrap();
        let connections = Connections::new(ours);
        let vault = Vault::new(connections.clone(), Entropy::default(), kek);
        let store = Store::new(connections, appender, vault, Entropy::default(), Clock::system());
        let stock = pool(url, STOCK_CONNECTIONS).await;
        let mut bench = Self {
            store,
            context: Context::system(TenantId::PLATFORM, "bench", "c", "c"),
            stock_tenants: stock_framework(&stock),
            stock_lanes: stock_framework(&stock),
            raw,
            envelope: String::new(),
            next: AtomicI64::new(1),
        };
        bench.make_long_streams().await;
        bench.create_ours().await;
        let envelope =
            "select envelope from eventstore.events where aggregate_type = 'tenant' limit 1";
        bench.envelope = sqlx::query_scalar(envelope).fetch_one(&bench.raw).await.unwrap();
        bench
    }

    /// Through our store, with the snapshots that makes; stock gets the very same events.
    async fn make_long_streams(&self) {
        for stream in 0..LONG_STREAMS {
            let open = OpenLane {
                network: "development".into(),
                chain_id: 31_337,
                signer: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266".into(),
                base_nonce: 0,
            };
            let loaded = self.store.load::<Lane>(TenantId::PLATFORM, &long(stream)).await.unwrap();
            let mut state = Lane::clone(&loaded.state);
            let mut events = decide_and_fold(&open, &mut state);
            while events.len() < LONG_EVENTS {
                events.extend(decide_and_fold(&Step, &mut state));
            }
            for some in events.chunks(500) {
                let loaded = self.store.load(TenantId::PLATFORM, &long(stream)).await.unwrap();
                let commit = self.store.begin(&self.context).append::<Lane>(&loaded, some.to_vec());
                self.store.commit(commit).await.unwrap();
            }
        }
        sqlx::raw_sql(
            "insert into stock_events
             select aggregate_type, aggregate_id, sequence, event_type, event_version,
                 json_build_object('type', event_type, 'data', payload), '{}'
             from eventstore.streams;
             analyze",
        )
        .execute(&self.raw)
        .await
        .unwrap();
    }

    async fn measure(self: &Arc<Self>, load: Load, tasks: usize) -> Sample {
        let began = Instant::now();
        let ends = began + SPAN;
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let bench = Arc::clone(self);
                tokio::spawn(repeat_until(ends, move || {
                    let bench = Arc::clone(&bench);
                    async move { bench.once(load, task).await }
                }))
            })
            .collect();
        let (mut in_time, mut took) = (0, Vec::new());
        for task in running {
            let (of_task, latencies) = task.await.unwrap();
            in_time += of_task;
            took.extend(latencies);
        }
        took.sort_unstable();
        let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
        Sample { per_s: f64::from(in_time) / SPAN.as_secs_f64(), p50_ms: at(50), p99_ms: at(99) }
    }

    /// Does it once; says how many events that were.
    async fn once(&self, load: Load, task: usize) -> u32 {
        match load {
            Load::Ours => self.create_ours().await,
            Load::Stock => {
                let create = Decision::of(create_tenant());
                self.stock_tenants.execute(&self.next_id(), create).await.unwrap();
            }
            Load::OursLong => self.step_ours(&long(task % LONG_STREAMS)).await,
            Load::StockLong => self.step_stock(&long(task % LONG_STREAMS)).await,
            Load::Rows => self.insert_row().await,
            Load::Array => {
                self.insert_array().await;
                return u32::try_from(ARRAY).unwrap();
            }
        }
        1
    }

    fn next_id(&self) -> String {
        self.next.fetch_add(1, Ordering::Relaxed).to_string()
    }

    async fn create_ours(&self) {
        let id = self.next_id();
        // As every use case that makes a new id does it: there is nothing to read.
        let loaded = self.store.unwritten::<Tenant>(TenantId::PLATFORM, &id);
        let events = create_tenant().decide(&loaded.state).unwrap();
        let commit = self.store.begin(&self.context).append(&loaded, events);
        self.store.commit(commit).await.unwrap();
    }

    /// Tries until it wins: two tasks write to each stream.
    async fn step_ours(&self, id: &str) {
        loop {
            let loaded = self.store.load::<Lane>(TenantId::PLATFORM, id).await.unwrap();
            let events = Step.decide(&loaded.state).unwrap();
            let commit = self.store.begin(&self.context).append(&loaded, events);
            match self.store.commit(commit).await {
                Ok(_) => return,
                Err(CommitError::Stale) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn step_stock(&self, id: &str) {
        loop {
            match self.stock_lanes.execute(id, Decision::of(Step)).await {
                Ok(()) => return,
                Err(AggregateError::AggregateConflict) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn insert_row(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        sqlx::query(
            "insert into bare_events values
                 ($1, 1, $1, 'tenant', $2, 1, 'tenant.created', 1, now(), $3, $4)",
        )
        .bind(number)
        .bind(number.to_string())
        .bind(&self.envelope)
        .bind([7_u8; 68].as_slice())
        .execute(&self.raw)
        .await
        .unwrap();
    }

    async fn insert_array(&self) {
        let many = i64::try_from(ARRAY).unwrap();
        let first = self.next.fetch_add(many, Ordering::Relaxed);
        let numbers: Vec<i64> = (first..first + many).collect();
        let ids: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        sqlx::query(
            "insert into bare_events
             select n, 1, n, 'tenant', id, 1, 'tenant.created', 1, now(), envelope, leaf
             from unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[])
                 as u (n, id, envelope, leaf)",
        )
        .bind(numbers)
        .bind(ids)
        .bind(vec![self.envelope.as_str(); ARRAY])
        .bind(vec![[7_u8; 68].as_slice(); ARRAY])
        .execute(&self.raw)
        .await
        .unwrap();
    }
}

/// Stock's table as its own init script makes it; and one with all columns and indexes of the log.
const TABLES: &str = "
    create table stock_events (
        aggregate_type text not null,
        aggregate_id text not null,
        sequence bigint check (sequence >= 0) not null,
        event_type text not null,
        event_version text not null,
        payload json not null,
        metadata json not null,
        primary key (aggregate_type, aggregate_id, sequence)
    );
    create table stock_snapshots (
        aggregate_type text not null,
        aggregate_id text not null,
        last_sequence bigint check (last_sequence >= 0) not null,
        current_snapshot bigint check (current_snapshot >= 0) not null,
        payload json not null,
        primary key (aggregate_type, aggregate_id, last_sequence)
    );
    create table bare_events (like eventstore.events including all);
";

async fn pool(url: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60))
        .connect(url)
        .await
        .unwrap()
}

fn stock_framework<A: cqrs_es::Aggregate<Services = ()>>(pool: &PgPool) -> PostgresCqrs<A> {
    let repository =
        PostgresEventRepository::new(pool.clone()).with_tables("stock_events", "stock_snapshots");
    CqrsFramework::new(PersistedEventStore::new_event_store(repository), vec![], ())
}

fn long(stream: usize) -> String {
    format!("long{stream}")
}

fn create_tenant() -> CreateTenant {
    CreateTenant { name: "Islay Casks".into() }
}

/// Whatever a lane needs next: a nonce, bytes that spend it, or its settlement. It goes on for
/// ever, and the state stays small.
struct Step;

impl Command<Lane> for Step {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, lane: &Lane) -> Result<Vec<LaneEvent>, LaneError> {
        let slot = lane.open_slots().next();
        match slot {
            None => {
                let errand = Errand::Mints { mints: vec![WhiskeyId::new(7_300_000)] };
                AssignNonce { tenant: TenantId::PLATFORM, errand }.decide(lane)
            }
            Some((nonce, slot)) if slot.attempts.is_empty() => {
                SignAttempt { nonce, attempt: attempt(nonce) }.decide(lane)
            }
            Some((nonce, _)) => {
                let winner = attempt(nonce).tx_hash;
                SettleSlot { nonce, winner, block_number: nonce, block_hash: "0xb9".into() }
                    .decide(lane)
            }
        }
    }
}

fn attempt(nonce: u64) -> Attempt {
    Attempt {
        kind: domain::lane::AttemptKind::Mint,
        tx_hash: format!("{nonce:#066x}"),
        raw: "0x02f8".into(),
        max_fee_per_gas: "2000000000".into(),
        max_priority_fee_per_gas: "1000000000".into(),
        gas_limit: 150_000,
    }
}

fn decide_and_fold(command: &impl Command<Lane>, lane: &mut Lane) -> Vec<LaneEvent> {
    let events = command.decide(lane).unwrap();
    for event in events.clone() {
        cqrs_es::Aggregate::apply(lane, event);
    }
    events
}

/// Counts the events that were there in time; what is on its way at the end only gives a latency.
async fn repeat_until<F: Future<Output = u32>>(
    ends: Instant,
    work: impl Fn() -> F,
) -> (u32, Vec<Duration>) {
    let (mut in_time, mut took) = (0, Vec::new());
    loop {
        let began = Instant::now();
        let events = work().await;
        let ended = Instant::now();
        took.push(ended - began);
        if ended >= ends {
            return (in_time, took);
        }
        in_time += events;
    }
}

fn median(samples: &[Sample]) -> Sample {
    let of = |value: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Sample { per_s: of(|s| s.per_s), p50_ms: of(|s| s.p50_ms), p99_ms: of(|s| s.p99_ms) }
}

fn report(medians: &BTreeMap<(Load, usize), Sample>) {
    println!(
        "\nmedians of {ROUNDS} rounds of {SPAN:?}; connections: ours {OUR_CONNECTIONS} and 2 that \
         append, stock {STOCK_CONNECTIONS}, rows {CLIENTS}, array 1 ({ARRAY} rows each)\n"
    );
    println!("{:<10} {:>6} {:>12} {:>10} {:>10}", "load", "tasks", "events/s", "p50 ms", "p99 ms");
    for ((load, tasks), sample) in medians {
        let Sample { per_s, p50_ms, p99_ms } = sample;
        println!("{:<10} {tasks:>6} {per_s:>12.1} {p50_ms:>10.2} {p99_ms:>10.2}", name(*load));
    }
    let of = |load, tasks| &medians[&(load, tasks)];
    let ratio = |tasks| of(Load::Ours, tasks).per_s / of(Load::Stock, tasks).per_s;
    let long = of(Load::OursLong, LONG_TASKS).per_s / of(Load::StockLong, LONG_TASKS).per_s;
    let busy = of(Load::Ours, 512);
    println!(
        "\nRESULT ratio_1={:.2} ratio_64={:.2} ratio_512={:.2} ratio_long={long:.1} \
         of_limit={:.2} per_s_512={:.0} p99_ms_512={:.1}",
        ratio(1),
        ratio(64),
        ratio(512),
        busy.per_s / of(Load::Array, 1).per_s,
        busy.per_s,
        busy.p99_ms,
    );
}

fn name(load: Load) -> &'static str {
    match load {
        Load::Ours => "ours",
        Load::Stock => "stock",
        Load::OursLong => "ours long",
        Load::StockLong => "stock long",
        Load::Rows => "bare rows",
        Load::Array => "bare array",
    }
}
