//! Somebody who uses the platform over HTTP.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::until;

/// A person with a browser, and a token once signed in.
#[derive(Clone)]
pub struct Person {
    client: Client,
    pub url: String,
    pub email: String,
    pub password: String,
    token: Option<String>,
    pub refresh_token: String,
    /// Not the platform's own, if named.
    pub tenant: Option<String>,
    pub device: String,
    pub device_token: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Person {
    pub fn new(url: &str) -> Self {
        let client = Client::builder()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let number: u64 = u64::from_be_bytes(eventstore::Entropy::default().bytes().unwrap());
        Self {
            client,
            url: url.to_owned(),
            email: format!("person.{number}@casks.example"),
            password: "Peat&Smoke1994".to_owned(),
            token: None,
            refresh_token: String::new(),
            tenant: None,
            device: String::new(),
            device_token: String::new(),
        }
    }

    /// The same person, talking to another server.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    pub fn registration(&self, name: &str) -> Value {
        json!({ "email": self.email, "password": self.password, "fullName": name })
    }

    /// Registers, verifies, signs in.
    pub async fn settled(self, name: &str) -> Self {
        self.post("/api/v1/auth/register", self.registration(name)).await.expect(201);
        let link = self.verification_link().await;
        self.get(&link).await.expect(200);
        self.signed_in().await
    }

    pub async fn signed_in(mut self) -> Self {
        let mut body = json!({ "identifier": self.email, "password": self.password });
        if let Some(tenant) = &self.tenant {
            body["tenant"] = json!(tenant);
        }
        let answer = self.post("/api/v1/auth/login", body).await.expect(200);
        self.keep(&answer);
        self
    }

    /// Goes on with the tokens of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        let text = |name: &str| answer.data()[name].as_str().unwrap().to_owned();
        self.token = Some(text("accessToken"));
        self.refresh_token = text("refreshToken");
        // A token that was refreshed belongs to the same device.
        self.device = text("deviceId");
        self.device_token = text("deviceToken");
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.post("/api/v1/auth/refresh", json!({ "refreshToken": token })).await
    }

    /// The access token of whoever is signed in.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The path of the newest link that was mailed to this person.
    pub async fn verification_link(&self) -> String {
        until("a mail arrives", || async {
            let mails = self.mails().await;
            let mut lines = mails.iter().flat_map(|mail| mail["body"].as_str().unwrap().lines());
            let link = lines.find(|line| line.starts_with("http"))?;
            link.split_once("/api/").map(|(_, path)| format!("/api/{path}"))
        })
        .await
    }

    /// The mails to this person, newest first.
    pub async fn mails(&self) -> Vec<Value> {
        let answer = self.get("/dev/outbox").await;
        let mails = answer.body["data"].as_array().cloned().unwrap_or_default();
        mails.into_iter().filter(|mail| mail["to"] == self.email.as_str()).collect()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// Reads after the read model has come to a position.
    pub async fn get_at(&self, path: &str, position: i64) -> Answer {
        Answer::of(self.request(Method::GET, path).header("X-Min-Position", position)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub async fn put_json(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body)).await
    }

    /// Tries a password; nothing is kept.
    pub async fn login(&self, password: &str) -> Answer {
        let body = json!({ "identifier": self.email, "password": password });
        self.post("/api/v1/auth/login", body).await
    }

    /// Tries the password on a device that says this of itself; nothing is kept.
    pub async fn login_on(&self, device: Value) -> Answer {
        let body = json!({
            "identifier": self.email, "password": self.password, "deviceInfo": device,
        });
        self.post("/api/v1/auth/login", body).await
    }

    /// The id of whoever is signed in.
    pub async fn id(&self) -> String {
        let me = until("I am readable", || async {
            let answer = self.get("/api/v1/users/me").await;
            (answer.status == 200).then_some(answer)
        })
        .await;
        me.data()["id"].as_str().unwrap().to_owned()
    }

    /// Waits for a mail with this subject; gives its newest body.
    pub async fn mail(&self, subject: &str) -> String {
        until(&format!("a mail comes: {subject}"), || async {
            let mails = self.mails().await;
            let mail = mails.into_iter().find(|mail| mail["subject"] == subject)?;
            Some(mail["body"].as_str().unwrap().to_owned())
        })
        .await
    }

    /// Uploads bytes under a name, for nobody else to see.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Answer {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        self.upload_form(Form::new().part("file", part)).await
    }

    pub async fn upload_form(&self, form: Form) -> Answer {
        Answer::of(self.request(Method::POST, "/api/v1/files/upload").multipart(form)).await
    }

    /// Uploads an image and waits until all is made of it; gives its details.
    pub async fn image(&self, bytes: Vec<u8>) -> Value {
        let uploaded = self.upload("head.jpg", bytes).await.expect(201);
        self.until_file_is(uploaded.data()["id"].as_str().unwrap(), "READY").await
    }

    pub async fn until_file_is(&self, id: &str, state: &str) -> Value {
        until(&format!("the file is {state}"), || async {
            let answer = self.get(&format!("/api/v1/files/{id}/details")).await;
            let file = answer.body["data"].clone();
            (file["state"] == state).then_some(file)
        })
        .await
    }

    pub async fn put(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::PUT, path)).await
    }

    /// Registers a cask; gives its id.
    pub async fn cask(&self, number: &str) -> String {
        let answer = self.post("/api/v1/whiskeys", cask(number)).await.expect(201);
        answer.data()["id"].as_str().unwrap().to_owned()
    }

    /// A receipt, when the head that covers it is signed: a slow machine answers 503 until then.
    pub async fn receipt(&self, position: i64) -> String {
        let path = format!("/api/v1/ledger/receipts/{position}");
        until("the receipt is there", || async {
            let answer = self.request(Method::GET, &path).send().await.ok()?;
            if answer.status() != 200 {
                return None;
            }
            answer.text().await.ok()
        })
        .await
    }

    /// Waits until a token has a status.
    pub async fn until_nft_is(&self, id: &str, status: &str) -> Value {
        until(&format!("the NFT is {status}"), || async {
            let answer = self.get(&format!("/api/v1/nfts/{id}")).await;
            let nft = answer.body["data"].clone();
            assert_ne!(nft["status"], "FAILED", "{nft}");
            (nft["status"] == status).then_some(nft)
        })
        .await
    }
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, body }
    }

    /// Insists on a status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Insists on a failure of the table, in the envelope.
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.body);
        assert_eq!(self.body["success"], false);
        assert!(self.body["data"].is_null());
        assert!(self.body["error"]["requestId"].is_string());
        self
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn position(&self) -> i64 {
        self.header("x-position").parse().unwrap()
    }
}

/// A cask as somebody would register it.
pub fn cask(number: &str) -> Value {
    json!({
        "name": "Ardcairn 2012", "distillery": "Ardcairn", "category": "single_malt",
        "caskNumber": number, "caskType": "hogshead", "alcoholContent": "63.50", "volume": 250,
        "fillDate": "2012-05-31", "storageLocation": { "warehouse": "W7" },
        "marketValue": { "amount": "8400.00", "currency": "GBP" },
    })
}
