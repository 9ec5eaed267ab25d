//! Signed heads that later ones continue, and what stays of them.

use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::key::{Kind, SigningKey};
use eventstore::ledger::note::{Note, Signature};
use eventstore::ledger::read::{Ledger, Which};

use super::servers::{Process, database};

#[tokio::test(flavor = "multi_thread")]
async fn of_every_hour_the_last_head_stays_and_the_last_that_was_witnessed() {
    let database = database().await;
    let process = Process::start(&database.url);
    let mut owner = database.owner().await;
    // By how many minutes before this hour they were signed, and whether a witness signed them, too.
    let heads = [
        (1, 400, false),
        (2, 399, true),
        (3, 398, true),
        (4, 397, false),
        (5, 396, false),
        (6, 300, true),
        (7, 299, false),
        // Within the last hour all of them stay.
        (8, -1, false),
        (9, -1, false),
    ];
    for (size, minutes, witnessed) in heads {
        sqlx::query(
            "insert into eventstore.checkpoints (size, note, signed_at)
             values ($1, 'note', date_trunc('hour', now()) - make_interval(mins => $2))",
        )
        .bind(i64::from(size))
        .bind(minutes)
        .execute(&mut owner)
        .await
        .unwrap();
        if witnessed {
            sqlx::query("insert into eventstore.cosignatures values ($1, 'w.example', 'line')")
                .bind(i64::from(size))
                .execute(&mut owner)
                .await
                .unwrap();
        }
    }
    for _ in 0..2 {
        let forget = "select eventstore.forget_checkpoints()";
        sqlx::raw_sql(forget).execute(&process.pool).await.unwrap();
        let left: Vec<i64> =
            sqlx::query_scalar("select size from eventstore.checkpoints order by size")
                .fetch_all(&mut owner)
                .await
                .unwrap();
        assert_eq!(left, [3, 5, 6, 7, 8, 9]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_witness_signed_of_a_name_that_has_ended_is_not_handed_out() {
    let database = database().await;
    let process = Process::start(&database.url);
    let ledger = Ledger::new(process.pool.clone());
    let mut owner = database.owner().await;
    let key = |name: &str| SigningKey::new(name, Kind::Notes, &[7; 32]).unwrap();
    for (size, name) in [(3, "log.example/1"), (5, "log.example/2")] {
        let head = Checkpoint { origin: name.to_owned(), size, root: [1; 32] };
        let text = head.to_string();
        let note = Note::new(text.clone(), vec![Signature::of(&text, &key(name))]);
        sqlx::query("insert into eventstore.checkpoints (size, note) values ($1, $2)")
            .bind(size.cast_signed())
            .bind(note.to_string())
            .execute(&mut owner)
            .await
            .unwrap();
    }
    let witness = SigningKey::new("w.example", Kind::Checkpoints, &[8; 32]).unwrap();
    let sizes = async || {
        let size = async |which| ledger.head(which).await.unwrap().map(|head| head.size);
        (size(Which::Witnessed).await, size(Which::Newest).await)
    };
    ledger.keep_cosignature(3, &Signature::seen("3", 1, &witness)).await.unwrap();
    assert_eq!(sizes().await, (None, Some(5)));
    ledger.keep_cosignature(5, &Signature::seen("5", 1, &witness)).await.unwrap();
    assert_eq!(sizes().await, (Some(5), Some(5)));
}
