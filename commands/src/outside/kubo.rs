//! A kubo node, asked by its RPC to take content and pin it.

use async_trait::async_trait;
use cid::Cid;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::bounded_answer::{ask, client};
use super::pins::{Content, PinError, PinTarget};
use crate::unixfs::block;

/// Everything that has a say in the identifier, whatever the node's own defaults are or become.
const PROFILE: &str = "cid-version=1&raw-leaves=true&chunker=size-262144&hash=sha2-256\
                       &trickle=false&max-file-links=174&pin=true&progress=false";

pub struct Kubo {
    client: Client,
    url: Url,
    token: Option<SecretString>,
}

impl Kubo {
    /// Without the RPC's path, as in `http://127.0.0.1:5001`. The token is for nodes with
    /// `API.Authorizations`.
    pub fn new(url: &str, token: Option<SecretString>) -> Result<Self, PinError> {
        let url = format!("{}/api/v0/add?{PROFILE}", url.trim_end_matches('/'));
        let unreadable = |_| PinError::Refused("the URL of kubo cannot be read".to_owned());
        Ok(Self { client: client()?, url: Url::parse(&url).map_err(unreadable)?, token })
    }
}

#[async_trait]
impl PinTarget for Kubo {
    fn name(&self) -> &'static str {
        "kubo"
    }

    async fn pin(&self, content: &Content) -> Result<(), PinError> {
        let boundary = format!("caskchain-{}", content.cid);
        let request = self
            .client
            .post(self.url.clone())
            .header("Content-Type", format!("multipart/form-data; boundary={boundary}"))
            .body(form(&boundary, content));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let answer = ask(request).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.unexpected());
        }
        compare(&answer.body, &content.cid)
    }
}

/// A form with one file. The boundary holds the hash of the content, which it cannot contain itself.
fn form(boundary: &str, content: &Content) -> Vec<u8> {
    let name = content.cid;
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), &content.bytes, format!("\r\n--{boundary}--\r\n").as_bytes()].concat()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Added {
    hash: String,
}

/// kubo must have come to the same identifier: a token that points to ours would find nothing there.
fn compare(body: &[u8], ours: &Cid) -> Result<(), PinError> {
    // One line a file; what breaks off has its error where nobody looks, in a trailer.
    let last = body.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    let added = last.and_then(|line| serde_json::from_slice::<Added>(line).ok());
    let theirs = added.and_then(|added| block::parse(&added.hash));
    let theirs = theirs.ok_or_else(|| {
        PinError::Unavailable("its answer names nothing that was added".to_owned())
    })?;
    if theirs == *ours {
        Ok(())
    } else {
        Err(PinError::Refused(format!("it calls {theirs} what we call {ours}")))
    }
}

#[cfg(test)]
mod tests {
    //! Against a server that answers as kubo's documentation says, kept as files: there is no kubo
    //! where this was written.

    use bytes::Bytes;

    use super::super::played::{answer, play};
    use super::*;

    const ADDED: &str = include_str!("kubo/added.json");
    const OTHER: &str = include_str!("kubo/added_otherwise.json");
    const BROKEN: &str = include_str!("kubo/broken.json");

    fn content() -> Content {
        let bytes = Bytes::from_static(b"hello world");
        let cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        Content { cid: block::parse(cid).unwrap(), name: "nft".to_owned(), bytes }
    }

    async fn answered(status: u16, body: &str) -> Result<(), PinError> {
        let (url, _) = play(vec![answer(status, body)]).await;
        Kubo::new(&url, None).unwrap().pin(&content()).await
    }

    #[tokio::test]
    async fn content_is_handed_over_with_everything_that_makes_its_identifier() {
        let (url, seen) = play(vec![answer(200, ADDED)]).await;
        let kubo = Kubo::new(&format!("{url}/"), Some("the-token".into())).unwrap();
        kubo.pin(&content()).await.unwrap();
        let seen = seen.await.unwrap().remove(0);
        assert_eq!(seen.line, format!("POST /api/v0/add?{PROFILE} HTTP/1.1"));
        for asked in ["cid-version=1", "raw-leaves=true", "chunker=size-262144", "pin=true"] {
            assert!(seen.line.contains(asked), "{asked}");
        }
        assert_eq!(seen.headers["authorization"], "Bearer the-token");
        let cid = content().cid;
        let form = format!("multipart/form-data; boundary=caskchain-{cid}");
        assert_eq!(seen.headers["content-type"], form);
        let body = format!(
            "--caskchain-{cid}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{cid}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n\
             hello world\r\n--caskchain-{cid}--\r\n"
        );
        assert_eq!(String::from_utf8(seen.body).unwrap(), body);
    }

    #[tokio::test]
    async fn another_identifier_is_a_mistake_that_waiting_does_not_mend() {
        let error = answered(200, OTHER).await.unwrap_err();
        assert!(
            matches!(&error, PinError::Refused(why) if why.contains("what we call")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn kubo_is_waited_for_while_it_is_away_closed_or_says_nothing_of_use() {
        for (status, body) in [(500, BROKEN), (401, ""), (403, "403 - Forbidden"), (502, "<html>")]
        {
            let why = format!("it answers {status}");
            assert_eq!(answered(status, body).await, Err(PinError::Unavailable(why)));
        }
        for body in ["", "{}", "<html>", r#"{"Hash":"?"}"#, r#"{"Name":"a","Bytes":11}"#] {
            let error = answered(200, body).await.unwrap_err();
            assert!(matches!(error, PinError::Unavailable(_)), "{error}");
        }
        assert!(matches!(answered(200, &" ".repeat(1 << 20)).await, Err(PinError::Unavailable(_))));
        let gone =
            Kubo::new("http://127.0.0.1:1", None).unwrap().pin(&content()).await.unwrap_err();
        assert!(
            matches!(&gone, PinError::Unavailable(why) if !why.contains("127.0.0.1")),
            "{gone}"
        );
    }

    #[tokio::test]
    async fn what_kubo_cannot_read_is_not_sent_for_ever() {
        let refused = Err(PinError::Refused("it answers 400".to_owned()));
        assert_eq!(answered(400, "").await, refused);
        assert!(Kubo::new("nowhere", None).is_err());
    }
}
