//! What could not be restored is said as long as something can be done about it.

use sqlx::Executor;

use crate::world::backup::Backup;
use crate::world::{World, ended, run, until};

#[tokio::test]
async fn a_check_says_what_could_not_be_restored() {
    let world = World::new().await;
    let backup = Backup::begin(&world).await;
    backup.has_come(&world).await;
    let (code, said) = backup.check(&[]).await;
    assert!(code == 1 && said.starts_with("base backup: none in"), "{said}");
    backup.take(&[]).await;
    let (code, said) = backup.check(&[]).await;
    assert_eq!(code, 0, "{said}");
    let (_, said) = until("the base backup is too old", || async {
        let checked = backup.check(&["--within", "0"]).await;
        (checked.0 == 1).then_some(checked)
    })
    .await;
    assert!(said.contains(" s old") && said.contains(": followed"), "{said}");

    // Base backups go to one folder, the write-ahead log to another.
    let elsewhere = tempfile::tempdir().unwrap();
    let elsewhere = elsewhere.path().to_str().unwrap();
    run(&backup.settings, &["backup", "take", "--to-folder", elsewhere], "").await.unwrap();
    let words = ["backup", "check", "--in-folder", elsewhere];
    let (code, said) = ended(&backup.settings, &words).await;
    assert!(code == 1 && said.contains("followed into another folder"), "{said}");

    // A file of the write-ahead log is gone, and a base backup from after it makes up for it.
    let database = world.database().await;
    let next_file = async || {
        database
            .execute("select pg_logical_emit_message(true, 'test', 'something')")
            .await
            .unwrap();
        database.execute("select pg_switch_wal()").await.unwrap();
    };
    let before = backup.segments().len();
    for _ in 0..3 {
        next_file().await;
    }
    let segments = until("three files are whole", || async {
        let segments = backup.segments();
        (segments.len() >= before + 3).then_some(segments)
    })
    .await;
    let lost = &segments[segments.len() - 2];
    std::fs::remove_file(lost).unwrap();
    let (code, said) = backup.check(&[]).await;
    let told = format!("{} is missing", lost.file_name().unwrap().to_str().unwrap());
    assert!(code == 1 && said.contains(&told), "{said}");
    backup.take(&[]).await;
    let (code, said) = backup.check(&[]).await;
    assert_eq!(code, 0, "{said}");

    // Nobody follows, until the server waits no longer; then nobody ever did.
    backup.follows_no_more().await;
    let wrong = async |what: &str| {
        until(&format!("it is told that {what}"), || async {
            let (code, said) = backup.check(&[]).await;
            (code == 1 && said.contains(what)).then_some(())
        })
        .await;
    };
    wrong("nobody follows it").await;
    database.execute("alter system set max_slot_wal_keep_size = '1MB'").await.unwrap();
    database.execute("select pg_reload_conf()").await.unwrap();
    until("the server waits no longer", || async {
        next_file().await;
        database.execute("checkpoint").await.unwrap();
        let state = "select wal_status = 'lost' from pg_replication_slots";
        let (is_lost,): (bool,) = sqlx::query_as(state).fetch_one(&database).await.unwrap();
        is_lost.then_some(())
    })
    .await;
    wrong("the server no longer has what is missing").await;
    database.execute("select pg_drop_replication_slot('caskchain_backup')").await.unwrap();
    wrong("never followed").await;
}
