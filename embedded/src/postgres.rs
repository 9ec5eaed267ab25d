//! A private PostgreSQL: made once, started on a free loopback port, ended with this process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Home;
use crate::cluster::{create, environment, major_of};
use crate::find::{self, PostgresPrograms};
use crate::guard::{Guarded, Orders};
use crate::processes::end_leftovers;
use crate::{DataFolder, EmbeddedError, Progress, port};

pub(crate) const NAME: &str = "PostgreSQL";

/// A start that has to recover from a crash replays what came after the last checkpoint.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A fast shutdown writes a checkpoint; after this it is killed, which loses no data either.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// How a cluster is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresOptions {
    /// For a folder that is deleted after the test: the empty cluster is not flushed to disk.
    /// The server that then runs is as durable as any other.
    pub throw_away: bool,
}

/// A PostgreSQL server with a cluster of its own.
pub struct Postgres {
    server: Option<Guarded>,
    programs: PostgresPrograms,
    home: Home,
    password: String,
    port: u16,
    folder: DataFolder,
}

impl Postgres {
    /// Starts PostgreSQL on the data in `folder`, which is made if there is none.
    ///
    /// # Errors
    /// Says what is missing, or ends in the last lines of the server's log.
    pub async fn start(folder: &DataFolder, progress: &Progress) -> Result<Self, EmbeddedError> {
        Self::start_with(folder, progress, PostgresOptions::default()).await
    }

    /// As [`start`](Self::start), with options.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        folder: &DataFolder,
        progress: &Progress,
        options: PostgresOptions,
    ) -> Result<Self, EmbeddedError> {
        let home = Home::choose(folder, options.throw_away, progress)?;
        let data = home.path.join("data");
        let major = major_of(&data);
        let programs = match find::postgres(major, home.account, progress).await? {
            Some(programs) => programs,
            None => {
                let major = major.unwrap_or_default();
                return Err(EmbeddedError::OtherMajor { data, major });
            }
        };
        let password = home.password()?;
        if major.is_none() {
            progress(&format!("creating a PostgreSQL {} cluster …", programs.major));
            create(&home, &programs, folder, options).await?;
        }
        let mut postgres =
            Self { server: None, programs, home, password, port: 0, folder: folder.clone() };
        // Somebody else may take the port between our look at it and the server's.
        for attempt in 1.. {
            postgres.port = port::free()?;
            match postgres.start_again().await {
                Err(_) if attempt < 3 && !port::is_free(postgres.port) => {}
                done => {
                    done?;
                    break;
                }
            }
        }
        Ok(postgres)
    }

    /// Starts it again, on the same port with the same data, after a stop, a kill or a crash; one
    /// that still runs is killed first.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        self.kill().await?;
        let data = self.data();
        // An orphan would make PostgreSQL refuse to start, and so would its pid file once
        // another process has got the dead one's pid. We hold the folder: neither is anybody's.
        end_leftovers("postgres", &data).await;
        let pid_file = data.join("postmaster.pid");
        remove(&pid_file)?;
        let server = Guarded::spawn(self.orders(&data)).await?;
        // PostgreSQL writes into that file when it takes connections, so no password is needed
        // to ask it, and no other server can answer for it.
        let is_ready = || std::future::ready(says_ready(&pid_file));
        server.until_ready(START_LIMIT, is_ready).await?;
        self.server = Some(server);
        Ok(())
    }

    fn orders(&self, data: &Path) -> Orders {
        let port = format!("port={}", self.port);
        // TCP on the loopback address only: a socket's path could be too long for the system.
        let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", &port];
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        arguments.extend(settings.iter().flat_map(|setting| ["-c".into(), setting.into()]));
        Orders {
            component: NAME,
            program: self.programs.folder.join("postgres"),
            arguments,
            // Immediate shutdown: nobody is left to be waited for, and recovery is quick.
            stop_signal: "QUIT",
            // PostgreSQL kills its own stubborn children after five seconds.
            grace: Duration::from_secs(8),
            sweep: Some(data.to_owned()),
            account: self.home.account,
            environment: Some(environment()),
            log: self.folder.log("postgres"),
        }
    }

    /// The server's database `postgres`, as its superuser. Contains the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// As [`url`](Self::url), for another database; its name needs no escaping in a URL.
    #[must_use]
    pub fn database_url(&self, name: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{name}", self.password, self.port)
    }

    /// The folder of its cluster.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.path.join("data")
    }

    /// The process id of the server (its postmaster); 0 while it is stopped.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.as_ref().map_or(0, Guarded::pid)
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.server.as_ref().is_some_and(Guarded::is_alive)
    }

    /// Completes when the server has ended, for whatever reason.
    pub async fn exited(&self) {
        if let Some(server) = &self.server {
            server.ended().await;
        }
    }

    /// Stops it in order: open connections are closed, everything is on disk.
    ///
    /// # Errors
    /// If it lives on, even after SIGKILL.
    pub async fn stop(&mut self) -> Result<(), EmbeddedError> {
        if let Some(server) = &self.server {
            server.stop(Signal::INT, STOP_LIMIT).await?;
        }
        self.server = None;
        Ok(())
    }

    /// Kills the server and all its backends at once, as a power failure would.
    ///
    /// # Errors
    /// If it lives on.
    pub async fn kill(&mut self) -> Result<(), EmbeddedError> {
        if let Some(server) = &self.server {
            server.kill().await?;
            // The guard has killed the backends as well, but they may be dying still.
            end_leftovers("postgres", &self.data()).await;
        }
        self.server = None;
        Ok(())
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Postgres")
            .field("port", &self.port)
            .field("pid", &self.pid())
            .field("home", &self.home.path)
            .finish_non_exhaustive()
    }
}

fn says_ready(pid_file: &Path) -> bool {
    fs::read_to_string(pid_file)
        .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
}

fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(EmbeddedError::io(format!("remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}
