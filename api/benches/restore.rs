//! Measures a recovery: a log of casks, a base backup in the middle of it, and the database, the stream
//! and the read models' way to them lost. `CASKCHAIN_RESTORE_EVENTS` says how many events; a million if
//! left out.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embedded::{DataFolder, Nats, Postgres, PostgresOptions, Progress};
use eventstore::{database, stream};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;

const LOGIN: &str = "caskchain_bench";
const PASSWORD: &str = "bench";
/// In the configuration and never used: nothing is minted.
const NOBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const PATIENCE: Duration = Duration::from_secs(3_600);

struct World {
    postgres: Postgres,
    nats: Nats,
    folder: tempfile::TempDir,
    key: String,
}

/// A process of the platform's, which ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let events: u64 =
        std::env::var("CASKCHAIN_RESTORE_EVENTS").map_or(1_000_000, |text| text.parse().unwrap());
    let mut world = World::start().await;
    let backup = world.path("backup");
    let backup_text = backup.to_str().unwrap().to_owned();
    std::fs::create_dir(&backup).unwrap();
    world.run(&["tenant", "create", "--name", "Islay Casks"], "");
    let admin = ["user", "create-admin", "--email", "owner@casks.example"];
    world.run(&admin, "Peat&Smoke1994");
    let follower = world.spawn(&["backup", "follow", "--to-folder", &backup_text]);
    let sequencer = world.spawn(&["serve", "--roles", "sequencer"]);

    world.import(events / 2, "A").await;
    let began = Instant::now();
    world.run(&["backup", "take", "--to-folder", &backup_text], "");
    let taken = began.elapsed();
    let base_mib = mib(&backup.join("base"));
    world.import(events - events / 2, "B").await;
    world.until_published_and_signed().await;
    let database_mib = world.number("select pg_database_size(current_database()) / 1048576").await;
    world.until_followed().await;
    let wal_mib = mib(&backup.join("wal"));
    let head = world.number("select next_position from eventstore.log").await;

    // Everything goes at once.
    drop(sequencer);
    world.postgres.kill().await.unwrap();
    drop(follower);
    world.nats.kill().await.unwrap();
    let data = world.postgres.data();
    let owner = std::fs::metadata(&data).unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::remove_dir_all(world.path("services/nats/jetstream")).unwrap();

    let all = Instant::now();
    let data_text = data.to_str().unwrap();
    let words = ["restore", "cluster", "--from-folder", &backup_text, "--to-folder", data_text];
    world.run(&words, "");
    let copied = all.elapsed();
    for folder in [&backup, &data] {
        give(folder, owner.uid(), owner.gid());
    }
    let began = Instant::now();
    world.postgres.start_again().await.unwrap();
    while world.number("select pg_is_in_recovery()::int::bigint").await == 1 {
        sleep(Duration::from_millis(100)).await;
    }
    let recovered = began.elapsed();
    world.nats.start_again().await.unwrap();
    let began = Instant::now();
    world.run(&["restore", "finish", "--without-stream"], "");
    let finished = began.elapsed();
    let ready = all.elapsed();
    assert!(world.number("select next_position from eventstore.log").await > head);
    let began = Instant::now();
    let sequencer = world.spawn(&["serve", "--roles", "sequencer"]);
    world.until_published_and_signed().await;
    let published = began.elapsed();
    drop(sequencer);

    let per_event = |mib: i64| mib as f64 * 1_048_576.0 / events as f64;
    println!("\n{events} events, {database_mib} MiB; half of them written after the base backup\n");
    println!("base backup taken and verified   {:>8.1} s   {base_mib} MiB", taken.as_secs_f64());
    println!("copied and verified              {:>8.1} s", copied.as_secs_f64());
    println!("recovered (write-ahead log)      {:>8.1} s   {wal_mib} MiB", recovered.as_secs_f64());
    println!("finished                         {:>8.1} s", finished.as_secs_f64());
    println!("stream filled, all signed again  {:>8.1} s", published.as_secs_f64());
    println!(
        "\nRESULT events={events} restore_s={:.1} stream_s={:.1} base_mib={base_mib} \
         wal_mib={wal_mib} bytes_per_event={:.0}",
        ready.as_secs_f64(),
        published.as_secs_f64(),
        per_event(database_mib),
    );
    world.nats.stop().await.unwrap();
    world.postgres.stop().await.unwrap();
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = DataFolder::open(folder.path().join("services")).unwrap();
        let progress: Progress = Arc::new(|line: &str| eprintln!("{line}"));
        let (postgres, nats) = tokio::try_join!(
            Postgres::start_with(&services, &progress, PostgresOptions { throw_away: true }),
            Nats::start(&services, &progress),
        )
        .unwrap();
        database::migrate(&postgres.url()).await.unwrap();
        database::ensure_login(&postgres.url(), LOGIN, PASSWORD).await.unwrap();
        Self { postgres, nats, folder, key: STANDARD.encode([7; 32]) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let owner = self.postgres.url();
        let (_, place) = owner.rsplit_once('@').unwrap();
        let settings = [
            ("DATA_FOLDER", self.path("server").to_str().unwrap().to_owned()),
            ("DATABASE_URL", format!("postgres://{LOGIN}:{PASSWORD}@{place}")),
            ("DATABASE_OWNER_URL", owner.clone()),
            ("NATS_URL", self.nats.url()),
            ("KEY_ENCRYPTION_KEY", self.key.clone()),
            ("CHAIN__CONTRACT", NOBODY.to_owned()),
            ("CHAIN__CUSTODY", NOBODY.to_owned()),
            ("LOG__FILTER", "warn".to_owned()),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_caskchain"));
        command.args(words);
        command.envs(settings.map(|(name, value)| (format!("CASKCHAIN_{name}"), value)));
        command
    }

    fn run(&self, words: &[&str], input: &str) {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{words:?}");
    }

    fn spawn(&self, words: &[&str]) -> Running {
        Running(self.command(words).stdin(Stdio::null()).spawn().unwrap())
    }

    async fn import(&self, casks: u64, series: &str) {
        let owner = self
            .number(
                "select aggregate_id::bigint from eventstore.events
            where event_type = 'user.registered'",
            )
            .await
            .to_string();
        let mut text =
            "name,distillery,category,caskNumber,caskType,alcoholContent,volume\n".to_owned();
        for number in 0..casks {
            writeln!(
                text,
                "Ardcairn {number},Ardcairn,single_malt,{series}{number},hogshead,63.50,250.00"
            )
            .unwrap();
        }
        let file = self.path("casks.csv");
        std::fs::write(&file, text).unwrap();
        self.run(&["import", file.to_str().unwrap(), "--owner", &owner], "");
    }

    async fn number(&self, query: &str) -> i64 {
        let mut database = PgConnection::connect(&self.postgres.url()).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut database).await.unwrap()
    }

    /// The stream has every event, and a signed head covers them all.
    async fn until_published_and_signed(&self) {
        let jetstream = stream::jetstream(stream::connect(&self.nats.url()).await.unwrap());
        let began = Instant::now();
        loop {
            let next = self.number("select next_position from eventstore.log").await;
            let signed =
                self.number("select coalesce(max(size), 0) from eventstore.checkpoints").await;
            let published = match jetstream.get_stream(stream::NAME).await {
                Ok(stream) => stream.get_info().await.unwrap().state.last_sequence,
                Err(_) => 0,
            };
            if signed == next && published == next.cast_unsigned() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{signed} signed, {published} published of {next}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn until_followed(&self) {
        let behind = "select pg_wal_lsn_diff(pg_current_wal_flush_lsn(), restart_lsn)::bigint
            from pg_replication_slots";
        while self.number(behind).await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn mib(folder: &Path) -> u64 {
    bytes(folder) / 1_048_576
}

fn bytes(path: &Path) -> u64 {
    let about = std::fs::symlink_metadata(path).unwrap();
    if !about.is_dir() {
        return about.len();
    }
    std::fs::read_dir(path).unwrap().map(|entry| bytes(&entry.unwrap().path())).sum()
}

/// What would run as PostgreSQL's account elsewhere runs as whoever measures here.
fn give(path: &Path, user: u32, group: u32) {
    chown(path, Some(user), Some(group)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user, group);
        }
    }
}
