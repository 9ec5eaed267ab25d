//! The path, walked against a running development server: over HTTP alone, from registration to a
//! minted NFT, and each step with what it returned.

use std::time::Duration;

use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use eventstore::{Clock, Entropy};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::config::Config;
use crate::dev::{Surroundings, surroundings_file};
use crate::networks::default_network;
use crate::wiring::StartError;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A person with a browser.
struct Visitor {
    client: Client,
    url: String,
    token: Option<String>,
}

/// An answer: its data and where the command stands in the log.
struct Answer {
    data: Value,
    position: Option<String>,
}

/// Walks the path and prints it. Every step has to go right.
pub async fn walk(config: &Config) -> Result<(), StartError> {
    let file = surroundings_file(&config.data_folder);
    let text = std::fs::read_to_string(&file).map_err(|_| {
        StartError::Other(format!(
            "there is no {}: start the server first, with `cargo run` in another terminal",
            file.display()
        ))
    })?;
    let surroundings: Surroundings = serde_json::from_str(&text).map_err(StartError::of)?;
    let owner = sign_up(&surroundings).await?;
    let keeper = Visitor::new(&surroundings)?
        .signed_in(&surroundings.administrator_email, &surroundings.administrator_password)
        .await?;
    let token_id = register_and_approve(&owner, &keeper).await?;
    mint(&owner, &surroundings, config, &token_id).await
}

async fn sign_up(surroundings: &Surroundings) -> Result<Visitor, StartError> {
    let entropy = Entropy::default();
    let number = u32::from_be_bytes(entropy.bytes().map_err(StartError::of)?);
    let email = format!("isla.{number}@casks.example");
    let password = format!("Peat&Smoke-7{}", entropy.text::<9>().map_err(StartError::of)?);
    let visitor = Visitor::new(surroundings)?;

    step("Isla registers");
    let body = json!({ "email": email, "password": password, "fullName": "Isla Ferguson" });
    visitor.show(Method::POST, "/api/v1/auth/register", Some(body)).await?;

    step("and finds the link in her mail");
    let link = visitor.link_mailed_to(&email).await?;
    // The link leads to the public address, which need not be the one this talks to.
    let path = link.split_once("/api/").map_or("", |(_, path)| path);
    visitor.show(Method::GET, &format!("/api/{path}"), None).await?;

    step("She signs in");
    visitor.signed_in(&email, &password).await
}

async fn register_and_approve(owner: &Visitor, keeper: &Visitor) -> Result<String, StartError> {
    step("Isla registers a cask");
    let cask = json!({
        "name": "Ardcairn 2012", "distillery": "Ardcairn", "region": "Speyside",
        "category": "single_malt", "age": 12, "vintage": 2012, "caskNumber": "1207",
        "caskType": "hogshead", "fillDate": "2012-05-31", "alcoholContent": "63.50",
        "volume": "250.00", "storageLocation": { "warehouse": "W7", "position": "12-3" },
        "marketValue": { "amount": "8400.00", "currency": "GBP" },
    });
    let registered = owner.show(Method::POST, "/api/v1/whiskeys", Some(cask)).await?;
    let id = registered.data["id"].as_str().unwrap_or_default().to_owned();

    step("The keeper, who is somebody else, approves it");
    keeper.show(Method::PUT, &format!("/api/v1/whiskeys/{id}/approve"), None).await?;
    Ok(id)
}

async fn mint(
    owner: &Visitor,
    surroundings: &Surroundings,
    config: &Config,
    token_id: &str,
) -> Result<(), StartError> {
    step("Isla asks for its NFT");
    let body = json!({ "whiskeyId": token_id });
    let asked = owner.show(Method::POST, "/api/v1/nfts/generate", Some(body)).await?;

    step("and looks until the chain has made it final");
    let path = format!("/api/v1/nfts/{token_id}");
    let nft = owner.until_confirmed(&path, asked.position).await?;

    step("The chain is asked who holds it");
    let mut config = config.clone();
    config.chain.rpc_url = Some(surroundings.rpc_url.clone());
    let node = default_network(&config)?;
    let contract = nft["contract"].as_str().unwrap_or_default();
    let contract = EvmAddress::parse(contract).map_err(StartError::of)?;
    let token: WhiskeyId = token_id.parse().map_err(StartError::of)?;
    let holder = node.owner_of(contract, token).await.map_err(StartError::of)?;
    println!("    ownerOf({token_id}) = {holder}");
    if nft["recipient"] != holder.to_string() {
        return Err(StartError::Other("the chain says somebody else holds the token".to_owned()));
    }
    println!("\nCONFIRMED: {}", nft["transaction"]["hash"].as_str().unwrap_or_default());
    Ok(())
}

fn step(what: &str) {
    println!("\n{what}");
}

impl Visitor {
    fn new(surroundings: &Surroundings) -> Result<Self, StartError> {
        let client =
            Client::builder().timeout(Duration::from_secs(15)).build().map_err(StartError::of)?;
        Ok(Self { client, url: surroundings.url.clone(), token: None })
    }

    async fn signed_in(mut self, email: &str, password: &str) -> Result<Self, StartError> {
        let body = json!({ "identifier": email, "password": password });
        let answer = self.ask(Method::POST, "/api/v1/auth/login", Some(body), None).await?;
        let token = answer.data["accessToken"].as_str().unwrap_or_default().to_owned();
        println!("    POST /api/v1/auth/login → session {}", answer.data["sessionId"]);
        self.token = Some(token);
        Ok(self)
    }

    /// Asks and prints what came back.
    async fn show(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, StartError> {
        let answer = self.ask(method.clone(), path, body, None).await?;
        let shown = path.split("?token=").next().unwrap_or(path);
        let position = answer.position.as_deref().unwrap_or("-");
        println!("    {method} {shown} → {} (position {position})", answer.data);
        Ok(answer)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        min_position: Option<&str>,
    ) -> Result<Answer, StartError> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(position) = min_position {
            request = request.header("X-Min-Position", position);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(StartError::of)?;
        let position = response.headers().get("x-position").and_then(|p| p.to_str().ok());
        let position = position.map(str::to_owned);
        let status = response.status();
        let answer: Value = response.json().await.map_err(StartError::of)?;
        if answer["success"] == true {
            Ok(Answer { data: answer["data"].clone(), position })
        } else {
            Err(StartError::Other(format!(
                "{method} {path} answered {status}: {}",
                answer["error"]
            )))
        }
    }

    async fn link_mailed_to(&self, email: &str) -> Result<String, StartError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mails = self.ask(Method::GET, "/dev/outbox", None, None).await?.data;
            let mails = mails.as_array().cloned().unwrap_or_default();
            let mine = mails.iter().find(|mail| mail["to"] == email);
            let body = mine.and_then(|mail| mail["body"].as_str()).unwrap_or_default();
            if let Some(link) = body.lines().find(|line| line.starts_with("http")) {
                return Ok(link.to_owned());
            }
            if Instant::now() > deadline {
                return Err(StartError::Other(format!("no mail came for {email}")));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn until_confirmed(
        &self,
        path: &str,
        position: Option<String>,
    ) -> Result<Value, StartError> {
        let clock = Clock::system();
        let begun = clock.now();
        let deadline = Instant::now() + PATIENCE;
        let mut seen = String::new();
        loop {
            let nft = self.ask(Method::GET, path, None, position.as_deref()).await?.data;
            let status = nft["status"].as_str().unwrap_or_default().to_owned();
            if status != seen {
                let ms = clock.now().unix_ms() - begun.unix_ms();
                println!("    GET {path} → {status} after {ms} ms");
                seen = status;
            }
            match seen.as_str() {
                "CONFIRMED" => return Ok(nft),
                "FAILED" => return Err(StartError::Other(format!("the mint failed: {nft}"))),
                _ if Instant::now() > deadline => {
                    return Err(StartError::Other(format!("not confirmed in time: {nft}")));
                }
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }
}
