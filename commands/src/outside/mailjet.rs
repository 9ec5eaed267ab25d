//! Mail by Mailjet's Send API, version 3.1.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::mail::{Mail, MailError, Post};

/// How long Mailjet may take, to be reached and in all. Shorter than a message waits before it is
/// given to somebody else: Mailjet does not recognise a mail that comes twice.
#[derive(Clone, Copy)]
struct Patience {
    connect: Duration,
    answer: Duration,
}

const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(3), answer: Duration::from_secs(8) };

/// Whose mail it is.
pub struct Account {
    /// Without the API's path, as in `https://api.mailjet.com`.
    pub url: String,
    pub key: SecretString,
    pub secret: SecretString,
    /// As in `CaskChain <no-reply@casks.example>`. Mailjet has to know the address.
    pub from: String,
}

pub struct Mailjet {
    client: Client,
    url: Url,
    key: SecretString,
    secret: SecretString,
    from: Mailbox,
}

impl Mailjet {
    pub fn new(account: Account) -> Result<Self, MailError> {
        Self::with_patience(account, PATIENCE)
    }

    fn with_patience(account: Account, patience: Patience) -> Result<Self, MailError> {
        let unusable = |error: &dyn std::fmt::Display| MailError::Refused(error.to_string());
        let url = format!("{}/v3.1/send", account.url.trim_end_matches('/'));
        let client = Client::builder()
            .connect_timeout(patience.connect)
            .timeout(patience.answer)
            // The keys are for Mailjet, and for nobody it may point at.
            .redirect(redirect::Policy::none())
            .build();
        Ok(Self {
            client: client.map_err(|error| unusable(&error))?,
            url: Url::parse(&url).map_err(|_| unusable(&"the Mailjet URL cannot be read"))?,
            key: account.key,
            secret: account.secret,
            from: account.from.parse().map_err(|error| unusable(&error))?,
        })
    }

    fn request(&self, mail: &Mail) -> Value {
        let mut from = json!({ "Email": self.from.email.to_string() });
        if let Some(name) = &self.from.name {
            from["Name"] = json!(name);
        }
        json!({ "Messages": [{
            "From": from,
            "To": [{ "Email": mail.to }],
            "Subject": mail.subject,
            "TextPart": mail.body,
            // Nothing is dropped by it, but whoever looks for a mail at Mailjet finds its event.
            "CustomID": format!("caskchain.{}", mail.position),
        }] })
    }
}

#[async_trait]
impl Post for Mailjet {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (key, secret) = (self.key.expose_secret(), self.secret.expose_secret());
        let request = self.client.post(self.url.clone()).basic_auth(key, Some(secret));
        let answer = request.json(&self.request(mail)).send().await.map_err(unreachable)?;
        let status = answer.status();
        judge(status, &answer.bytes().await.map_err(unreachable)?)
    }
}

fn unreachable(error: reqwest::Error) -> MailError {
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.without_url().to_string()
    };
    MailError::Unavailable(format!("Mailjet: {reason}"))
}

/// What Mailjet says: of the message, or of a request it did not even look into.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    messages: Vec<Judged>,
    #[serde(flatten)]
    error: Fault,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Judged {
    status: String,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Fault {
    status_code: Option<u16>,
    error_code: Option<String>,
}

/// What is wrong with one mail is for ever. What is wrong with keys, sender or service can be
/// mended, and the mail waits for it.
fn judge(status: StatusCode, answer: &[u8]) -> Result<(), MailError> {
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    let judged = answer.messages.into_iter().next();
    if status.is_success() && judged.as_ref().is_some_and(|judged| judged.status == "success") {
        return Ok(());
    }
    let fault = judged.and_then(|judged| judged.errors.into_iter().next()).unwrap_or(answer.error);
    // Only with these was the message looked at; anything else is said of the request.
    let looked_at = status.is_success() || status == StatusCode::BAD_REQUEST;
    let code = fault.status_code.filter(|_| looked_at).unwrap_or(status.as_u16());
    let reason = match fault.error_code.filter(|code| is_code(code)) {
        Some(error) => format!("Mailjet answers {code} ({error})"),
        None => format!("Mailjet answers {code}"),
    };
    match code {
        // After 200 the mail may be on its way: if nobody understands the rest of the answer, it
        // must not be sent again every second.
        200..=299 | 400 => Err(MailError::Refused(reason)),
        _ => Err(MailError::Unavailable(reason)),
    }
}

/// Mailjet's words may repeat the address: only what can be nothing but a code goes further.
fn is_code(code: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=16).contains(&code.len()) && code.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    //! Against a server that gives the answers Mailjet documents, kept as files.

    use std::collections::HashMap;
    use std::io::ErrorKind;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &str = include_str!("mailjet/request.json");
    const ACCEPTED: &str = include_str!("mailjet/accepted.json");
    const ADDRESS_INVALID: &str = include_str!("mailjet/address_invalid.json");
    const SENDER_UNKNOWN: &str = include_str!("mailjet/sender_unknown.json");
    const MALFORMED: &str = include_str!("mailjet/malformed.json");
    const KEY_WRONG: &str = include_str!("mailjet/key_wrong.json");
    const BROKEN: &str = include_str!("mailjet/broken.json");

    fn mail() -> Mail {
        Mail {
            position: 4711,
            to: "isla@casks.example".to_owned(),
            subject: "驗證您的電子郵件地址".to_owned(),
            body: "歡迎使用 CaskChain。\n\nhttps://casks.example/verify?token=a.b".to_owned(),
        }
    }

    fn mailjet(url: &str, from: &str, answer: Duration) -> Mailjet {
        let account = Account {
            url: url.to_owned(),
            key: "the-key".into(),
            secret: "the-secret".into(),
            from: from.to_owned(),
        };
        let patience = Patience { answer, ..PATIENCE };
        Mailjet::with_patience(account, patience).unwrap()
    }

    const FROM: &str = "CaskChain <no-reply@casks.example>";

    /// A request as it came.
    struct Seen {
        line: String,
        headers: HashMap<String, String>,
        body: Value,
    }

    /// Listens for one request and gives this answer, headers and all.
    async fn play(answer: String) -> (String, JoinHandle<Seen>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let playing = async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let (mut line, mut headers) = (String::new(), HashMap::new());
            stream.read_line(&mut line).await.unwrap();
            loop {
                let mut header = String::new();
                stream.read_line(&mut header).await.unwrap();
                let Some((name, value)) = header.trim().split_once(": ") else { break };
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            let mut body = vec![0; headers["content-length"].parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            Seen { line, headers, body: serde_json::from_slice(&body).unwrap() }
        };
        (url, tokio::spawn(playing))
    }

    fn answer(status: u16, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status} So\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    }

    /// What becomes of a mail that is answered so.
    async fn answered(answer: String) -> Result<(), MailError> {
        let (url, _) = play(answer).await;
        mailjet(&url, FROM, PATIENCE.answer).send(&mail()).await
    }

    async fn refused(status: u16, body: &str) -> String {
        match answered(answer(status, body)).await {
            Err(MailError::Refused(reason)) => reason,
            other => panic!("{status}: {other:?}"),
        }
    }

    async fn postponed(status: u16, body: &str) -> String {
        match answered(answer(status, body)).await {
            Err(MailError::Unavailable(reason)) => reason,
            other => panic!("{status}: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_mail_is_asked_for_as_recorded() {
        let (url, seen) = play(answer(200, ACCEPTED)).await;
        // A slash too many in the configuration is nobody's loss.
        mailjet(&format!("{url}/"), FROM, PATIENCE.answer).send(&mail()).await.unwrap();
        let seen = seen.await.unwrap();
        assert_eq!(seen.line, "POST /v3.1/send HTTP/1.1\r\n");
        assert_eq!(seen.headers["content-type"], "application/json");
        let credentials = BASE64_STANDARD.encode("the-key:the-secret");
        assert_eq!(seen.headers["authorization"], format!("Basic {credentials}"));
        assert_eq!(seen.body, serde_json::from_str::<Value>(REQUEST).unwrap());
    }

    #[tokio::test]
    async fn a_sender_without_a_name_has_none() {
        let (url, seen) = play(answer(200, ACCEPTED)).await;
        let mailjet = mailjet(&url, "no-reply@casks.example", PATIENCE.answer);
        mailjet.send(&mail()).await.unwrap();
        let from = &seen.await.unwrap().body["Messages"][0]["From"];
        assert_eq!(*from, json!({ "Email": "no-reply@casks.example" }));
    }

    #[tokio::test]
    async fn a_mail_that_cannot_be_sent_is_refused_with_a_code_and_no_address() {
        for status in [200, 400] {
            let reason = refused(status, ADDRESS_INVALID).await;
            assert_eq!(reason, "Mailjet answers 400 (mj-0013)");
        }
        assert_eq!(refused(400, MALFORMED).await, "Mailjet answers 400 (mj-0002)");
        assert_eq!(refused(400, "no JSON").await, "Mailjet answers 400");
        let chatty = ADDRESS_INVALID.replace("mj-0013", "isla@casks.example");
        assert_eq!(refused(400, &chatty).await, "Mailjet answers 400");
    }

    #[tokio::test]
    async fn a_mail_waits_for_keys_and_senders_to_be_put_right() {
        assert_eq!(postponed(401, KEY_WRONG).await, "Mailjet answers 401");
        for status in [200, 400, 403] {
            let reason = postponed(status, SENDER_UNKNOWN).await;
            assert_eq!(reason, "Mailjet answers 403 (send-0008)");
        }
        // A URL that leads elsewhere.
        assert_eq!(postponed(404, "").await, "Mailjet answers 404");
    }

    #[tokio::test]
    async fn a_mail_waits_for_a_service_that_is_busy_or_broken() {
        assert_eq!(postponed(429, "").await, "Mailjet answers 429");
        assert_eq!(postponed(500, BROKEN).await, "Mailjet answers 500");
        assert_eq!(postponed(503, "<html>").await, "Mailjet answers 503");
        assert_eq!(postponed(502, ADDRESS_INVALID).await, "Mailjet answers 502 (mj-0013)");
    }

    #[tokio::test]
    async fn an_answer_nobody_understands_does_not_send_the_mail_for_ever() {
        for body in ["", "<html>", "{}", r#"{"Messages":[]}"#, r#"{"Messages":[{"Status":"?"}]}"#] {
            assert_eq!(refused(200, body).await, "Mailjet answers 200");
        }
    }

    #[tokio::test]
    async fn keys_do_not_follow_a_redirect() {
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let location = elsewhere.local_addr().unwrap();
        let moved = format!(
            "HTTP/1.1 307 So\r\nLocation: http://{location}/v3.1/send\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let error = answered(moved).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{error}");
        assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn https_is_spoken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let first = tokio::spawn(async move { listener.accept().await.unwrap().0.read_u8().await });
        assert!(mailjet(&url, FROM, PATIENCE.answer).send(&mail()).await.is_err());
        // A handshake of TLS begins with 22.
        assert_eq!(first.await.unwrap().unwrap(), 22);
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        // It listens, so connections come about, but nobody ever takes one.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let error = mailjet(&url, FROM, Duration::from_millis(50)).send(&mail()).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("no answer in time"), "{error}");
    }

    #[tokio::test]
    async fn a_server_that_is_away_or_breaks_off_is_tried_again() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mailjet = mailjet(&format!("http://{gone}"), FROM, PATIENCE.answer);
        let error = mailjet.send(&mail()).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{error}");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");

        let whole = answer(200, ACCEPTED);
        let error = answered(whole[..whole.len() - 20].to_owned()).await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{error}");
    }

    #[test]
    fn an_account_that_cannot_be_used_is_noticed_at_the_start() {
        let account = |url: &str, from: &str| Account {
            url: url.to_owned(),
            key: "the-key".into(),
            secret: "the-secret".into(),
            from: from.to_owned(),
        };
        assert!(Mailjet::new(account("https://api.mailjet.com", FROM)).is_ok());
        assert!(Mailjet::new(account("api.mailjet.com", FROM)).is_err());
        assert!(Mailjet::new(account("https://api.mailjet.com", "nobody")).is_err());
    }
}
