//! PostgreSQL dies during appends, as in a power failure, and comes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::tenant::{Tenant, TenantEvent};
use eventstore::CommitError;

use super::content::sound_log;
use super::servers::{Process, Server, TENANT, until};

const WRITERS: usize = 12;

/// Names of the events, with where they are said to be.
type Told = Vec<(String, Result<i64, CommitError>)>;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_and_the_rest_is_there_once_at_most() {
    let mut server = Server::start().await;
    let database = server.database().await;
    let processes = [Process::start(&database.url), Process::start(&database.url)];
    let (done, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let process = processes[writer % 2].clone();
            let (done, enough) = (Arc::clone(&done), Arc::clone(&enough));
            tokio::spawn(async move {
                let mut told = Vec::new();
                while done.load(Ordering::Relaxed) < enough.load(Ordering::Relaxed) {
                    let name = format!("{writer}-{}", told.len());
                    let outcome = append(&process, writer, &name).await;
                    if outcome.is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    told.push((name, outcome));
                }
                told
            })
        })
        .collect();
    for _ in 0..3 {
        more_than(&done, 150).await;
        server.postgres.kill().await.unwrap();
        server.postgres.start_again().await.unwrap();
    }
    more_than(&done, 150).await;
    enough.store(0, Ordering::Relaxed);
    let mut told = Told::new();
    for writer in writers {
        told.extend(writer.await.unwrap());
    }

    let log = sound_log(&mut database.owner().await).await;
    let mut there: HashMap<String, i64> = HashMap::new();
    for entry in &log {
        let envelope: serde_json::Value = serde_json::from_str(&entry.envelope).unwrap();
        let name = envelope["data"]["name"].as_str().unwrap().to_owned();
        assert_eq!(there.insert(name, entry.position), None, "written twice");
    }
    for (name, outcome) in told {
        match outcome {
            Ok(position) => assert_eq!(there.get(&name), Some(&position), "{name}"),
            Err(CommitError::Stale) => assert_eq!(there.get(&name), None, "{name}"),
            // Nobody knows, and at most once is checked above.
            Err(CommitError::Unavailable) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn more_than(done: &AtomicUsize, more: usize) {
    let before = done.load(Ordering::Relaxed);
    until("appends", async || (done.load(Ordering::Relaxed) >= before + more).then_some(())).await;
}

/// Most on streams of their own; one in four on a stream that everybody wants.
async fn append(process: &Process, writer: usize, name: &str) -> Result<i64, CommitError> {
    let id = if writer.is_multiple_of(4) { "shared".to_owned() } else { format!("own{writer}") };
    let loaded = loop {
        // While the server is away, an answer takes its time by itself.
        match process.store.load_fresh::<Tenant>(TENANT, &id).await {
            Ok(loaded) => break loaded,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let events = vec![TenantEvent::TenantCreated { name: name.to_owned() }];
    let commit = process.store.begin(&process.context).append(&loaded, events);
    process.store.commit(commit).await.map(|committed| committed.position)
}
