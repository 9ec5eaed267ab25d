//! Following the log: every event once and in order, while NATS dies and while it repeats itself.

use std::sync::Arc;
use std::time::Duration;

use eventstore::follow::Follower;
use eventstore::stream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::relay::{append, relay, until_published};
use super::servers::{Messages, Process, database, until};

/// A follower at work, and the positions it has seen.
struct Following {
    seen: Arc<Mutex<Vec<i64>>>,
    task: JoinHandle<()>,
}

impl Following {
    fn start(process: &Process, servers: Option<&Messages>) -> Self {
        let jetstream = servers.map(|servers| servers.jetstream.clone());
        let mut follower = Follower::new(process.journal.clone(), jetstream, -1);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for number in 0_u32.. {
                // Given up in the middle again and again, as in a select: nothing may get lost by
                // that. Now and then it has the time to notice that NATS is silent.
                let patience = if number.is_multiple_of(4) { 1_000 } else { 3 };
                let next = timeout(Duration::from_millis(patience), follower.next(7)).await;
                let Ok(events) = next else { continue };
                told.lock().await.extend(events.unwrap().iter().map(|event| event.position));
            }
        });
        Self { seen, task }
    }

    async fn until_seen(&self, position: i64) {
        until("the follower", async || {
            self.seen.lock().await.last().is_some_and(|last| *last >= position).then_some(())
        })
        .await;
        let seen = self.seen.lock().await;
        assert_eq!(*seen, (0..seen.len()).map(|n| i64::try_from(n).unwrap()).collect::<Vec<_>>());
        assert!(!self.task.is_finished());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_every_event_once_while_nats_is_killed() {
    let (database, mut servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    append(&process, 20).await;
    let relay = relay(&process, &servers);
    let following = Following::start(&process, Some(&servers));
    following.until_seen(19).await;
    for round in 1..=3 {
        append(&process, 30).await;
        until_published(&relay, round * 90 - 41).await;
        servers.nats.kill().await.unwrap();
        append(&process, 30).await;
        // The journal is enough.
        following.until_seen(round * 90 - 11).await;
        servers.nats.start_again().await.unwrap();
        append(&process, 30).await;
        following.until_seen(round * 90 + 19).await;
    }
    until_published(&relay, 289).await;
    following.task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_every_event_once_though_messages_come_twice_or_not_at_all() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    stream::ensure(&servers.jetstream, 1).await.unwrap();
    let following = Following::start(&process, Some(&servers));
    for round in 0..20 {
        append(&process, 10).await;
        let events = process.journal.after(round * 10 - 1, 10).await.unwrap();
        for (event, number) in events.iter().zip(0..) {
            // No message id, so that the server takes what comes twice; and a hole now and then.
            let times = if number == round % 10 { 0 } else { 2 };
            for _ in 0..times {
                let headers = stream::headers(event, -1);
                let payload = event.envelope.clone().into();
                servers
                    .jetstream
                    .publish_with_headers(stream::subject(event), headers, payload)
                    .await
                    .unwrap()
                    .await
                    .unwrap();
            }
        }
    }
    following.until_seen(199).await;
    following.task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_back_and_needs_no_nats() {
    let database = database().await;
    let process = Process::start(&database.url);
    append(&process, 10).await;
    let mut follower = Follower::new(process.journal.clone(), None, 3);
    let positions = async |follower: &mut Follower, limit| -> Vec<i64> {
        let events = follower.next(limit).await.unwrap();
        events.iter().map(|event| event.position).collect()
    };
    assert_eq!(positions(&mut follower, 4).await, [4, 5, 6, 7]);
    follower.rewind(5);
    assert_eq!(positions(&mut follower, 9).await, [6, 7, 8, 9]);
    assert!(positions(&mut follower, 9).await.is_empty());
}
