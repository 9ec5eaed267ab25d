//! A base backup and the write-ahead log, kept by the real binary as operators have it kept.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use sqlx::Executor;

use super::{Server, World, ended, is_alive, run, until};

/// A folder that a follower of the write-ahead log writes to.
pub struct Backup {
    pub folder: tempfile::TempDir,
    pub settings: Vec<(String, String)>,
    pub follower: Server,
}

impl Backup {
    pub async fn begin(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = world.settings(&[]);
        let command = format!("backup follow --to-folder {}", folder.path().display());
        let follower = Server::start_as(&command, &folder.path().join("follower"), &settings);
        Self { folder, settings, follower }
    }

    pub fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub async fn take(&self, more: &[&str]) -> String {
        let words = [&["backup", "take", "--to-folder", self.path()], more].concat();
        run(&self.settings, &words, "").await.unwrap().trim().to_owned()
    }

    pub async fn check(&self, more: &[&str]) -> (i32, String) {
        let words = [&["backup", "check", "--in-folder", self.path()], more].concat();
        ended(&self.settings, &words).await
    }

    pub async fn follows_no_more(&self) {
        self.follower.signal(rustix::process::Signal::KILL);
        let pid = self.follower.pid;
        until("nobody writes to the backup", || async { (!is_alive(pid)).then_some(()) }).await;
    }

    /// The whole files of the write-ahead log, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("wal")).unwrap();
        let mut whole: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_name().unwrap().len() == 24)
            .collect();
        whole.sort();
        whole
    }

    /// From now on no command is answered before the follower has it on its disk.
    pub async fn is_waited_for(&self, world: &World) {
        self.has_come(world).await;
        let database = world.database().await;
        let set = "alter system set synchronous_standby_names = 'pg_receivewal'";
        database.execute(set).await.unwrap();
        database.execute("select pg_reload_conf()").await.unwrap();
        until("the follower is waited for", || async {
            let state = "select count(*) from pg_stat_replication where sync_state = 'sync'";
            let (count,): (i64,) = sqlx::query_as(state).fetch_one(&database).await.unwrap();
            (count == 1).then_some(())
        })
        .await;
    }

    /// Waits until everything that is committed now is on the follower's disk.
    pub async fn has_come(&self, world: &World) {
        let database = world.database().await;
        let (written,): (String,) = sqlx::query_as("select pg_current_wal_flush_lsn()::text")
            .fetch_one(&database)
            .await
            .unwrap();
        until("the write-ahead log is followed", || async {
            let came: Option<(bool,)> = sqlx::query_as(
                "select coalesce(restart_lsn >= $1::pg_lsn, false)
                 from pg_replication_slots where active",
            )
            .bind(&written)
            .fetch_optional(&database)
            .await
            .unwrap();
            came.is_some_and(|(came,)| came).then_some(())
        })
        .await;
    }

    /// The server dies, its disk as well; and there is another one.
    pub async fn restore(&self, world: &mut World, until_then: Option<&str>) {
        world.postgres.kill().await.unwrap();
        self.follows_no_more().await;
        let data = world.postgres.data();
        let owner = std::fs::metadata(&data).unwrap();
        std::fs::remove_dir_all(&data).unwrap();
        let data_text = data.to_str().unwrap();
        let mut words =
            vec!["restore", "cluster", "--from-folder", self.path(), "--to-folder", data_text];
        words.extend(until_then.map(|at| ["--until", at]).into_iter().flatten());
        run(&self.settings, &words, "").await.unwrap();
        // What runs as PostgreSQL's account elsewhere runs as whoever runs the tests here.
        for folder in [self.folder.path(), &data] {
            give(folder, owner.uid(), owner.gid());
        }
        world.postgres.start_again().await.unwrap();
        until("the recovery is over", || async {
            let asked = sqlx::query_as("select pg_is_in_recovery()");
            let (recovers,): (bool,) = asked.fetch_one(&world.database().await).await.ok()?;
            (!recovers).then_some(())
        })
        .await;
    }
}

fn give(path: &Path, user: u32, group: u32) {
    chown(path, Some(user), Some(group)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user, group);
        }
    }
}
