//! A tree of several levels of tiles and a bundle of several files, as they are kept, exported and verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::command::Command;
use domain::tenant::{CreateTenant, Tenant};
use eventstore::ledger::bundle::{BLOCK, Bundle, Scope};
use eventstore::ledger::export::Export;
use eventstore::ledger::extend::{Extender, Signer};
use eventstore::ledger::keeper::Keeper;
use eventstore::ledger::key::{Kind, SigningKey};
use eventstore::ledger::proof::continues;
use eventstore::ledger::read::Ledger;
use eventstore::ledger::tile::Asked;
use eventstore::ledger::verify::{Brought, Claim, Finding, Report, verify};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::servers::{Process, TENANT, database};

/// One more than a tile of the second level is of, and then some.
const EVENTS: u64 = 70_000;

fn key() -> SigningKey {
    SigningKey::new("log.example/1", Kind::Notes, &[7; 32]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_many_tiles_is_exported_whole_and_what_is_changed_in_it_is_found_where_it_is() {
    let database = database().await;
    let process = Process::start(&database.url);
    let size = append_many(&process).await;
    let folder = tempfile::tempdir().unwrap();
    signed(&process, &folder.path().join("head"), size).await;

    // Each size around the ends of tiles is continued by the whole.
    let ledger = Ledger::new(process.pool.clone());
    let root = ledger.root(size).await.unwrap();
    for old in [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, size - 1, size] {
        let then = ledger.root(old).await.unwrap();
        let proof = ledger.consistency(old, size).await.unwrap();
        assert!(continues((old, &then), (size, &root), &proof), "{old}");
        assert!(!continues((old, &root), (size, &then), &proof) || old == size, "{old}");
    }

    let bundle = Bundle::at(&folder.path().join("bundle"));
    let export = Export::new(process.pool.clone());
    let contents = export.write(&bundle, &Scope::Log, false, |_| {}).await.unwrap();
    assert_eq!((contents.events, contents.size), (size, size));
    assert!(verdict(&bundle).holds(), "{:?}", verdict(&bundle).findings);

    // Broken off in its second file, it goes on there.
    let (first, second) = (bundle.events_file(0, BLOCK), bundle.events_file(1, size - BLOCK));
    std::fs::remove_file(&second).unwrap();
    std::fs::remove_file(bundle.checkpoint_file()).unwrap();
    let written = std::fs::metadata(&first).unwrap().modified().unwrap();
    export.write(&bundle, &Scope::Log, false, |_| {}).await.unwrap();
    assert_eq!(std::fs::metadata(&first).unwrap().modified().unwrap(), written);
    assert!(verdict(&bundle).holds(), "{:?}", verdict(&bundle).findings);
    let hidden = second.with_extension("hidden");
    std::fs::rename(&second, &hidden).unwrap();
    assert_eq!(found(&bundle, Claim::Events).position, Some(BLOCK));
    std::fs::rename(&hidden, &second).unwrap();

    // Of upper tiles each hash is of 256 entries, or of 256 times as many.
    for (level, number, width, changed, position) in
        [(1, 0, 256, 3, 3 * 256), (1, 1, 17, 16, (256 + 16) * 256), (2, 0, 1, 0, 0)]
    {
        let tile = bundle.tile_file(Asked { level: Some(level), number, width });
        with_a_byte_changed(&tile, changed * 32, || {
            let finding = found(&bundle, Claim::Tree);
            assert!(finding.what.contains("is not of this tree"), "{finding:?}");
            assert_eq!(finding.position, Some(position));
        });
    }
    // What is forged below is not what stands above.
    let lowest = bundle.tile_file(Asked { level: Some(0), number: 40, width: 256 });
    with_a_byte_changed(&lowest, 5 * 32, || {
        let findings = verdict(&bundle).findings;
        let above = findings.iter().find(|it| it.what.contains("is not of this tree"));
        assert_eq!(above.unwrap().position, Some(40 * 256), "{findings:?}");
    });
    assert!(verdict(&bundle).holds());
}

/// Tenants, as many as it takes: what is written once, under other ids.
async fn append_many(process: &Process) -> u64 {
    let first = process.store.unwritten::<Tenant>(TENANT, "1000000");
    let events = CreateTenant { name: "Islay Casks".into() }.decide(&first.state).unwrap();
    let commit = process.store.begin(&process.context).append(&first, events);
    process.store.commit(commit).await.unwrap();
    let nothing = vec!["'{}'"; 32].join(", ");
    sqlx::query(&format!(
        "select a.at_position
         from (
             select array_agg(1) as commands, array_agg(e.tenant) as tenants,
                 array_agg(n - 1) as ordinals, array_agg(e.aggregate_type) as types,
                 array_agg((1000000 + n)::text) as ids, array_agg(e.sequence) as sequences,
                 array_agg(true) as firsts, array_agg(e.event_type) as names,
                 array_agg(e.schema_version) as versions,
                 array_agg(replace(e.envelope, '\"1000000\"', format('\"%s\"', 1000000 + n)))
                     as envelopes
             from eventstore.events e, generate_series(1, {EVENTS}) n
         ) many
         cross join lateral eventstore.append(commands, tenants, ordinals, types, ids, sequences,
             firsts, names, versions, envelopes, {nothing}) a"
    ))
    .execute(&process.pool)
    .await
    .unwrap();
    EVENTS + 1
}

/// Has the ledger extended until there is a head of so many.
async fn signed(process: &Process, head_file: &Path, size: u64) {
    let keeper = Keeper::new(head_file.to_owned());
    let signer = Arc::new(Signer { key: key(), former: None, keeper });
    let (signed, mut seen) = watch::channel(0);
    let (pool, head) = (process.pool.clone(), process.appender.head());
    let stop = CancellationToken::new();
    let task = tokio::spawn(Extender { pool, signer, head, signed }.run(stop.clone()));
    seen.wait_for(|signed| *signed == size).await.unwrap();
    stop.cancel();
    task.await.unwrap();
}

fn verdict(bundle: &Bundle) -> Report {
    let brought = Brought {
        key: key().public().clone(),
        scope: Scope::Log,
        witnesses: vec![],
        earlier: None,
        receipts: vec![],
        earlier_key: None,
        replay: true,
    };
    verify(bundle, &brought, |_| {}).unwrap()
}

/// The first thing that is found.
fn found(bundle: &Bundle, claim: Claim) -> Finding {
    let finding = verdict(bundle).findings.swap_remove(0);
    assert_eq!(finding.claim, claim, "{finding:?}");
    finding
}

fn with_a_byte_changed(file: &PathBuf, at: usize, then: impl FnOnce()) {
    let honest = std::fs::read(file).unwrap();
    let mut changed = honest.clone();
    changed[at] ^= 1;
    std::fs::write(file, changed).unwrap();
    then();
    std::fs::write(file, honest).unwrap();
}
