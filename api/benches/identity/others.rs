//! Other people's identity servers, side by side with ours: on the same core, at the same cost of
//! a hash, asked by the same client in the same closed loops.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::child::Child;
use crate::clients::client;
use crate::closed_loop::{Pace, closed_loop};
use crate::population::email;
use crate::scale::{
    BARE, DATABASE_CONNECTIONS, PASSWORD, REFRESHING_AT_ONCE, SIGNING_IN_AT_ONCE, VERIFYING_AT_ONCE,
};
use crate::server::{free_address, until_answered};
use crate::world::World;

/// People in each of them. More would change nothing: both look them up by a key.
const PEOPLE: usize = 400;
/// The benchmark's own cache folder, below Cargo's.
const CACHE: &str = env!("CARGO_TARGET_TMPDIR");
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/identity/others");
const FILES: [&str; 6] = [
    "package.json",
    "package-lock.json",
    "passwords.mjs",
    "oidc-provider.mjs",
    "better-auth.mjs",
    "bare-hashes.mjs",
];

/// How the others did.
pub struct Others {
    pub oidc_provider: OidcProvider,
    pub better_auth: BetterAuth,
    pub bare_per_s: f64,
}

pub struct OidcProvider {
    pub sign_ins: Pace,
    pub refreshes: Pace,
    pub introspections: Pace,
}

pub struct BetterAuth {
    pub sign_ins: Pace,
    pub look_ups: Pace,
}

/// Measures them all; an error is a sentence that says why they could not be had.
pub async fn measure(world: &World) -> Result<Others, String> {
    let folder = install()?;
    let bare_per_s = bare(world, &folder).await;
    let oidc_provider = OidcProvider::measure(world, &folder).await;
    let better_auth = BetterAuth::measure(world, &folder).await;
    Ok(Others { oidc_provider, better_auth, bare_per_s })
}

/// Everything at the versions of the lock file, once.
fn install() -> Result<PathBuf, String> {
    let folder = Path::new(CACHE).join("identity-others");
    let lock = |folder: &Path| std::fs::read(folder.join("package-lock.json")).ok();
    let installed = folder.join("node_modules/.package-lock.json").exists();
    let installed = installed && lock(&folder) == lock(Path::new(SOURCES));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for file in FILES {
        let copied = std::fs::copy(Path::new(SOURCES).join(file), folder.join(file));
        copied.map_err(|error| format!("{file} cannot be copied: {error}"))?;
    }
    if installed {
        return Ok(folder);
    }
    eprintln!("installing what is compared with from npm …");
    let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let npm = Command::new("npm").args(words).current_dir(&folder).stdin(Stdio::null()).output();
    let npm = npm.map_err(|error| format!("npm does not run: {error}"))?;
    if npm.status.success() {
        Ok(folder)
    } else {
        let said = String::from_utf8_lossy(&npm.stderr).into_owned();
        let said = said.lines().find(|line| line.contains("error")).unwrap_or("npm failed");
        Err(format!("npm cannot install them: {said}"))
    }
}

/// Starts one of them and waits until `path` answers.
async fn start(world: &World, folder: &Path, name: &str, path: &str, url: &str) -> (Child, String) {
    let address = free_address();
    let (_, port) = address.rsplit_once(':').unwrap();
    let (program, log) = (folder.join(format!("{name}.mjs")), world.folder.path().join(name));
    let people = PEOPLE.to_string();
    let words = ["node", &program.to_string_lossy(), port, &people, PASSWORD];
    let settings = [
        ("NODE_ENV", "production".to_owned()),
        ("DATABASE_URL", url.to_owned()),
        ("DATABASE_CONNECTIONS", DATABASE_CONNECTIONS.to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let child = Child::start(&words, &settings, &log);
    let base = format!("http://{address}");
    until_answered(&child, &format!("{base}{path}"), &log).await;
    (child, base)
}

/// Bare hashes by the package that the others hash with.
async fn bare(world: &World, folder: &Path) -> f64 {
    let (log, found) =
        (world.folder.path().join("bare-node.log"), world.folder.path().join("node"));
    let (program, seconds) = (folder.join("bare-hashes.mjs"), BARE.as_secs().to_string());
    let (program, file) = (program.to_string_lossy(), found.to_string_lossy());
    let child = Child::start(&["node", &program, &seconds, &file, PASSWORD], &[], &log);
    while child.is_alive() {
        sleep(Duration::from_millis(20)).await;
    }
    std::fs::read_to_string(&found).unwrap().parse().unwrap()
}

impl OidcProvider {
    async fn measure(world: &World, folder: &Path) -> Self {
        eprintln!("oidc-provider");
        let ready = "/.well-known/openid-configuration";
        let (child, url) = start(world, folder, "oidc-provider", ready, "").await;
        let (client, turn) = (client(), AtomicUsize::new(0));
        let ask = async |path: &str, fields: &[(&str, &str)]| {
            let mut form = "client_id=bench&client_secret=bench".to_owned();
            for (name, value) in fields {
                form += &format!("&{name}={}", escaped(value));
            }
            let request = client.post(format!("{url}{path}")).body(form);
            json_of(request.header("content-type", "application/x-www-form-urlencoded")).await
        };
        let sign_in = async || {
            let email = email(turn.fetch_add(1, Ordering::Relaxed) % PEOPLE);
            let fields = [("grant_type", "password"), ("username", &email), ("password", PASSWORD)];
            ask("/token", &fields).await
        };
        let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
        let (mut access, mut sessions) = (Vec::new(), VecDeque::new());
        for _ in 0..REFRESHING_AT_ONCE.max(VERIFYING_AT_ONCE) {
            let tokens = sign_in().await.unwrap();
            access.push(text(&tokens, "access_token"));
            sessions.push_back(text(&tokens, "refresh_token"));
        }
        let sessions = Mutex::new(sessions);
        let sign_ins = closed_loop(SIGNING_IN_AT_ONCE, async || sign_in().await.map(|_| ())).await;
        let refreshes = closed_loop(REFRESHING_AT_ONCE, async || {
            let old = sessions.lock().unwrap().pop_front().unwrap();
            let fields = [("grant_type", "refresh_token"), ("refresh_token", &*old)];
            let tokens = ask("/token", &fields).await?;
            sessions.lock().unwrap().push_back(text(&tokens, "refresh_token"));
            Ok(())
        })
        .await;
        let introspections = closed_loop(VERIFYING_AT_ONCE, async || {
            let token = &access[turn.fetch_add(1, Ordering::Relaxed) % access.len()];
            let judged = ask("/token/introspection", &[("token", token)]).await?;
            if judged["active"] == true { Ok(()) } else { Err(judged.to_string()) }
        })
        .await;
        drop(child);
        Self { sign_ins, refreshes, introspections }
    }
}

impl BetterAuth {
    async fn measure(world: &World, folder: &Path) -> Self {
        eprintln!("better-auth");
        sqlx::raw_sql("create database better_auth").execute(&world.owner().await).await.unwrap();
        let database = world.postgres.database_url("better_auth");
        let (child, url) = start(world, folder, "better-auth", "/api/auth/ok", &database).await;
        let (client, turn): (Client, _) = (client(), AtomicUsize::new(0));
        let sign_in = async || {
            let email = email(turn.fetch_add(1, Ordering::Relaxed) % PEOPLE);
            let request = client.post(format!("{url}/api/auth/sign-in/email"));
            answered(request.json(&json!({ "email": email, "password": PASSWORD }))).await
        };
        let mut cookies = Vec::new();
        for _ in 0..VERIFYING_AT_ONCE {
            let answer = sign_in().await.unwrap();
            let cookie = answer.headers()["set-cookie"].to_str().unwrap();
            cookies.push(cookie.split_once(';').unwrap().0.to_owned());
        }
        let sign_ins = closed_loop(SIGNING_IN_AT_ONCE, async || {
            let signed_in = sign_in().await?.bytes().await;
            signed_in.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        let look_ups = closed_loop(VERIFYING_AT_ONCE, async || {
            let cookie = &cookies[turn.fetch_add(1, Ordering::Relaxed) % cookies.len()];
            let request = client.get(format!("{url}/api/auth/get-session"));
            let found = json_of(request.header("cookie", cookie)).await?;
            if found["session"].is_object() { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
        drop(child);
        Self { sign_ins, look_ups }
    }
}

async fn json_of(request: RequestBuilder) -> Result<Value, String> {
    answered(request).await?.json().await.map_err(|error| error.to_string())
}

async fn answered(request: RequestBuilder) -> Result<Response, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    Err(format!("{status} {}", answer.text().await.unwrap_or_default()))
}

/// For a form.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
