//! The components for real: started, used, stopped, killed and started again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use embedded::{
    Chain, ChainOptions, DataFolder, Embedded, EmbeddedError, EmbeddedOptions, FINALITY_LAG, Nats,
    Postgres, PostgresOptions, Progress,
};
use jsonrpsee_core::client::ClientT;
use jsonrpsee_http_client::{HttpClient, HttpClientBuilder};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Anvil's first two accounts.
const RICH: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const OTHER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// Deploys a contract whose code is `602a60005260206000f3`: it answers 42.
const DEPLOY_42: &str = "0x600a600c600039600a6000f3602a60005260206000f3";
const CODE_42: &str = "0x602a60005260206000f3";

/// The folder in which the child process of a test is to start everything.
const PARENT: &str = "EMBEDDED_TEST_PARENT";

fn progress() -> Progress {
    Arc::new(|line: &str| eprintln!("… {line}"))
}

fn options() -> EmbeddedOptions {
    EmbeddedOptions { postgres: PostgresOptions { throw_away: true }, ..Default::default() }
}

async fn start(folder: &Path) -> Result<Embedded, EmbeddedError> {
    Embedded::start_with(folder, &progress(), options()).await
}

/// Waits for a condition; a test that waits in vain fails.
async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_alive(pid: u32) -> bool {
    // A zombie is no process any more, whoever has yet to bury it.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let zombie = state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
    !zombie && test_kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()).is_ok()
}

fn kill9(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

// --- PostgreSQL ---

async fn sql(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

async fn text(url: &str, query: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(query).fetch_one(&mut connection).await.unwrap().get(0)
}

// --- NATS: enough of its protocol for a request to JetStream ---

async fn request(url: &str, subject: &str, payload: &str) -> Value {
    let (login, address) = url.strip_prefix("nats://").unwrap().split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let connect = json!({"user": user, "pass": password, "verbose": false, "pedantic": false});
    let message = format!(
        "CONNECT {connect}\r\nSUB inbox 1\r\nPUB {subject} inbox {}\r\n{payload}\r\n",
        payload.len()
    );
    stream.write_all(message.as_bytes()).await.unwrap();
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "the server hung up");
        assert!(!line.starts_with("-ERR"), "{line}");
        if line.starts_with("MSG ") {
            let size = line.split_whitespace().last().unwrap().parse().unwrap();
            let mut answer = vec![0; size];
            stream.read_exact(&mut answer).await.unwrap();
            return serde_json::from_slice(&answer).unwrap();
        }
    }
}

async fn make_stream(url: &str) {
    let config = json!({"name": "EVENTS", "subjects": ["events.>"], "storage": "file"});
    let made = request(url, "$JS.API.STREAM.CREATE.EVENTS", &config.to_string()).await;
    assert!(made.get("error").is_none(), "{made}");
}

async fn publish(url: &str) -> u64 {
    request(url, "events.one", "hello").await["seq"].as_u64().unwrap()
}

async fn messages(url: &str) -> u64 {
    let info = request(url, "$JS.API.STREAM.INFO.EVENTS", "").await;
    info["state"]["messages"].as_u64().unwrap()
}

// --- the chain ---

fn client(chain: &Chain) -> HttpClient {
    HttpClientBuilder::default().build(chain.url()).unwrap()
}

async fn rpc(client: &HttpClient, method: &str, params: Vec<Value>) -> Value {
    client.request(method, params).await.unwrap()
}

async fn height(client: &HttpClient, tag: &str) -> u64 {
    let block = rpc(client, "eth_getBlockByNumber", vec![json!(tag), json!(false)]).await;
    number(&block["number"])
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

async fn pay(client: &HttpClient) -> Value {
    let transaction = json!({"from": RICH, "to": OTHER, "value": "0x7"});
    rpc(client, "eth_sendTransaction", vec![transaction]).await
}

/// anvil answers with the hash before the block is made, if only just before.
async fn receipt(client: &HttpClient, hash: &Value) -> Value {
    until("the receipt", async || {
        let receipt = rpc(client, "eth_getTransactionReceipt", vec![hash.clone()]).await;
        (!receipt.is_null()).then_some(receipt)
    })
    .await
}

/// For a moment after its receipt anvil still calls a transaction pending.
async fn transaction(client: &HttpClient, hash: &Value) -> Value {
    until("the transaction in its block", async || {
        let transaction = rpc(client, "eth_getTransactionByHash", vec![hash.clone()]).await;
        (!transaction["blockHash"].is_null()).then_some(transaction)
    })
    .await
}

/// What of the chain has to survive: the contract's code, balances, nonces, blocks,
/// transactions and receipts, each as the chain tells it.
async fn portrait(client: &HttpClient, hashes: &[Value], upto: u64) -> Value {
    let mut told = Vec::new();
    for hash in hashes {
        let receipt = receipt(client, hash).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        if let Some(contract) = receipt["contractAddress"].as_str() {
            let code = rpc(client, "eth_getCode", vec![json!(contract), json!("latest")]).await;
            assert_eq!(code, CODE_42);
        }
        told.push(receipt);
        told.push(transaction(client, hash).await);
    }
    for block in 0..=upto {
        let block = json!(format!("{block:#x}"));
        told.push(rpc(client, "eth_getBlockByNumber", vec![block, json!(true)]).await);
    }
    for account in [RICH, OTHER] {
        for method in ["eth_getBalance", "eth_getTransactionCount"] {
            told.push(rpc(client, method, vec![json!(account), json!("latest")]).await);
        }
    }
    assert!(told.iter().all(|told| !told.is_null()));
    Value::Array(told)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_go_on_after_a_stop() {
    let temp = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let embedded = Embedded::start(temp.path(), &progress()).await.unwrap();
    println!("first start: {:?}", began.elapsed());
    let (pg, nats) = (embedded.postgres.url(), embedded.nats.url());
    sql(&pg, "create table kept (word text); insert into kept values ('grüße')").await;
    sql(&pg, "create database other").await;
    make_stream(&nats).await;
    assert_eq!(publish(&nats).await, 1);
    let rpc_client = client(&embedded.chain);
    let deploy = json!({"from": RICH, "data": DEPLOY_42});
    let hashes =
        [rpc(&rpc_client, "eth_sendTransaction", vec![deploy]).await, pay(&rpc_client).await];
    let last = number(&receipt(&rpc_client, &hashes[1]).await["blockNumber"]);
    let before = portrait(&rpc_client, &hashes, last).await;
    let pids = [embedded.postgres.pid(), embedded.nats.pid(), embedded.chain.pid()];
    let began = Instant::now();
    embedded.stop().await.unwrap();
    println!("stop: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(pids.iter().all(|pid| !is_alive(*pid)));

    let began = Instant::now();
    let embedded = Embedded::start(temp.path(), &progress()).await.unwrap();
    let warm = began.elapsed();
    println!("second start: {warm:?}");
    assert_eq!(text(&embedded.postgres.url(), "select word from kept").await, "grüße");
    let other = embedded.postgres.database_url("other");
    assert_eq!(text(&other, "select current_database()::text").await, "other");
    assert_eq!(text(&other, "show synchronous_commit").await, "on");
    assert_eq!(text(&other, "show fsync").await, "on");
    assert_eq!(text(&other, "show server_encoding").await, "UTF8");
    assert_eq!(messages(&embedded.nats.url()).await, 1);
    assert_eq!(publish(&embedded.nats.url()).await, 2);
    let rpc_client = client(&embedded.chain);
    assert_eq!(portrait(&rpc_client, &hashes, last).await, before);
    // It still works, and the next nonce follows the last.
    let hash = pay(&rpc_client).await;
    assert_eq!(receipt(&rpc_client, &hash).await["status"], "0x1");
    assert!(warm < Duration::from_secs(2), "a warm start took {warm:?}");
    embedded.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_starts_again_after_a_kill_on_the_same_port() {
    let temp = tempfile::tempdir().unwrap();
    let mut embedded = start(temp.path()).await.unwrap();
    let urls = [embedded.postgres.url(), embedded.nats.url(), embedded.chain.url()];
    sql(&urls[0], "create table kept (word text); insert into kept values ('a')").await;
    make_stream(&urls[1]).await;
    publish(&urls[1]).await;
    let rpc_client = client(&embedded.chain);
    let hash = pay(&rpc_client).await;
    let last = number(&receipt(&rpc_client, &hash).await["blockNumber"]);
    let before = portrait(&rpc_client, std::slice::from_ref(&hash), last).await;
    // A backend that works without ever looking whether its postmaster still lives.
    let mut busy = PgConnection::connect(&urls[0]).await.unwrap();
    let pid: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut busy).await.unwrap();
    let endless = tokio::spawn(async move {
        let query = "select count(*) from generate_series(1, 1000000000000) a";
        sqlx::query(query).fetch_one(&mut busy).await.unwrap_err();
    });
    let pids = [embedded.postgres.pid(), embedded.nats.pid(), embedded.chain.pid()];
    // "up to about a second" may be lost.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    embedded.postgres.kill().await.unwrap();
    embedded.nats.kill().await.unwrap();
    embedded.chain.kill().await.unwrap();
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    // It is no more at work, but the kernel may still be taking it apart.
    let backend = u32::try_from(pid).unwrap();
    until("the backend to end", async || (!is_alive(backend)).then_some(())).await;
    assert!(
        !embedded.postgres.is_alive() && !embedded.nats.is_alive() && !embedded.chain.is_alive()
    );
    endless.await.unwrap();
    PgConnection::connect(&urls[0]).await.unwrap_err();

    let began = Instant::now();
    embedded.postgres.start_again().await.unwrap();
    println!("PostgreSQL after a kill: {:?}", began.elapsed());
    embedded.nats.start_again().await.unwrap();
    embedded.chain.start_again().await.unwrap();
    assert_eq!(urls, [embedded.postgres.url(), embedded.nats.url(), embedded.chain.url()]);
    assert_eq!(text(&urls[0], "select word from kept").await, "a");
    assert_eq!(messages(&urls[1]).await, 1);
    assert_eq!(portrait(&rpc_client, &[hash], last).await, before);

    // And when it was not us who killed it.
    kill9(embedded.postgres.pid());
    kill9(embedded.nats.pid());
    kill9(embedded.chain.pid());
    let ended = async {
        embedded.postgres.exited().await;
        embedded.nats.exited().await;
        embedded.chain.exited().await;
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), embedded.exited()).await.unwrap();
    embedded.postgres.start_again().await.unwrap();
    embedded.nats.start_again().await.unwrap();
    embedded.chain.start_again().await.unwrap();
    assert_eq!(text(&urls[0], "select word from kept").await, "a");
    assert_eq!(messages(&urls[1]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_finalizes_its_last_transaction_and_rests() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(temp.path()).unwrap();
    let mut chain = Chain::start(&folder, &progress()).await.unwrap();
    let rpc_client = client(&chain);
    for _ in 0..2 {
        let hash = pay(&rpc_client).await;
        let block = number(&receipt(&rpc_client, &hash).await["blockNumber"]);
        let began = Instant::now();
        until("the transaction to be final", async || {
            (height(&rpc_client, "finalized").await >= block).then_some(())
        })
        .await;
        println!("final after {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(height(&rpc_client, "latest").await, block + FINALITY_LAG, "it must rest");
    }
    // A loaded chain settles as well: its finalized block can be asked for its state.
    chain.kill().await.unwrap();
    chain.start_again().await.unwrap();
    until("the state of the finalized block", async || {
        let params = vec![json!(RICH), json!("finalized")];
        rpc_client.request::<Value, _>("eth_getBalance", params).await.ok()
    })
    .await;
    chain.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_heartbeat_no_block_comes_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(temp.path()).unwrap();
    let options = ChainOptions { heartbeat: false, ..ChainOptions::default() };
    let mut chain = Chain::start_with(&folder, &progress(), options).await.unwrap();
    let rpc_client = client(&chain);
    let hash = pay(&rpc_client).await;
    receipt(&rpc_client, &hash).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(height(&rpc_client, "latest").await, 1);
    assert_eq!(height(&rpc_client, "finalized").await, 0);
    chain.kill().await.unwrap();
    chain.start_again().await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(height(&rpc_client, "latest").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_of_the_chain_gives_way_to_the_one_before() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(temp.path()).unwrap();
    let mut chain = Chain::start(&folder, &progress()).await.unwrap();
    let rpc_client = client(&chain);
    let hash = pay(&rpc_client).await;
    receipt(&rpc_client, &hash).await;
    chain.stop().await.unwrap();
    chain.start_again().await.unwrap();
    let second = pay(&rpc_client).await;
    receipt(&rpc_client, &second).await;
    chain.stop().await.unwrap();
    let state = temp.path().join("chain/state.json.gz");
    let whole = fs::read(&state).unwrap();
    fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    chain.start_again().await.unwrap();
    assert_eq!(receipt(&rpc_client, &hash).await["status"], "0x1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(temp.path()).unwrap();
    let nats = Nats::start(&folder, &progress()).await.unwrap();
    // The component alone keeps the folder.
    drop(folder);
    let error = start(temp.path()).await.unwrap_err();
    let pid = std::process::id().to_string();
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    let server = nats.pid();
    drop(nats);
    DataFolder::open(temp.path()).unwrap();
    until("the dropped server to end", async || (!is_alive(server)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_secret_and_ports_local() {
    let temp = tempfile::tempdir().unwrap();
    let lines = Arc::new(Mutex::new(String::new()));
    let heard = lines.clone();
    let progress: Progress = Arc::new(move |line: &str| *heard.lock().unwrap() += line);
    let embedded = Embedded::start_with(temp.path(), &progress, options()).await.unwrap();
    let mut said = format!("{embedded:?}") + &*lines.lock().unwrap();
    for log in ["postgres", "initdb", "nats", "chain"] {
        said += &fs::read_to_string(temp.path().join(format!("{log}.log"))).unwrap();
    }
    for url in [embedded.postgres.url(), embedded.nats.url()] {
        let (login, server) = url.split_once('@').unwrap();
        let (_, password) = login.rsplit_once(':').unwrap();
        assert!(password.len() >= 32);
        assert!(!said.contains(password), "a password was told");
        let wrong = format!("{}x@{server}", login);
        if url.starts_with("postgres") {
            PgConnection::connect(&wrong).await.unwrap_err();
        }
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let note = temp.path().join("postgres/DATA_IS_ELSEWHERE");
    let home = match fs::read_to_string(note) {
        Ok(home) => home.trim().into(),
        Err(_) => temp.path().join("postgres"),
    };
    assert_eq!(mode(&home.join("password")), 0o600);
    assert_eq!(mode(&temp.path().join("nats/password")), 0o600);
    assert_eq!(mode(&temp.path().join("nats/nats.conf")), 0o600);
    let tables = fs::read_to_string("/proc/net/tcp").unwrap()
        + &fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    for url in [embedded.postgres.url(), embedded.nats.url(), embedded.chain.url()] {
        let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
        let port = format!(":{:04X}", port.parse::<u16>().unwrap());
        let listening: Vec<&str> = tables
            .lines()
            .filter_map(|line| {
                let mut fields = line.split_whitespace().skip(1);
                let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
                (state == "0A" && local.ends_with(&port)).then_some(local)
            })
            .collect();
        assert_eq!(listening, [format!("0100007F{port}")]);
    }
    embedded.stop().await.unwrap();
}

/// Only root changes to another account; for everybody else this is one more start.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_only_we_can_enter_is_good_enough() {
    let temp = tempfile::tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let path = temp.path().join("data");
    let folder = DataFolder::open(&path).unwrap();
    let throw_away = PostgresOptions { throw_away: true };
    let mut postgres = Postgres::start_with(&folder, &progress(), throw_away).await.unwrap();
    sql(&postgres.url(), "create table kept (word text); insert into kept values ('a')").await;
    postgres.stop().await.unwrap();
    drop((postgres, folder));
    let folder = DataFolder::open(&path).unwrap();
    let mut postgres = Postgres::start_with(&folder, &progress(), throw_away).await.unwrap();
    assert_eq!(text(&postgres.url(), "select word from kept").await, "a");
    postgres.stop().await.unwrap();
    drop((postgres, folder));
    // Deleted and made anew under the same name, a folder is empty.
    fs::remove_dir_all(&path).unwrap();
    let folder = DataFolder::open(&path).unwrap();
    let mut postgres = Postgres::start_with(&folder, &progress(), throw_away).await.unwrap();
    sql(&postgres.url(), "create table kept (word text)").await;
    postgres.stop().await.unwrap();
}

// --- kill -9 of the parent ---

/// No test by itself: the process that the tests below start and kill.
#[tokio::test(flavor = "multi_thread")]
async fn parent_to_be_killed() {
    let Some(folder) = std::env::var_os(PARENT) else {
        return;
    };
    let folder = Path::new(&folder);
    let embedded = start(folder).await.unwrap();
    sql(&embedded.postgres.url(), "create table if not exists kept (word text)").await;
    sql(&embedded.postgres.url(), "insert into kept values ('a')").await;
    make_stream(&embedded.nats.url()).await;
    publish(&embedded.nats.url()).await;
    let hash = pay(&client(&embedded.chain)).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let new = folder.join("report.new");
    let mut report = fs::File::create(&new).unwrap();
    write!(report, "{}", hash.as_str().unwrap()).unwrap();
    fs::rename(new, folder.join("report")).unwrap();
    std::future::pending::<()>().await;
}

fn spawn_parent(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent_to_be_killed", "--nocapture"])
        .env(PARENT, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// All living descendants of a process.
fn family(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(pid);
    }
    let mut found = children.remove(&root).unwrap_or_default();
    let mut next = 0;
    while next < found.len() {
        found.extend(children.remove(&found[next]).unwrap_or_default());
        next += 1;
    }
    found
}

async fn kill_parent(mut parent: Child) {
    let family = family(parent.id());
    assert!(!family.is_empty());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let began = Instant::now();
    until("all children to end", async || {
        let left: Vec<_> = family.iter().filter(|pid| is_alive(**pid)).collect();
        left.is_empty().then_some(())
    })
    .await;
    println!("{} processes gone after {:?}", family.len(), began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_a_killed_parent() {
    let temp = tempfile::tempdir().unwrap();
    let parent = spawn_parent(temp.path());
    let hash =
        until("the parent's report", async || fs::read_to_string(temp.path().join("report")).ok())
            .await;
    // The lock is the parent's, and the error says so.
    let error = start(temp.path()).await.unwrap_err();
    assert!(error.to_string().contains(&format!("process {}", parent.id())), "{error}");
    kill_parent(parent).await;

    let embedded = start(temp.path()).await.unwrap();
    assert_eq!(text(&embedded.postgres.url(), "select word from kept").await, "a");
    assert_eq!(messages(&embedded.nats.url()).await, 1);
    let rpc_client = client(&embedded.chain);
    assert_eq!(receipt(&rpc_client, &json!(hash)).await["status"], "0x1");
    embedded.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_right_after_a_killed_parent_succeeds() {
    let temp = tempfile::tempdir().unwrap();
    let mut parent = spawn_parent(temp.path());
    until("the parent's report", async || temp.path().join("report").exists().then_some(())).await;
    let family = family(parent.id());
    // The guards die with their parent, as if somebody killed all shells: only orphans remain.
    for pid in &family {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim() == "sh" {
            let _ = Command::new("kill").args(["-STOP", &pid.to_string()]).status();
        }
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    let embedded = start(temp.path()).await.unwrap();
    assert_eq!(text(&embedded.postgres.url(), "select word from kept").await, "a");
    assert_eq!(messages(&embedded.nats.url()).await, 1);
    until("the orphans to end", async || {
        let left = family.iter().filter(|pid| is_alive(**pid)).count();
        (left == 0).then_some(())
    })
    .await;
    embedded.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_killed_during_initdb_leaves_no_half_cluster() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("data");
    let parent = spawn_parent(&folder);
    // initdb has said where it is: "performing post-bootstrap initialization".
    until("initdb to be at work", async || {
        let log = fs::read_to_string(folder.join("initdb.log")).unwrap_or_default();
        log.contains("bootstrap").then_some(())
    })
    .await;
    kill_parent(parent).await;
    let embedded = start(&folder).await.unwrap();
    sql(&embedded.postgres.url(), "select 1").await;
    embedded.stop().await.unwrap();
}
