//! What the stream has and the log no longer: found wherever the two part, whatever was written since.

use eventstore::lost::{Lost, LostError, Remains};
use eventstore::stream;

use super::relay::{append, messages, relay, until_published};
use super::servers::{Database, Messages, Process, database};

async fn remains(process: &Process, servers: &Messages) -> Option<Remains> {
    Remains::find(servers.jetstream.clone(), process.journal.clone()).await.unwrap()
}

/// As a restore leaves it.
async fn cut(database: &Database, from: i64) {
    let cut = format!(
        "set session_replication_role = replica;
         delete from eventstore.events where position >= {from};
         update eventstore.log set next_position = {from};
         update eventstore.tenant_log set next_position = {from};
         delete from eventstore.snapshots"
    );
    database.execute(&cut).await;
}

async fn found(remains: &Remains, lost: Lost) -> Vec<String> {
    let mut found = Vec::new();
    let hand = |event: eventstore::Recorded| {
        found.push(event.envelope);
        Ok::<_, LostError>(())
    };
    remains.each(lost, hand).await.unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_stream_has_is_found_wherever_the_two_part() {
    let (database, servers) = (database().await, Messages::start().await);
    let process = Process::start(&database.url);
    assert!(remains(&process, &servers).await.is_none(), "there is no stream");
    let relay = relay(&process, &servers);
    append(&process, 200).await;
    until_published(&relay, 199).await;
    relay.stop().await;
    let published: Vec<_> = messages(&servers).await;
    let stream = remains(&process, &servers).await.unwrap();
    assert_eq!(stream.lost().await.unwrap(), None);

    // The log ends before the stream; goes on otherwise, shorter than it, as long, and longer.
    for (from, written) in [(150, 0), (120, 20), (100, 100), (0, 250)] {
        cut(&database, from).await;
        // A new one each time: who lived through it remembers what is no more.
        append(&Process::start(&database.url), written).await;
        let lost = stream.lost().await.unwrap().unwrap();
        assert_eq!(lost, Lost { from, published: 199 });
        let found = found(&stream, lost).await;
        let expected = published[usize::try_from(from).unwrap()..].iter();
        assert!(found.iter().map(String::as_bytes).eq(expected.map(|message| &*message.payload)));
    }
    stream.remove().await.unwrap();
    assert!(remains(&process, &servers).await.is_none());
    assert!(servers.jetstream.get_stream(stream::NAME).await.is_err());
}
