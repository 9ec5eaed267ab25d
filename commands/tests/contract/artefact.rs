//! The committed artefact is its sources, compiled, and they do what they should.

use std::fs;

use super::toolbox::{Toolbox, say};

#[tokio::test]
async fn the_artefact_is_what_its_sources_compile_to() {
    let toolbox = Toolbox::open().await;
    say(toolbox.run(&["check"]).await.trim());

    let source = toolbox.path().join("src/Rfc6962.sol");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replacen("hex\"01\"", "hex\"02\"", 1)).unwrap();
    let check = toolbox.try_to_run(&["check"]).await;
    let why = String::from_utf8(check.stderr).unwrap();
    assert!(!check.status.success() && why.contains("is not what the sources compile to"), "{why}");
}

#[tokio::test]
async fn forge_and_a_node_find_nothing_wrong() {
    let toolbox = Toolbox::open().await;
    let report = toolbox.run(&["test"]).await;
    for line in report.lines().filter(|line| line.starts_with("Ran ") || line.starts_with("  ")) {
        say(line);
    }
    for entry in fs::read_dir(toolbox.path().join("test")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".t.sol") {
            assert!(report.contains(&format!(" for test/{name}:")), "{name} was not run");
        }
    }
    assert!(report.contains(" tests passed, 0 failed, 0 skipped"), "{report}");
    // The node is asked after forge, since it compares what forge has tested with the artefact.
    let report = toolbox.run(&["anvil"]).await;
    report.lines().for_each(say);
    assert!(report.contains("RESULT gas_per_mint="), "{report}");
}
