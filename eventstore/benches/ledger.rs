//! Measures the ledger: what it costs the appends beside it, how far it is behind them, how fast a
//! bundle is verified, and how fast a proof is made.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::command::{Command, Root};
use domain::fixed::Fixed;
use domain::id::{TenantId, UserId};
use domain::tenant::{CreateTenant, Tenant};
use domain::whiskey::details::{CaskType, Category, Currency, Details, Money};
use domain::whiskey::{
    AcceptTransfer, ApproveWhiskey, OfferTransfer, Recorder, RegaugeWhiskey, RegisterWhiskey,
    RevalueWhiskey, Whiskey, WhiskeyEvent,
};
use embedded::{DataFolder, Postgres, PostgresOptions, Progress};
use eventstore::appender::Appender;
use eventstore::database::{self, Role};
use eventstore::ledger::bundle::{Bundle, Scope};
use eventstore::ledger::export::Export;
use eventstore::ledger::extend::{Extender, Signer};
use eventstore::ledger::keeper::Keeper;
use eventstore::ledger::key::{Kind, SigningKey, VerifierKey};
use eventstore::ledger::read::Ledger;
use eventstore::ledger::verify::{Brought, verify};
use eventstore::secrets::KeyEncryptionKey;
use eventstore::vault::Vault;
use eventstore::{Clock, Connections, Context, Entropy, Store};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A second of appends differs from the next by a tenth: few rounds say nothing of some hundredths.
const ROUNDS: usize = 100;
/// Appended before a span is counted: the ledger is behind by as much at its beginning as at its end, and so
/// has done a span's work in it.
const RUN_UP: Duration = Duration::from_millis(450);
const SPAN: Duration = Duration::from_secs(1);
const TASKS: usize = 512;
const CONNECTIONS: u32 = 16;
/// Casks in the log that is verified, and what happens to each.
const CASKS: i64 = 40_000;
const PROOFS: u64 = 4_000;
const PROBE_EVERY: Duration = Duration::from_millis(25);

struct Bench {
    store: Store,
    log: PgPool,
    head: watch::Receiver<i64>,
    signer: Arc<Signer>,
    next: AtomicI64,
    stop: CancellationToken,
    /// Of PostgreSQL's superuser.
    database: PgPool,
}

/// A running extender.
struct Extending {
    signed: watch::Receiver<u64>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// What was measured of appends, and of proofs of them.
struct Appended {
    on: f64,
    off: f64,
    /// The one over the other, in each two rounds, sorted.
    costs: Vec<f64>,
    /// Milliseconds, sorted.
    behind: Vec<f64>,
    proofs: Vec<f64>,
    events: i64,
}

/// What was measured of a bundle, in events a second.
struct Audited {
    events: u64,
    exported: f64,
    verified: f64,
    replayed: f64,
}

#[tokio::main]
async fn main() {
    let Appended { on, off, costs, behind, proofs, events } = appended().await;
    let (cost, (least, most)) = (at(&costs, 50), between(&costs));
    println!(
        "\n{events} events appended by {TASKS} tasks, each a commit; medians of {ROUNDS} rounds of \
         {SPAN:?}\n"
    );
    println!("appended, ledger off        {off:>10.0} per second");
    println!("appended, ledger on         {on:>10.0} per second");
    println!("on over off                 {cost:>10.3} ({least:.3} to {most:.3})");
    println!("signed after p50            {:>10.1} ms", at(&behind, 50));
    let Audited { events, exported, verified, replayed } = audited().await;
    println!("\n{events} events of {CASKS} casks exported and verified, on one thread\n");
    println!("exported                    {exported:>10.0} per second");
    println!(
        "\nRESULT append_cost={cost:.3} behind_p99_ms={:.0} verify_per_s={verified:.0} \
         replay_per_s={replayed:.0} proof_p99_ms={:.2}",
        at(&behind, 99),
        at(&proofs, 99),
    );
}

async fn appended() -> Appended {
    let (bench, mut postgres, _folder) = Bench::start().await;
    let (mut on, mut off, mut costs, mut behind) = (vec![], vec![], vec![], vec![]);
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        // Whoever comes second has the other one's dirty pages to write: each does so every other time.
        let first = if round % 2 == 0 { Some(bench.appends().await) } else { None };
        let extending = bench.extend().await;
        let (with, lags) = tokio::join!(bench.appends(), bench.probe(&extending));
        extending.end().await;
        let without = match first {
            Some(without) => without,
            None => bench.appends().await,
        };
        on.push(with);
        off.push(without);
        costs.push(with / without);
        behind.extend(lags);
    }
    let extending = bench.extend().await;
    let proofs = bench.proofs().await;
    extending.end().await;
    bench.stop.cancel();
    postgres.stop().await.unwrap();
    // In one of two neighbours the one way came first, in the other the other.
    let costs = costs.chunks(2).map(|pair| (pair[0] * pair[1]).sqrt()).collect();
    let events = *bench.head.borrow() + 1;
    let [on, off, costs, behind, proofs] = [on, off, costs, behind, proofs].map(sorted);
    Appended { on: at(&on, 50), off: at(&off, 50), costs, behind, proofs, events }
}

/// Of a log of its own: of casks, so that what is replayed is a mixture of events.
async fn audited() -> Audited {
    let (bench, mut postgres, folder) = Bench::start().await;
    bench.casks().await;
    bench.extend().await.end().await;
    let bundle = Bundle::at(&folder.path().join("bundle"));
    let export = Export::new(bench.log.clone());
    let began = Instant::now();
    let contents = export.write(&bundle, &Scope::Log, false, |_| {}).await.unwrap();
    let events = contents.events;
    let exported = events as f64 / began.elapsed().as_secs_f64();
    let key = bench.signer.key.public();
    let verified = verified_per_s(&bundle, key, false);
    let replayed = verified_per_s(&bundle, key, true);
    bench.stop.cancel();
    postgres.stop().await.unwrap();
    Audited { events, exported, verified, replayed }
}

impl Bench {
    /// With a database of its own.
    async fn start() -> (Arc<Self>, Postgres, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let data = DataFolder::open(folder.path().join("data")).unwrap();
        let options = PostgresOptions { throw_away: true };
        let postgres = Postgres::start_with(&data, &progress, options).await.unwrap();
        let bench = Self::prepare(&postgres.url(), folder.path().join("head")).await;
        (Arc::new(bench), postgres, folder)
    }

    async fn prepare(url: &str, head_file: PathBuf) -> Self {
        let stop = CancellationToken::new();
        database::migrate(url).await.unwrap();
        let database = PgPool::connect(url).await.unwrap();
        // What PostgreSQL does on the side comes when it likes, and is more than what is measured.
        for settled in [
            "alter system set max_wal_size = '16GB'",
            "alter system set checkpoint_timeout = '1h'",
            "alter system set autovacuum = off",
            "select pg_reload_conf()",
        ] {
            sqlx::query(settled).execute(&database).await.unwrap();
        }
        let log = database::pool(url, Role::Log, CONNECTIONS).unwrap();
        let kek = KeyEncryptionKey::parse(&STANDARD.encode([7; 32]).into()).unwrap();
        let (appender, _) = Appender::start(&log, stop.clone()).unwrap();
        let connections = Connections::new(log.clone());
        let vault = Vault::new(connections.clone(), Entropy::default(), kek);
        let head = appender.head();
        let store = Store::new(connections, appender, vault, Entropy::default(), Clock::system());
        let key = SigningKey::new("bench.example/1", Kind::Notes, &[7; 32]).unwrap();
        let signer = Arc::new(Signer { key, former: None, keeper: Keeper::new(head_file) });
        Self { store, log, head, signer, next: AtomicI64::new(1), stop, database }
    }

    /// Starts the ledger's task and lets it come to the end of the log.
    async fn extend(&self) -> Extending {
        let (stop, (signed, seen)) = (CancellationToken::new(), watch::channel(0));
        let (pool, head) = (self.log.clone(), self.head.clone());
        let extender = Extender { pool, signer: Arc::clone(&self.signer), head, signed };
        let task = tokio::spawn(extender.run(stop.clone()));
        let mut extending = Extending { signed: seen, stop, task };
        let end = (*self.head.borrow() + 1).cast_unsigned();
        extending.signed.wait_for(|signed| *signed >= end).await.unwrap();
        extending
    }

    /// How many events a second are appended.
    async fn appends(self: &Arc<Self>) -> f64 {
        // What came before is on the disk, and nobody else pays for it; the next one comes after the span.
        sqlx::query("checkpoint").execute(&self.database).await.unwrap();
        let begins = Instant::now() + RUN_UP;
        let ends = begins + SPAN;
        let each = (0..TASKS).map(|_| {
            let bench = Arc::clone(self);
            tokio::spawn(async move {
                let mut done = 0_u32;
                loop {
                    bench.append_one().await;
                    match Instant::now() {
                        now if now >= ends => return done,
                        now => done += u32::from(now >= begins),
                    }
                }
            })
        });
        let mut all = 0;
        for task in each.collect::<Vec<_>>() {
            all += task.await.unwrap();
        }
        f64::from(all) / SPAN.as_secs_f64()
    }

    async fn append_one(&self) {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let context = Context::system(TenantId::PLATFORM, "bench", "c", "c");
        let command = CreateTenant { name: "Islay Casks".into() };
        let loaded = self.store.unwritten::<Tenant>(TenantId::PLATFORM, &id);
        let events = command.decide(&loaded.state).unwrap();
        self.store.commit(self.store.begin(&context).append(&loaded, events)).await.unwrap();
    }

    /// How long what is appended waits for a signed head over it, in milliseconds.
    async fn probe(&self, extending: &Extending) -> Vec<f64> {
        let over = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&over);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(RUN_UP + SPAN).await;
            ending.store(true, Ordering::Relaxed);
        });
        let mut waiting = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let end = (*self.head.borrow() + 1).cast_unsigned();
            let (began, mut signed) = (Instant::now(), extending.signed.clone());
            waiting.push(tokio::spawn(async move {
                signed.wait_for(|signed| *signed >= end).await.unwrap();
                began.elapsed().as_secs_f64() * 1e3
            }));
            tokio::time::sleep(PROBE_EVERY).await;
        }
        timer.await.unwrap();
        let mut lags = Vec::new();
        for one in waiting {
            lags.push(one.await.unwrap());
        }
        lags
    }

    /// How long the proofs of events all over the log take, in milliseconds.
    async fn proofs(&self) -> Vec<f64> {
        let ledger = Ledger::new(self.log.clone());
        let size = ledger.signed_size().await.unwrap();
        let mut took = Vec::new();
        for number in 0..PROOFS {
            let index = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
            let began = Instant::now();
            ledger.inclusion(index, size).await.unwrap();
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    }

    /// Lives of casks, in a tenant of their own.
    async fn casks(&self) {
        let tenant = TenantId::new(2);
        let created = Context::system(tenant, "bench", "begin", "c");
        let loaded = self.store.unwritten::<Tenant>(tenant, "2000000002");
        let events = CreateTenant { name: "Lives".into() }.decide(&loaded.state).unwrap();
        self.store.commit(self.store.begin(&created).append(&loaded, events)).await.unwrap();
        for some in 0..CASKS / 100 {
            let lives = (some * 100..some * 100 + 100).map(|number| async move {
                let mut cask = Whiskey::default();
                let mut sequence = 0;
                for (step, events) in life(&mut cask).into_iter().enumerate() {
                    // Each is a deed of its own.
                    let correlation = format!("{number}.{step}");
                    let context = Context::system(tenant, "bench", &correlation, "c");
                    let id = (9_000_000_000 + number).to_string();
                    let mut loaded = self.store.unwritten::<Whiskey>(tenant, &id);
                    loaded.sequence = sequence;
                    sequence += i64::try_from(events.len()).unwrap();
                    let commit = self.store.begin(&context).append(&loaded, events);
                    self.store.commit(commit).await.unwrap();
                }
            });
            futures::future::join_all(lives).await;
        }
    }
}

/// What happens to a cask: from its registration to its third owner's valuation.
fn life(cask: &mut Whiskey) -> Vec<Vec<WhiskeyEvent>> {
    let (owner, judge, buyer) = (UserId::new(71), UserId::new(72), UserId::new(73));
    let keeper = Recorder { user: judge, is_keeper: true };
    let gbp = |units| Money {
        amount: Fixed::from_units(units),
        currency: Currency::parse("GBP").unwrap(),
    };
    let regauge = |volume| {
        let alcohol_content = Fixed::parse("61.10").unwrap();
        RegaugeWhiskey { by: keeper, volume: Fixed::parse(volume).unwrap(), alcohol_content }
    };
    vec![
        decided(cask, &RegisterWhiskey { owner, details: details() }),
        decided(cask, &ApproveWhiskey { by: judge }),
        decided(cask, &RevalueWhiskey { by: keeper, value: gbp(42_000_000) }),
        decided(cask, &regauge("244.10")),
        decided(cask, &OfferTransfer { by: owner, to: buyer }),
        decided(cask, &AcceptTransfer { by: buyer }),
        decided(cask, &regauge("240.80")),
        decided(cask, &RevalueWhiskey { by: keeper, value: gbp(51_000_000) }),
    ]
}

fn decided<A: Root, C: Command<A>>(state: &mut A, command: &C) -> Vec<A::Event> {
    let events = command.decide(state).unwrap();
    events.iter().cloned().for_each(|event| state.apply(event));
    events
}

fn details() -> Details {
    Details {
        name: "Ardcairn 2012".into(),
        brand: None,
        distillery: "Ardcairn".into(),
        region: Some("Speyside".into()),
        category: Category::SingleMalt,
        age: Some(12),
        vintage: Some(2012),
        cask_number: "1207".into(),
        cask_type: CaskType::Hogshead,
        fill_date: None,
        alcohol_content: Fixed::parse("63.50").unwrap(),
        volume: Fixed::parse("250.00").unwrap(),
        storage_location: None,
        condition: None,
        market_value: None,
        description: Some(
            "Peated at the distillery's own maltings, filled at natural strength".into(),
        ),
    }
}

impl Extending {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Events a second on one thread; the bundle has to hold.
fn verified_per_s(bundle: &Bundle, key: &VerifierKey, replay: bool) -> f64 {
    let brought = Brought {
        key: key.clone(),
        scope: Scope::Log,
        witnesses: vec![],
        earlier: None,
        receipts: vec![],
        earlier_key: None,
        replay,
    };
    let began = Instant::now();
    let report = verify(bundle, &brought, |_| {}).unwrap();
    assert!(report.holds(), "{:?}", report.findings.first());
    report.contents.events as f64 / began.elapsed().as_secs_f64()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// Where the true median is in 95 of 100 cases, if the values are normally distributed: 1.82 times the
/// distance of the quartiles, over the root of the count, to both sides.
fn between(sorted: &[f64]) -> (f64, f64) {
    let quartiles = at(sorted, 75) - at(sorted, 25);
    let half = 1.82 * quartiles / (sorted.len() as f64).sqrt();
    (at(sorted, 50) - half, at(sorted, 50) + half)
}

fn at(sorted: &[f64], part: usize) -> f64 {
    sorted[(sorted.len() - 1) * part / 100]
}
