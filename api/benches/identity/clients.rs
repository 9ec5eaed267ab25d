//! Whoever asks: connections, people, tokens, and what they ask for.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::arrivals::Class;
use crate::population::Person;
use crate::scale::{INTERNAL_CONNECTIONS, PASSWORD, PUBLIC_CONNECTIONS, SIGNING_IN_AT_ONCE};
use crate::server::{SERVICE_TOKEN, Server};

pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

pub struct Clients {
    pub client: Client,
    pub public: Semaphore,
    internal: Semaphore,
    pub url: String,
    internal_url: String,
    pub people: Vec<Person>,
    /// Counts, so that everybody has a turn.
    next: AtomicUsize,
    /// Not in use by a refresh under way; the longest unused first.
    sessions: Mutex<VecDeque<String>>,
    access: Vec<String>,
}

/// A client with as many connections as it may have.
pub fn client() -> Client {
    let client = Client::builder().pool_max_idle_per_host(PUBLIC_CONNECTIONS);
    client.timeout(Duration::from_secs(10)).build().unwrap()
}

impl Clients {
    /// Everybody signs in once; that is not measured.
    pub async fn sign_in(server: &Server, people: Vec<Person>) -> Self {
        let mut clients = Self {
            client: client(),
            public: Semaphore::new(PUBLIC_CONNECTIONS),
            internal: Semaphore::new(INTERNAL_CONNECTIONS),
            url: server.url.clone(),
            internal_url: server.internal_url.clone(),
            people,
            next: AtomicUsize::new(0),
            sessions: Mutex::default(),
            access: Vec::new(),
        };
        let signing_in = clients.people.iter().map(|person| clients.tokens_of(person));
        let signing_in: Vec<_> = signing_in.collect();
        let signed_in = futures::stream::iter(signing_in).buffer_unordered(SIGNING_IN_AT_ONCE);
        let tokens: Vec<_> = signed_in.map(Result::unwrap).collect().await;
        for of_person in tokens {
            clients.access.push(of_person.access);
            clients.sessions.get_mut().unwrap().push_back(of_person.refresh);
        }
        clients
    }

    /// Does what arrives as the `number`th of its class.
    pub async fn ask(&self, class: Class, number: usize) -> Result<(), String> {
        match (class, number % 3) {
            (Class::SignIn, _) => self.signs_in().await,
            (Class::Refresh, _) => self.refreshes().await,
            (Class::Read, 0) => self.service_verifies(number).await,
            (Class::Read, 1) => {
                let body = json!({ "token": self.access(number) });
                self.post("/api/v1/auth/verify", &body).await.map(|_| ())
            }
            (Class::Read, _) => {
                let request = self.client.get(format!("{}/api/v1/users/me", self.url));
                let request = request.bearer_auth(self.access(number));
                answer(&self.public, request).await.map(|_| ())
            }
        }
    }

    fn access(&self, number: usize) -> &str {
        &self.access[number % self.access.len()]
    }

    pub fn next(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub async fn signs_in(&self) -> Result<(), String> {
        let person = &self.people[self.next() % self.people.len()];
        self.tokens_of(person).await.map(|_| ())
    }

    pub async fn tokens_of(&self, person: &Person) -> Result<Tokens, String> {
        let tenant = person.tenant.to_string();
        let body = json!({ "identifier": person.email, "password": PASSWORD, "tenant": tenant });
        tokens(&self.post("/api/v1/auth/login", &body).await?)
    }

    pub async fn refreshes(&self) -> Result<(), String> {
        let session = self.sessions.lock().unwrap().pop_front();
        let old = session.ok_or("every session is being refreshed")?;
        let answer = self.post("/api/v1/auth/refresh", &json!({ "refreshToken": old })).await;
        let new = answer.and_then(|answer| tokens(&answer));
        let (next, outcome) = match new {
            Ok(new) => (new.refresh, Ok(())),
            Err(error) => (old, Err(error)),
        };
        self.sessions.lock().unwrap().push_back(next);
        outcome
    }

    pub async fn service_verifies(&self, number: usize) -> Result<(), String> {
        let url = format!("{}/internal/auth/verify-token", self.internal_url);
        let request = self.client.post(url).header("X-Service-Token", SERVICE_TOKEN);
        let request = request.json(&json!({ "token": self.access(number) }));
        let judged = answer(&self.internal, request).await?;
        // Refused is an answer with status 200 here.
        if judged["data"]["valid"] == true { Ok(()) } else { Err(judged.to_string()) }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        answer(&self.public, request).await
    }
}

/// Asks as soon as a connection is free.
pub async fn answer(connections: &Semaphore, request: RequestBuilder) -> Result<Value, String> {
    let _one = connections.acquire().await.unwrap();
    let response = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    let body: Value = response.json().await.map_err(|error| error.without_url().to_string())?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{} {}", status.as_u16(), body["error"]["code"]))
    }
}

fn tokens(answer: &Value) -> Result<Tokens, String> {
    let text = |name: &str| answer["data"][name].as_str().map(str::to_owned);
    let (access, refresh) = (text("accessToken"), text("refreshToken"));
    Ok(Tokens {
        access: access.ok_or("no access token")?,
        refresh: refresh.ok_or("no refresh token")?,
    })
}
