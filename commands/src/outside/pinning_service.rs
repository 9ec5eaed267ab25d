//! A pinning service, asked by the IPFS Pinning Service API, version 1. It is told what to keep and
//! where that is found, and fetches it itself.

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bounded_answer::{Answer, ask, client};
use super::pins::{Content, PinError, PinTarget};

/// How to reach a service, and how it reaches us.
pub struct Account {
    /// Without `/pins`.
    pub url: String,
    pub token: SecretString,
    /// Multiaddresses of peers that have what we ask it to keep.
    pub origins: Vec<String>,
}

pub struct PinningService {
    client: Client,
    pins: Url,
    token: SecretString,
    origins: Vec<String>,
}

/// The longest name the API has room for.
const MAX_NAME: usize = 255;
/// What is on its way need not be asked for again.
const WANTED: &str = "queued,pinning,pinned";

#[derive(Deserialize)]
struct Found {
    count: u64,
}

#[derive(Deserialize)]
struct Pinned {
    status: String,
}

impl PinningService {
    pub fn new(account: Account) -> Result<Self, PinError> {
        let pins = Url::parse(&format!("{}/pins", account.url.trim_end_matches('/')));
        let unreadable = |_| PinError::Refused("the URL of the service cannot be read".to_owned());
        Ok(Self {
            client: client()?,
            pins: pins.map_err(unreadable)?,
            token: account.token,
            origins: account.origins,
        })
    }

    /// Every request makes a pin of its own there, so what was asked for before is looked up.
    async fn has(&self, content: &Content) -> Result<bool, PinError> {
        let mut url = self.pins.clone();
        url.query_pairs_mut()
            .append_pair("cid", &content.cid.to_string())
            .append_pair("status", WANTED)
            .append_pair("limit", "1");
        let found: Found = self.asked(self.client.get(url), StatusCode::OK).await?;
        Ok(found.count > 0)
    }

    async fn asked<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        expected: StatusCode,
    ) -> Result<T, PinError> {
        let answer: Answer = ask(request.bearer_auth(self.token.expose_secret())).await?;
        if answer.status != expected {
            return Err(answer.unexpected());
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            PinError::Unavailable("its answer is not one of a pinning service".to_owned())
        })
    }

    fn request(&self, content: &Content) -> Value {
        let name: String = content.name.chars().take(MAX_NAME).collect();
        let mut pin = json!({ "cid": content.cid.to_string(), "name": name });
        if !self.origins.is_empty() {
            pin["origins"] = json!(self.origins);
        }
        pin
    }
}

#[async_trait]
impl PinTarget for PinningService {
    fn name(&self) -> &'static str {
        "the pinning service"
    }

    /// Accepted is kept: fetching may take longer than a mint should wait.
    async fn pin(&self, content: &Content) -> Result<(), PinError> {
        if self.has(content).await? {
            return Ok(());
        }
        let request = self.client.post(self.pins.clone()).json(&self.request(content));
        let pinned: Pinned = self.asked(request, StatusCode::ACCEPTED).await?;
        match pinned.status.as_str() {
            "queued" | "pinning" | "pinned" => Ok(()),
            _ => Err(PinError::Unavailable("it could not pin it".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Against a server that answers as the API's document says, kept as files.

    use bytes::Bytes;

    use super::super::played::{answer, play};
    use super::*;
    use crate::unixfs::block;

    const NONE: &str = include_str!("pinning_service/none.json");
    const SOME: &str = include_str!("pinning_service/some.json");
    const QUEUED: &str = include_str!("pinning_service/queued.json");
    const FAILED: &str = include_str!("pinning_service/failed.json");
    const UNAUTHORIZED: &str = include_str!("pinning_service/unauthorized.json");
    const NO_FUNDS: &str = include_str!("pinning_service/no_funds.json");
    const CID: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    fn content() -> Content {
        let bytes = Bytes::from_static(b"hello world");
        Content { cid: block::parse(CID).unwrap(), name: "7300003".to_owned(), bytes }
    }

    fn service(url: &str, origins: &[&str]) -> PinningService {
        let account = Account {
            url: format!("{url}/psa/"),
            token: "the-token".into(),
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        };
        PinningService::new(account).unwrap()
    }

    async fn answered(answers: Vec<String>) -> Result<(), PinError> {
        let (url, _) = play(answers).await;
        service(&url, &[]).pin(&content()).await
    }

    #[tokio::test]
    async fn what_is_not_known_there_is_asked_for_with_where_it_is_found() {
        let (url, seen) = play(vec![answer(200, NONE), answer(202, QUEUED)]).await;
        let origins = ["/dns4/casks.example/tcp/443/https"];
        service(&url, &origins).pin(&content()).await.unwrap();
        let seen = seen.await.unwrap();
        let looked = format!("/psa/pins?cid={CID}&status=queued%2Cpinning%2Cpinned&limit=1");
        assert_eq!(seen[0].line, format!("GET {looked} HTTP/1.1"));
        assert_eq!(seen[1].line, "POST /psa/pins HTTP/1.1");
        for request in &seen {
            assert_eq!(request.headers["authorization"], "Bearer the-token");
        }
        let body: Value = serde_json::from_slice(&seen[1].body).unwrap();
        assert_eq!(body, json!({ "cid": CID, "name": "7300003", "origins": origins }));
    }

    #[tokio::test]
    async fn what_is_known_there_is_not_asked_for_again() {
        let (url, seen) = play(vec![answer(200, SOME)]).await;
        service(&url, &[]).pin(&content()).await.unwrap();
        assert_eq!(seen.await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn it_is_waited_for_while_token_money_or_service_are_to_be_mended() {
        for (status, body) in [(401, UNAUTHORIZED), (409, NO_FUNDS), (500, ""), (429, "")] {
            let why = format!("it answers {status}");
            let away = Err(PinError::Unavailable(why));
            assert_eq!(answered(vec![answer(status, body)]).await, away);
            assert_eq!(answered(vec![answer(200, NONE), answer(status, body)]).await, away);
        }
        for answers in [
            vec![answer(200, NONE), answer(202, FAILED)],
            vec![answer(200, NONE), answer(202, "{}")],
            vec![answer(200, "<html>")],
            // A redirect to who knows where.
            vec![answer(302, "")],
        ] {
            let error = answered(answers).await.unwrap_err();
            assert!(matches!(error, PinError::Unavailable(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn what_it_cannot_read_is_not_sent_for_ever() {
        let refused = Err(PinError::Refused("it answers 400".to_owned()));
        assert_eq!(answered(vec![answer(200, NONE), answer(400, "")]).await, refused);
        let account = Account { url: "nowhere".to_owned(), token: "t".into(), origins: Vec::new() };
        assert!(PinningService::new(account).is_err());
    }
}
