//! A private nats-server with JetStream, started on a free loopback port.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::folder::{random_name, secret, write_private};
use crate::guard::{Guarded, Orders};
use crate::processes::end_leftovers;
use crate::{DataFolder, EmbeddedError, Progress, find, port};

/// It listens only after JetStream has read its streams.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(5);

const USER: &str = "caskchain";

/// A nats-server with streams of its own.
pub struct Nats {
    server: Option<Guarded>,
    program: PathBuf,
    password: String,
    port: u16,
    folder: DataFolder,
}

impl Nats {
    /// Starts nats-server on the streams in `folder`.
    ///
    /// # Errors
    /// Says what is missing, or ends in the last lines of the server's log.
    pub async fn start(folder: &DataFolder, progress: &Progress) -> Result<Self, EmbeddedError> {
        let home = folder.below("nats")?;
        let mut nats = Self {
            server: None,
            program: find::nats_server(progress).await?,
            password: secret(&home.join("password"))?,
            port: 0,
            folder: folder.clone(),
        };
        // Somebody else may take the port between our look at it and the server's.
        for attempt in 1.. {
            nats.port = port::free()?;
            match nats.start_again().await {
                Err(_) if attempt < 3 && !port::is_free(nats.port) => {}
                done => {
                    done?;
                    break;
                }
            }
        }
        Ok(nats)
    }

    /// Starts it again, on the same port with the same data, after a stop, a kill or a crash; one
    /// that still runs is killed first.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        self.kill().await?;
        let home = self.folder.below("nats")?;
        let settings = home.join("nats.conf");
        end_leftovers("nats-server", &settings).await;
        // New at each start: whoever answers on the port with this name is our server.
        let name = format!("caskchain-{}", random_name()?);
        let streams = home.join("jetstream");
        let text = configuration(&name, self.port, &self.password, &streams);
        write_private(&settings, text.as_bytes())?;
        let server = Guarded::spawn(Orders {
            component: "nats-server",
            program: self.program.clone(),
            arguments: vec!["-c".into(), settings.into()],
            stop_signal: "TERM",
            grace: Duration::from_secs(3),
            sweep: None,
            account: None,
            environment: None,
            log: self.folder.log("nats"),
        })
        .await?;
        let port = self.port;
        server.until_ready(START_LIMIT, || greets(port, &name)).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Contains the user and the password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{USER}:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// The process id of the server; 0 while it is stopped.
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

    /// Stops it in order.
    ///
    /// # Errors
    /// If it lives on, even after SIGKILL.
    pub async fn stop(&mut self) -> Result<(), EmbeddedError> {
        if let Some(server) = &self.server {
            server.stop(Signal::TERM, STOP_LIMIT).await?;
        }
        self.server = None;
        Ok(())
    }

    /// Kills it at once.
    ///
    /// # Errors
    /// If it lives on.
    pub async fn kill(&mut self) -> Result<(), EmbeddedError> {
        if let Some(server) = &self.server {
            server.kill().await?;
        }
        self.server = None;
        Ok(())
    }
}

impl std::fmt::Debug for Nats {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Nats")
            .field("port", &self.port)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

fn configuration(name: &str, port: u16, password: &str, streams: &Path) -> String {
    // A path may hold what ends a quoted string.
    let streams = streams.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "# Written anew at each start.\n\
         server_name: \"{name}\"\n\
         listen: \"127.0.0.1:{port}\"\n\
         jetstream {{ store_dir: \"{streams}\" }}\n\
         authorization {{ user: \"{USER}\", password: \"{password}\" }}\n"
    )
}

/// Whether the server of this name greets on the port; its greeting comes before any login.
async fn greets(port: u16, name: &str) -> bool {
    let greeting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line)
    };
    match timeout(Duration::from_secs(1), greeting).await {
        Ok(Some(line)) => {
            line.starts_with("INFO ") && line.contains(name) && line.contains("\"jetstream\":true")
        }
        _ => false,
    }
}
