//! Casks that come in a file: good lines and bad ones, killed half-way, the wrong file, the wrong owner.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::world::{Person, Server, World, until};

const NOBODY: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
const HEADER: &str = "name,distillery,category,age,caskNumber,caskType,alcoholContent,volume,\
                      storageLocation.warehouse,marketValue.amount,marketValue.currency";
const LINES: usize = 8_000;
/// Every so many, one is wrong.
const WRONG: usize = 1_000;
const CASKS: usize = LINES - LINES / WRONG;
/// The first so many are older; one of them is wrong.
const OLDER: usize = 100;

/// `caskchain import` beside a server.
struct Importing {
    settings: Vec<(String, String)>,
    folder: tempfile::TempDir,
    owner: String,
}

/// How it ended.
struct Ended {
    success: bool,
    stdout: String,
    stderr: String,
}

impl Importing {
    async fn by(world: &World, server: &Server, owner: &Person) -> Self {
        let settings = world.settings(&[
            ("CASKCHAIN_KEY_ENCRYPTION_KEY", &server.key_encryption_key()),
            ("CASKCHAIN_CHAIN__CONTRACT", NOBODY),
            ("CASKCHAIN_CHAIN__CUSTODY", NOBODY),
        ]);
        Self { settings, folder: tempfile::tempdir().unwrap(), owner: owner.id().await }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn start(&self, file: &Path, more: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_caskchain"))
            .arg("import")
            .arg(file)
            .args(["--owner", &self.owner])
            .args(more)
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn run(&self, file: &Path, more: &[&str]) -> Ended {
        let output = self.start(file, more).wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Ended { success: output.status.success(), stdout, stderr }
    }

    /// Imports, and gives the summary for programs.
    async fn summary(&self, file: &Path, more: &[&str]) -> Value {
        let ended = self.run(file, &[&["--output", "json"], more].concat()).await;
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr))
    }
}

fn line(number: usize) -> String {
    let category = if number % WRONG == 7 { "single_melt" } else { "single_malt" };
    let age = if number < OLDER { 17 } else { 12 };
    format!(
        "Ardcairn {number},Ardcairn,{category},{age},I-{number},hogshead,63.50,250,W7,8400.00,GBP"
    )
}

fn casks() -> String {
    (0..LINES).map(line).fold(HEADER.to_owned(), |file, line| file + "\n" + &line)
}

/// Casks in the log, and how many cask numbers they have.
async fn registered(database: &sqlx::PgPool) -> (usize, usize) {
    let (events, numbers): (i64, i64) = sqlx::query_as(
        "select count(*), count(distinct envelope::jsonb #>> '{data,details,caskNumber}')
         from eventstore.events where event_type = 'whiskey.registered'",
    )
    .fetch_one(database)
    .await
    .unwrap();
    (usize::try_from(events).unwrap(), usize::try_from(numbers).unwrap())
}

#[tokio::test]
async fn every_good_line_is_one_cask_however_often_it_is_killed() {
    let world = World::new().await;
    let (server, database) = (world.server().await, world.database().await);
    let isla = server.person("Isla").await;
    let importing = Importing::by(&world, &server, &isla).await;
    let file = importing.file("casks.csv", casks());

    for part in [1, 4] {
        let enough = CASKS * part / 8;
        let mut child = importing.start(&file, &[]);
        while registered(&database).await.0 < enough {}
        child.kill().await.unwrap();
        let (events, numbers) = registered(&database).await;
        assert_eq!(events, numbers, "a line was registered twice");
        assert!(events < CASKS, "killed too late");
    }

    let (before, _) = registered(&database).await;
    let errors = importing.folder.path().join("errors.csv");
    let all = ["--errors", errors.to_str().unwrap()];
    let summary = importing.summary(&file, &all).await;
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["lines"], LINES);
    assert_eq!(summary["registeredBefore"], before);
    assert_eq!(summary["registered"], CASKS - before);
    assert_eq!(summary["refused"], LINES / WRONG);
    let wrong = &summary["errors"][0];
    // The first line is the header, and lines are counted from 1.
    let place = (&wrong["line"], &wrong["field"], &wrong["code"]);
    assert_eq!(place, (&json!(7 + 2), &json!("category"), &json!("NOT_ONE_OF")));
    let written = std::fs::read_to_string(&errors).unwrap();
    assert_eq!(written.lines().count(), 1 + LINES / WRONG);
    assert!(written.starts_with("line,field,code,message\n9,category,NOT_ONE_OF,"), "{written}");

    // Once more, there is nothing left to do.
    let again = importing.summary(&file, &[]).await;
    assert_eq!((&again["registered"], &again["registeredBefore"]), (&json!(0), &json!(CASKS)));
    assert_eq!(registered(&database).await, (CASKS, CASKS));
    world.stream_equals_log().await;

    // They are casks as any others: listed, found, and theirs whose they are.
    let position = summary["lastPosition"].as_i64().unwrap();
    until("the read model has come that far", || async {
        let page = isla.get_at("/api/v1/whiskeys?owner=me&limit=1", position).await;
        (page.status == 200).then_some(())
    })
    .await;
    let mut listed = 0;
    let mut path = "/api/v1/whiskeys?owner=me&limit=100".to_owned();
    loop {
        let page = isla.get(&path).await.expect(200);
        listed += page.data().as_array().unwrap().len();
        let Some(cursor) = page.body["pagination"]["nextCursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/whiskeys?owner=me&limit=100&cursor={cursor}");
    }
    assert_eq!(listed, CASKS);
    let found = isla.get("/api/v1/whiskeys/search?q=ardcairn%207999").await.expect(200);
    assert_eq!(found.data()["items"][0]["caskNumber"], "I-7999");

    // Of too many the latest are found; of few all, however long ago they came.
    let search = async |query: &str| {
        isla.get(&format!("/api/v1/whiskeys/search?{query}&limit=100")).await.expect(200).body
    };
    let number = |cask: &Value| cask["caskNumber"].as_str().unwrap()[2..].parse::<usize>().unwrap();
    let numbers = |found: &Value| -> Vec<usize> {
        found["data"]["items"].as_array().unwrap().iter().map(number).collect()
    };
    let many = search("q=ardcairn").await;
    assert_eq!(many["pagination"]["total"], 100);
    assert!(numbers(&many).iter().all(|number| *number > LINES - 1_100), "{:?}", numbers(&many));
    for query in ["age=17", "q=ardc&age=15-17&price=8400&currency=GBP"] {
        let old = search(query).await;
        assert_eq!(old["pagination"]["total"], OLDER - 1, "{query}");
        assert!(numbers(&old).iter().all(|number| *number < OLDER), "{query}");
    }
    let none = search("q=ardcairn&price=1000-8399&currency=GBP").await;
    assert_eq!(none["pagination"]["total"], 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_or_an_owner_is_said() {
    let world = World::new().await;
    let (server, database) = (world.server().await, world.database().await);
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let mut importing = Importing::by(&world, &server, &isla).await;
    let good = importing.file("good.csv", format!("\u{feff}{HEADER}\r\n{}\r\n", line(1)));
    let said = async |importing: &Importing, file: &Path, more: &[&str]| {
        let ended = importing.run(file, more).await;
        assert!(!ended.success, "{}", ended.stdout);
        ended.stdout + &ended.stderr
    };

    let header = HEADER.replace("name,", "colour,").replace("age", "caskType");
    let wrong = importing.file("header.csv", header);
    let text = said(&importing, &wrong, &[]).await;
    for expected in [
        "line 1: colour is not a known field (UNKNOWN_FIELD)",
        "line 1: caskType must be named once (WRONG_TYPE)",
        "line 1: name is required (REQUIRED)",
        "nothing was imported",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let utf_16: Vec<u8> =
        format!("\u{feff}{HEADER}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wrong = importing.file("utf-16.csv", utf_16);
    assert!(said(&importing, &wrong, &[]).await.contains("save it as UTF-8"));
    let wrong = importing.file("empty.csv", "");
    assert!(said(&importing, &wrong, &[]).await.contains("the file is empty"));
    let wrong = importing.folder.path().join("nowhere.csv");
    assert!(said(&importing, &wrong, &[]).await.contains("the file cannot be read"));
    let path = good.to_str().unwrap();
    assert!(said(&importing, &good, &["--errors", path]).await.contains("the file itself"));
    assert!(said(&importing, &good, &["--tenant", "7"]).await.contains("there is no such tenant"));
    assert!(said(&importing, &good, &["--tenant", "x"]).await.contains("tenant must be"));

    // Each line for itself: no text, too long, too short, a quote that is not closed.
    let mut lines = format!("{HEADER}\n").into_bytes();
    lines.extend(b"Ardb\xe8g,,,,,,,,,,\n");
    lines.extend(vec![b'x'; 100_000]);
    lines.extend(b"\nArdcairn,Ardcairn\n\"Ardcairn,,,,,,,,,,\n\n");
    lines.extend(line(2).into_bytes());
    let mixed = importing.file("mixed.csv", lines);
    let summary = importing.summary(&mixed, &[]).await;
    assert_eq!((&summary["registered"], &summary["refused"]), (&json!(1), &json!(4)));
    let told = summary["errors"].as_array().unwrap().iter();
    let told: Vec<_> =
        told.map(|it| (it["line"].as_u64().unwrap(), it["code"].as_str().unwrap())).collect();
    assert_eq!(told, [(2, "WRONG_TYPE"), (3, "TOO_LONG"), (4, "WRONG_TYPE"), (5, "WRONG_TYPE")]);

    // The same file is another one for somebody else; nobody's casks are for nobody.
    let isla_id = importing.owner.clone();
    keeper
        .put_json(&format!("/api/v1/users/{isla_id}/status"), json!({ "status": "suspended" }))
        .await
        .expect(200);
    let before = registered(&database).await;
    said(&importing, &good, &[]).await;
    importing.owner = "29488301056000005".to_owned();
    said(&importing, &good, &[]).await;
    assert_eq!(registered(&database).await, before);
    importing.owner = keeper.id().await;
    assert!(importing.run(&good, &[]).await.success);
    assert_eq!(registered(&database).await.0, before.0 + 1);
}
