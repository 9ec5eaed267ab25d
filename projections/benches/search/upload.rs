//! How much more memory a process holds while a file of 20 MiB comes in: the platform's HTTP in a child
//! of the benchmark, which it is itself, and what the system says of that child.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use api::config::Config;
use api::role::Role;
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::world::{OWNER, OWNERS_PASSWORD, World};

/// Run with this, the benchmark serves.
pub const SERVE: &str = "CASKCHAIN_BENCH_SERVE";
const SIZE: usize = 20 * 1024 * 1024;
const UPLOADS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// The child.
pub async fn serve() {
    api::serve::run(Config::read(None).unwrap(), vec![Role::Api]).await.unwrap();
}

/// MiB more than before, at most, over a few uploads one behind the other.
pub async fn measure(world: &World) -> f64 {
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .envs(world.settings(&listen))
        .env(SERVE, "1")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (client, url) = (Client::new(), format!("http://{listen}/api/v1"));
    let token = token(&client, &url, &mut child).await;
    let pid = child.id().unwrap();
    let before = resident_mib(pid);
    let uploading = async {
        for _ in 0..UPLOADS {
            let mut bytes = b"%PDF-1.7\n".to_vec();
            bytes.resize(SIZE, b'x');
            let form = Form::new().part("file", Part::bytes(bytes).file_name("casks.pdf"));
            let request = client.post(format!("{url}/files/upload")).bearer_auth(&token);
            let answer = request.multipart(form).send().await.unwrap();
            assert_eq!(answer.status(), 201);
        }
    };
    let mut most = before;
    let watching = async {
        loop {
            most = most.max(resident_mib(pid));
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = uploading => {}
        () = watching => {}
    }
    child.kill().await.unwrap();
    most - before
}

async fn token(client: &Client, url: &str, child: &mut Child) -> String {
    let began = Instant::now();
    let body = json!({ "identifier": OWNER, "password": OWNERS_PASSWORD });
    loop {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE, "nobody serves");
        match client.post(format!("{url}/auth/login")).json(&body).send().await {
            Ok(answer) if answer.status() == 200 => {
                let answer: Value = answer.json().await.unwrap();
                return answer["data"]["accessToken"].as_str().unwrap().to_owned();
            }
            Ok(_) | Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
