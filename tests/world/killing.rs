//! Killing a server while it is asked many things at once, so that each is somewhere else on its way.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::RequestBuilder;
use serde_json::Value;
use sqlx::Executor;
use tokio::time::{Duration, timeout};

use super::{Answer, Server, World, until};

/// Asks everything at once, and kills the server the moment so many more events of a kind are in the
/// log: whatever ought to be written with the last of them is written, or never will be. Gives the
/// answers; those of whoever was still waiting are lost.
pub async fn killed_at(
    world: &World,
    (kind, count): (&str, usize),
    server: Server,
    requests: Vec<RequestBuilder>,
) -> Vec<Option<Answer>> {
    let database = world.database().await;
    let written = async || {
        let sql = "select count(*) from eventstore.events where event_type = $1";
        let (count,): (i64,) = sqlx::query_as(sql).bind(kind).fetch_one(&database).await.unwrap();
        usize::try_from(count).unwrap()
    };
    let enough = written().await + count;
    let asking: FuturesUnordered<_> = requests
        .into_iter()
        .enumerate()
        .map(|(number, request)| async move { (number, answer(request).await) })
        .collect();
    let asking = tokio::spawn(asking.collect::<Vec<_>>());
    // As fast as it can be asked: what follows the event may be written a millisecond later.
    let watching = async { while written().await < enough {} };
    assert!(timeout(Duration::from_secs(60), watching).await.is_ok(), "{kind} is not written");
    server.kill().await;
    let mut answers = asking.await.unwrap();
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Kills a command as it comes to a table to write to it.
pub async fn killed_at_table(
    table: &str,
    world: &World,
    settings: &[(String, String)],
    words: &[&str],
) {
    let database = world.database().await;
    let mut held = database.begin().await.unwrap();
    held.execute(format!("lock table {table} in exclusive mode").as_str()).await.unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_caskchain"))
        .args(words)
        .envs(settings.iter().cloned())
        .spawn()
        .unwrap();
    let count = async |of: &str| -> i64 {
        let (count,) = sqlx::query_as(of).fetch_one(&database).await.unwrap();
        count
    };
    until("it comes to the table", || async {
        assert!(command.id().is_some());
        let waiting = format!(
            "select count(*) from pg_locks where not granted and relation = '{table}'::regclass"
        );
        (count(&waiting).await > 0).then_some(())
    })
    .await;
    command.kill().await.unwrap();
    held.rollback().await.unwrap();
    until("its connections are gone", || async {
        let open = "select count(*) from pg_stat_activity where application_name like 'caskchain%'";
        (count(open).await == 0).then_some(())
    })
    .await;
}

async fn answer(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = serde_json::from_slice(&response.bytes().await.ok()?).unwrap_or(Value::Null);
    Some(Answer { status, headers, body })
}

/// Every event of the log, in order.
pub async fn events(world: &World) -> Vec<Value> {
    let log = world.log().await;
    log.iter().map(|(_, envelope)| serde_json::from_str(envelope).unwrap()).collect()
}

/// The events of one kind on one stream.
pub fn of<'a>(
    events: &'a [Value],
    kind: &'a str,
    id: &'a str,
) -> impl Iterator<Item = &'a Value> + 'a {
    events.iter().filter(move |event| event["type"] == kind && event["aggregateId"] == id)
}
