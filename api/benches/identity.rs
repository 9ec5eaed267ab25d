//! Measures signing in, refreshing and judging tokens over HTTP: the real binary with the role `api`
//! on one core, over private services, with everything else of the platform beside it.
//!
//! The population comes in through the store, as the events of registering and verifying, which
//! share one hash, because making each of them would take half an hour. The people who sign in have real
//! ones.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::config::Config;
use api::role::Role;
use api::wiring::Platform;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commands::claims::Identifier;
use commands::outside::passwords::{Costs, Passwords};
use commands::{Asked, Commands};
use cqrs_es::Aggregate;
use domain::command::Command as _;
use domain::id::{ChallengeId, TenantId, UserId};
use domain::nft::address::EvmAddress;
use domain::tenant::Tenant;
use domain::user::email::Email;
use domain::user::names::FullName;
use domain::user::{RegisterUser, User, VerifyEmail};
use embedded::{DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::{Context, Entropy, database};
use futures::StreamExt;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::{sleep, sleep_until};

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TENANTS: usize = 100;
const USERS: usize = 100_000;
/// Those who sign in, among the users. As many as need not refresh more often than every 4 seconds.
const PEOPLE: usize = 400;
/// How many are written at once: enough for the appender to put many into each transaction.
const WRITERS: usize = 256;

const SIGN_INS_PER_S: usize = 10;
const REFRESHES_PER_S: usize = 100;
const READS_PER_S: usize = 890;
/// Arrivals before the measured ones.
const WARM_UP: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_secs(20);
/// Connections to each listener; together the 200 the goal allows.
const PUBLIC_CONNECTIONS: usize = 140;
const INTERNAL_CONNECTIONS: usize = 60;
/// Of the API process. The platform's default.
const DATABASE_CONNECTIONS: &str = "24";

/// Below what may wait for one hashing thread, so that nobody is turned away.
const SIGNING_IN_AT_ONCE: usize = 8;
const VERIFYING_AT_ONCE: usize = 32;
/// How long a closed loop runs.
const LOOP: Duration = Duration::from_secs(6);
/// How long bare hashes are made, before and after the sign-ins.
const BARE: Duration = Duration::from_secs(3);
const SIGN_OUTS: usize = 40;
/// Sign-outs are spread over so much: no process looks at the log less often.
const INTERVAL: Duration = Duration::from_millis(500);
/// After this a waiting step has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// The API process's; counted.
const LOGIN: &str = "caskchain_bench";
/// The login of the relay, the read models and the loading.
const OTHER_LOGIN: &str = "caskchain_bench_other";
const DATABASE_PASSWORD: &str = "bench";
const SERVICE_TOKEN: &str = "bench-service";
const PASSWORD: &str = "Peat&Smoke1994";
/// Run as a child of itself, this makes bare hashes.
const BARE_HASHES: &str = "bare-hashes";
/// Addresses that are in the configuration and never used: nothing is minted.
const NOBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// The private services and what is started on them.
struct World {
    postgres: Postgres,
    nats: Nats,
    folder: tempfile::TempDir,
    key: String,
    pins: bool,
}

/// An API process.
struct Server {
    child: Child,
    url: String,
    internal_url: String,
}

/// Somebody who can sign in.
struct Person {
    email: String,
    tenant: TenantId,
}

struct Tokens {
    access: String,
    refresh: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    SignIn,
    Refresh,
    Read,
}

/// What came of one arrival: how long after its time it was answered, or why it was not.
type Outcome = Result<Duration, String>;

/// Whoever asks: connections, people, tokens.
struct Clients {
    client: Client,
    public: Semaphore,
    internal: Semaphore,
    url: String,
    internal_url: String,
    people: Vec<Person>,
    /// Counts, so that everybody has a turn.
    next: AtomicUsize,
    /// Not in use by a refresh under way; the longest unused first.
    sessions: Mutex<VecDeque<String>>,
    access: Vec<String>,
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == BARE_HASHES) {
        println!("{}", bare_hashes_per_s().await);
        return;
    }
    let world = World::start().await;
    let platform = world.platform().await;
    let people = load(&platform).await;
    world.settle(&platform).await;

    let server = world.server("one").await;
    let clients = Arc::new(Clients::sign_in(&server, people).await);
    eprintln!("arrivals for {:?}", WARM_UP + SPAN);
    let connections = world.count_connections();
    let outcomes = arrivals(&clients).await;
    let db_connections = connections.most().await;
    let rss_mib = resident_mib(server.child.id().unwrap());

    eprintln!("closed loops");
    let before = world.bare_hashes().await;
    let pid = server.child.id().unwrap();
    let (worked, began) = (worked_s(pid), Instant::now());
    let sign_ins_per_s = closed_loop(SIGNING_IN_AT_ONCE, || clients.signs_in()).await;
    let busy = (worked_s(pid) - worked) / began.elapsed().as_secs_f64();
    let after = world.bare_hashes().await;
    let bare_per_s = f64::midpoint(before, after);
    let verify_per_s =
        closed_loop(VERIFYING_AT_ONCE, || clients.service_verifies(clients.next())).await;

    eprintln!("sign-outs");
    let other = world.server("other").await;
    let sign_outs = sign_outs(&clients, &other).await;

    report(&Findings {
        pinned: world.pins,
        outcomes,
        rss_mib,
        db_connections,
        sign_ins_per_s,
        busy,
        bare_per_s,
        verify_per_s,
        sign_outs,
    });
    drop((server, other));
    platform.stop().await;
    world.stop().await;
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let throw_away = PostgresOptions { throw_away: true };
        let (postgres, nats) = tokio::try_join!(
            Postgres::start_with(&services, &progress, throw_away),
            Nats::start(&services, &progress),
        )
        .unwrap();
        database::migrate(&postgres.url()).await.unwrap();
        for login in [LOGIN, OTHER_LOGIN] {
            database::ensure_login(&postgres.url(), login, DATABASE_PASSWORD).await.unwrap();
        }
        let key = STANDARD.encode(Entropy::default().bytes::<32>().unwrap());
        let pins = Command::new("taskset").args(["-c", "0", "true"]).status().await;
        let pins = pins.is_ok_and(|status| status.success());
        Self { postgres, nats, folder, key, pins }
    }

    async fn stop(mut self) {
        self.nats.stop().await.unwrap();
        self.postgres.stop().await.unwrap();
    }

    fn database_url(&self, login: &str) -> String {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        format!("postgres://{login}:{DATABASE_PASSWORD}@{place}")
    }

    /// The platform without HTTP, in this process: relay and read models.
    async fn platform(&self) -> Platform {
        let mut config = Config::read(None).unwrap();
        config.database_url = Some(self.database_url(OTHER_LOGIN).into());
        config.nats_url = Some(self.nats.url().into());
        config.key_encryption_key = Some(self.key.clone().into());
        config.chain.contract = Some(EvmAddress::parse(NOBODY).unwrap());
        config.chain.custody = Some(EvmAddress::parse(NOBODY).unwrap());
        Platform::start(&config, &[Role::Sequencer, Role::Projections]).await.unwrap()
    }

    /// Waits until the read models and the stream have come to the end of the log, and the database
    /// knows its tables.
    async fn settle(&self, platform: &Platform) {
        let began = Instant::now();
        let head = platform.journal.head().await.unwrap();
        let positions = || platform.statuses.iter().map(|status| *status.position.borrow());
        until("the read models hold the population", async || {
            let published = *platform.published.borrow();
            (positions().chain([published]).min() >= Some(head)).then_some(())
        })
        .await;
        sqlx::raw_sql("vacuum analyze").execute(&self.owner().await).await.unwrap();
        eprintln!("{head} events are in the read models, {:.1?} later", began.elapsed());
    }

    async fn owner(&self) -> PgPool {
        PgPool::connect(&self.postgres.url()).await.unwrap()
    }

    /// A child on the one core, or on any where nothing can be pinned.
    fn pinned(&self, program: &Path) -> Command {
        let mut command = if self.pins {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn server(&self, name: &str) -> Server {
        let (address, internal) = (free_address(), free_address());
        let data_folder = self.folder.path().join(name);
        std::fs::create_dir_all(&data_folder).unwrap();
        let log_path = data_folder.join("log");
        let log = std::fs::File::create(&log_path).unwrap();
        let mut command = self.pinned(Path::new(env!("CARGO_BIN_EXE_caskchain")));
        command
            .args(["serve", "--roles", "api"])
            .env("CASKCHAIN_DATA_FOLDER", &data_folder)
            .env("CASKCHAIN_LISTEN", &address)
            .env("CASKCHAIN_PUBLIC_URL", "https://casks.example")
            .env("CASKCHAIN_INTERNAL__LISTEN", &internal)
            .env("CASKCHAIN_INTERNAL__SERVICE_TOKENS", format!(r#"["{SERVICE_TOKEN}"]"#))
            .env("CASKCHAIN_DATABASE_URL", self.database_url(LOGIN))
            .env("CASKCHAIN_DATABASE_CONNECTIONS", DATABASE_CONNECTIONS)
            .env("CASKCHAIN_NATS_URL", self.nats.url())
            .env("CASKCHAIN_KEY_ENCRYPTION_KEY", &self.key)
            .env("CASKCHAIN_CHAIN__CONTRACT", NOBODY)
            .env("CASKCHAIN_CHAIN__CUSTODY", NOBODY)
            .env("CASKCHAIN_LOG__FORMAT", "json")
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        // Everybody comes from one address.
        for limit in ["SENSITIVE", "ANONYMOUS", "SIGNED_IN"] {
            command.env(format!("CASKCHAIN_LIMITS__{limit}_PER_MINUTE"), "100000000");
        }
        command.env("CASKCHAIN_LIMITS__FAILURES_BEFORE_BLOCK", "100000000");
        let mut child = command.spawn().unwrap();
        let (url, internal_url) = (format!("http://{address}"), format!("http://{internal}"));
        while reqwest::get(format!("{url}/ready")).await.map(|answer| answer.status()).ok()
            != Some(StatusCode::OK)
        {
            assert!(child.try_wait().unwrap().is_none(), "it ended: {}", tail(&log_path));
            sleep(Duration::from_millis(50)).await;
        }
        Server { child, url, internal_url }
    }

    /// Hashes one after the other on the same one core, without a platform around them.
    async fn bare_hashes(&self) -> f64 {
        let mut command = self.pinned(&std::env::current_exe().unwrap());
        let output = command.arg(BARE_HASHES).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    fn count_connections(&self) -> Counting {
        let (url, stop) = (self.postgres.url(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let pool = PgPool::connect(&url).await.unwrap();
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                let count = "select count(*) from pg_stat_activity where usename = $1";
                let now = sqlx::query_scalar(count).bind(LOGIN).fetch_one(&pool).await.unwrap();
                most = most.max(now);
                sleep(Duration::from_millis(500)).await;
            }
            most
        });
        Counting { stop, task }
    }
}

/// Connections of the API process's login, looked at twice a second.
struct Counting {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<i64>,
}

impl Counting {
    async fn most(self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// Makes the tenants and the users; gives those who can sign in, spread over all tenants.
async fn load(platform: &Platform) -> Vec<Person> {
    let commands = &platform.commands;
    let began = Instant::now();
    let tenants: Vec<_> = (0..TENANTS).map(tenant).collect();
    for tenant in &tenants {
        let asked = Asked::by(context(*tenant));
        commands.create_tenant(&asked, *tenant, "Islay Casks").await.unwrap();
    }
    let people = (0..PEOPLE).map(|number| settle_user(commands, number, None)).collect::<Vec<_>>();
    futures::stream::iter(people).buffer_unordered(SIGNING_IN_AT_ONCE).count().await;
    let nobodys = commands.passwords.hash(UserId::new(1), PASSWORD.into()).await.unwrap();
    let others = (PEOPLE..USERS).map(|number| settle_user(commands, number, Some(&nobodys)));
    futures::stream::iter(others).for_each_concurrent(WRITERS, |user| user).await;
    eprintln!("{TENANTS} tenants, {USERS} users after {:.1?}", began.elapsed());
    (0..PEOPLE).map(|number| Person { email: email(number), tenant: tenant(number) }).collect()
}

/// One commit: registered and verified, with the address claimed. Without a hash of their own they
/// cannot sign in.
async fn settle_user(commands: &Commands, number: usize, hash: Option<&String>) {
    let tenant = tenant(number);
    let user = UserId::new(commands.ids.next().unwrap());
    let challenge = ChallengeId::new(commands.ids.next().unwrap());
    let now = commands.store.clock().now();
    let password_hash = match hash {
        Some(hash) => hash.clone(),
        None => commands.passwords.hash(user, PASSWORD.into()).await.unwrap(),
    };
    let register = RegisterUser {
        user,
        email: Email::parse(&email(number)).unwrap(),
        username: None,
        full_name: FullName::parse("Isla Ferguson").ok(),
        phone: None,
        language: domain::language::Language::English,
        password_hash,
        challenge,
        now,
    };
    let store = &commands.store;
    let loaded = store.unwritten::<User>(tenant, &user.to_string());
    let mut state = User::clone(&loaded.state);
    let mut events = register.decide(&state).unwrap();
    for event in events.clone() {
        state.apply(event);
    }
    events.extend(VerifyEmail { challenge, now }.decide(&state).unwrap());
    let identifier = Identifier::Email(register.email);
    let claim = commands.claim_digests.claim(tenant, &identifier, user.to_string());
    let of_tenant = store.load::<Tenant>(tenant, &tenant.to_string()).await.unwrap();
    let context = context(tenant);
    let commit = store.begin(&context).expecting(&of_tenant);
    store.commit(commit.append(&loaded, events).claiming(vec![claim])).await.unwrap();
}

fn context(tenant: TenantId) -> Context {
    Context::system(tenant, "bench", "bench", "bench")
}

/// Whose user this is. Tenant 1 is the platform's.
fn tenant(number: usize) -> TenantId {
    TenantId::new(2 + i64::try_from(number % TENANTS).unwrap())
}

fn email(number: usize) -> String {
    format!("person.{number}@casks.example")
}

impl Clients {
    /// Everybody signs in once; that is not measured.
    async fn sign_in(server: &Server, people: Vec<Person>) -> Self {
        let client = Client::builder()
            .pool_max_idle_per_host(PUBLIC_CONNECTIONS)
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let mut clients = Self {
            client,
            public: Semaphore::new(PUBLIC_CONNECTIONS),
            internal: Semaphore::new(INTERNAL_CONNECTIONS),
            url: server.url.clone(),
            internal_url: server.internal_url.clone(),
            people,
            next: AtomicUsize::new(0),
            sessions: Mutex::default(),
            access: Vec::new(),
        };
        let signing_in = clients.people.iter().map(|person| clients.tokens_of(person));
        let signing_in: Vec<_> = signing_in.collect();
        let signed_in = futures::stream::iter(signing_in).buffer_unordered(SIGNING_IN_AT_ONCE);
        let tokens: Vec<_> = signed_in.map(Result::unwrap).collect().await;
        for of_person in tokens {
            clients.access.push(of_person.access);
            clients.sessions.get_mut().unwrap().push_back(of_person.refresh);
        }
        clients
    }

    /// Does what arrives as the `number`th of its class.
    async fn ask(&self, class: Class, number: usize) -> Result<(), String> {
        match (class, number % 3) {
            (Class::SignIn, _) => self.signs_in().await,
            (Class::Refresh, _) => self.refreshes().await,
            (Class::Read, 0) => self.service_verifies(number).await,
            (Class::Read, 1) => {
                let body = json!({ "token": self.access(number) });
                self.post("/api/v1/auth/verify", &body).await.map(|_| ())
            }
            (Class::Read, _) => {
                let request = self.client.get(format!("{}/api/v1/users/me", self.url));
                let request = request.bearer_auth(self.access(number));
                answer(&self.public, request).await.map(|_| ())
            }
        }
    }

    fn access(&self, number: usize) -> &str {
        &self.access[number % self.access.len()]
    }

    fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn signs_in(&self) -> Result<(), String> {
        let person = &self.people[self.next() % self.people.len()];
        self.tokens_of(person).await.map(|_| ())
    }

    async fn tokens_of(&self, person: &Person) -> Result<Tokens, String> {
        let tenant = person.tenant.to_string();
        let body = json!({ "identifier": person.email, "password": PASSWORD, "tenant": tenant });
        tokens(&self.post("/api/v1/auth/login", &body).await?)
    }

    async fn refreshes(&self) -> Result<(), String> {
        let session = self.sessions.lock().unwrap().pop_front();
        let old = session.ok_or("every session is being refreshed")?;
        let answer = self.post("/api/v1/auth/refresh", &json!({ "refreshToken": old })).await;
        let new = answer.and_then(|answer| tokens(&answer));
        let (next, outcome) = match new {
            Ok(new) => (new.refresh, Ok(())),
            Err(error) => (old, Err(error)),
        };
        self.sessions.lock().unwrap().push_back(next);
        outcome
    }

    async fn service_verifies(&self, number: usize) -> Result<(), String> {
        let url = format!("{}/internal/auth/verify-token", self.internal_url);
        let request = self.client.post(url).header("X-Service-Token", SERVICE_TOKEN);
        let request = request.json(&json!({ "token": self.access(number) }));
        let judged = answer(&self.internal, request).await?;
        // Refused is an answer with status 200 here.
        if judged["data"]["valid"] == true { Ok(()) } else { Err(judged.to_string()) }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        answer(&self.public, request).await
    }
}

/// Asks as soon as a connection is free.
async fn answer(connections: &Semaphore, request: RequestBuilder) -> Result<Value, String> {
    let _one = connections.acquire().await.unwrap();
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    let body: Value = response.json().await.map_err(|error| error.without_url().to_string())?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{} {}", status.as_u16(), body["error"]["code"]))
    }
}

fn tokens(answer: &Value) -> Result<Tokens, String> {
    let text = |name: &str| answer["data"][name].as_str().map(str::to_owned);
    let (access, refresh) = (text("accessToken"), text("refreshToken"));
    Ok(Tokens {
        access: access.ok_or("no access token")?,
        refresh: refresh.ok_or("no refresh token")?,
    })
}

/// The open loop: each class at its own constant rate, whatever the server makes of it.
async fn arrivals(clients: &Arc<Clients>) -> BTreeMap<Class, Vec<Outcome>> {
    let start = tokio::time::Instant::now();
    let rates = [
        (Class::SignIn, SIGN_INS_PER_S),
        (Class::Refresh, REFRESHES_PER_S),
        (Class::Read, READS_PER_S),
    ];
    let classes = rates.map(|(class, per_s)| {
        let clients = Arc::clone(clients);
        async move {
            let gap = Duration::from_secs(1) / u32::try_from(per_s).unwrap();
            let mut under_way = Vec::new();
            for number in 0_usize.. {
                let after = gap * u32::try_from(number).unwrap();
                if after >= WARM_UP + SPAN {
                    break;
                }
                sleep_until(start + after).await;
                let (clients, due) = (Arc::clone(&clients), start + after);
                let asking = tokio::spawn(async move {
                    clients.ask(class, number).await.map(|()| due.elapsed())
                });
                if after >= WARM_UP {
                    under_way.push(asking);
                }
            }
            let outcomes = futures::future::join_all(under_way).await;
            (class, outcomes.into_iter().map(Result::unwrap).collect())
        }
    });
    futures::future::join_all(classes).await.into_iter().collect()
}

/// How many go well in a second, if as many as `at_once` each ask again when they are answered.
async fn closed_loop<F: Future<Output = Result<(), String>>>(
    at_once: usize,
    work: impl Fn() -> F,
) -> f64 {
    let ends = Instant::now() + LOOP;
    let counts = (0..at_once).map(|_| async {
        let mut in_time = 0;
        loop {
            work().await.unwrap();
            if Instant::now() >= ends {
                return in_time;
            }
            in_time += 1;
        }
    });
    let done: u32 = futures::future::join_all(counts).await.into_iter().sum();
    f64::from(done) / LOOP.as_secs_f64()
}

/// What argon2id with the platform's cost reaches on one thread.
async fn bare_hashes_per_s() -> f64 {
    let passwords = Passwords::new([7; 32], Entropy::default(), Costs::DEFAULT, 1).unwrap();
    let user = UserId::new(7);
    let password = || SecretString::from(PASSWORD);
    let stored = passwords.hash(user, password()).await.unwrap();
    let (began, mut done) = (Instant::now(), 0);
    while began.elapsed() < BARE {
        assert!(passwords.compare(user, password(), stored.clone()).await.unwrap().matches);
        done += 1;
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

/// Somebody signs out at one process; how long the other goes on believing the token.
async fn sign_outs(clients: &Clients, other: &Server) -> Vec<Duration> {
    let me = format!("{}/api/v1/users/me", other.url);
    let mut took = Vec::new();
    for (person, number) in clients.people.iter().zip(0..SIGN_OUTS) {
        let Tokens { access, .. } = clients.tokens_of(person).await.unwrap();
        let status = async || {
            let answer = clients.client.get(&me).bearer_auth(&access).send().await.unwrap();
            answer.status().as_u16()
        };
        assert_eq!(status().await, 200);
        // The log is looked at in intervals, and the sign-in was just seen: without this, every
        // sign-out would come at the same moment of an interval.
        sleep(INTERVAL * u32::try_from(number).unwrap() / u32::try_from(SIGN_OUTS).unwrap()).await;
        let url = format!("{}/api/v1/auth/logout", clients.url);
        let request = clients.client.post(url).bearer_auth(&access).json(&json!({}));
        answer(&clients.public, request).await.unwrap();
        let ended = Instant::now();
        while status().await != 401 {
            assert!(ended.elapsed() < PATIENCE, "the other process never knew");
            sleep(Duration::from_millis(1)).await;
        }
        took.push(ended.elapsed());
    }
    took
}

async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// An address nobody listens on.
fn free_address() -> String {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn resident_mib(pid: u32) -> f64 {
    let status = Path::new("/proc").join(pid.to_string()).join("status");
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024.0
}

/// Seconds of a processor a process has had.
fn worked_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    let stat = stat.unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    // The 14th and 15th of proc(5), in hundredths; two came before.
    let parts = after_name.split_whitespace().skip(11).take(2);
    parts.map(|part| part.parse::<f64>().unwrap() / 100.0).sum()
}

struct Findings {
    pinned: bool,
    outcomes: BTreeMap<Class, Vec<Outcome>>,
    rss_mib: f64,
    db_connections: i64,
    sign_ins_per_s: f64,
    /// The share of its core the API process got while as many signed in as could.
    busy: f64,
    bare_per_s: f64,
    verify_per_s: f64,
    sign_outs: Vec<Duration>,
}

fn report(findings: &Findings) {
    let Findings { rss_mib, db_connections, sign_ins_per_s, bare_per_s, verify_per_s, .. } =
        findings;
    println!(
        "\nloaded: {TENANTS} tenants, {USERS} users, of whom {PEOPLE} sign in; \
         API process on {}\n",
        if findings.pinned { "one core" } else { "ALL cores: there is no taskset" },
    );
    println!(
        "{:<10} {:>8} {:>8} {:>10} {:>10} {:>10}",
        "class", "arrivals", "errors", "p50 ms", "p95 ms", "p99 ms"
    );
    let (mut asked, mut failed) = (0, 0);
    let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
    let mut p95 = BTreeMap::new();
    for (class, outcomes) in &findings.outcomes {
        let took: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        for reason in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            *reasons.entry(reason).or_default() += 1;
        }
        let errors = outcomes.len() - took.len();
        (asked, failed) = (asked + outcomes.len(), failed + errors);
        let [at_50, at_95, at_99] = percentiles(took.into_iter().copied());
        p95.insert(*class, at_95);
        println!(
            "{:<10} {:>8} {errors:>8} {at_50:>10.1} {at_95:>10.1} {at_99:>10.1}",
            name(*class),
            outcomes.len(),
        );
    }
    for (reason, times) in reasons {
        println!("    {times} times {reason}");
    }
    let [revoke_p50_ms, _, revoke_p99_ms] = percentiles(findings.sign_outs.iter().copied());
    println!(
        "\nAPI process after that: {rss_mib:.0} MiB, at most {db_connections} database connections\n\
         sign-ins, {SIGNING_IN_AT_ONCE} at once: {sign_ins_per_s:.1} per second, with \
         {:.0} % of its core; bare hashes on the same core: {bare_per_s:.1}\n\
         verifications, {VERIFYING_AT_ONCE} at once: {verify_per_s:.0} per second\n\
         signed out at one process, known at the other: p50 {revoke_p50_ms:.1} ms, \
         p99 {revoke_p99_ms:.1} ms of {SIGN_OUTS}",
        findings.busy * 100.0,
    );
    println!(
        "\nRESULT p95_sign_in_ms={:.1} p95_refresh_ms={:.1} p95_read_ms={:.1} errors={:.4} \
         rss_mib={rss_mib:.0} db_connections={db_connections} hash_ratio={:.2} \
         verify_per_s={verify_per_s:.0} revoke_p99_ms={revoke_p99_ms:.1}",
        p95[&Class::SignIn],
        p95[&Class::Refresh],
        p95[&Class::Read],
        share(failed, asked),
        sign_ins_per_s / bare_per_s,
    );
}

fn share(part: usize, of: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(of).unwrap())
}

/// The 50th, 95th and 99th, in milliseconds; infinite if nothing went well.
fn percentiles(took: impl Iterator<Item = Duration>) -> [f64; 3] {
    let mut took: Vec<_> = took.collect();
    took.sort_unstable();
    [50, 95, 99].map(|part| {
        let at = (took.len() * part).div_ceil(100).saturating_sub(1);
        took.get(at).map_or(f64::INFINITY, |of| of.as_secs_f64() * 1e3)
    })
}

fn name(class: Class) -> &'static str {
    match class {
        Class::SignIn => "sign-in",
        Class::Refresh => "refresh",
        Class::Read => "read",
    }
}
