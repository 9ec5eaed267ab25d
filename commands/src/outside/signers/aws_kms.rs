//! AWS Key Management Service, by its HTTP interface of 2014-11-01: `GetPublicKey` and `Sign`, signed
//! with Signature Version 4 by what also signs for S3.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::{Client, Method, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{KeyService, SignerError};

const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// A public key with all that is told of it has less than a kilobyte.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Clone, Debug)]
pub struct AwsKmsSettings {
    /// Its id, its ARN, or an alias as in `alias/minter`.
    pub key: String,
    pub region: String,
    /// Where it is not the region's own.
    pub endpoint: Option<String>,
    /// Without these two, what the machine's own role may.
    pub access_key: Option<SecretString>,
    pub secret_key: Option<SecretString>,
}

/// One key of one account.
pub struct AwsKms {
    client: Client,
    url: Url,
    key: String,
    region: String,
    credentials: AwsCredentialProvider,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKey {
    public_key: String,
    key_spec: String,
    key_usage: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Signed {
    signature: String,
}

/// What went wrong, as in `{"__type":"ThrottlingException"}`; some say where it comes from before it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrong {
    #[serde(rename = "__type")]
    kind: String,
}

impl AwsKms {
    pub fn new(settings: AwsKmsSettings) -> Result<Self, SignerError> {
        let unusable = |why: String| SignerError::Unusable(format!("AWS KMS: {why}"));
        let client = Client::builder().connect_timeout(CONNECT).timeout(ANSWER);
        let client = client.redirect(redirect::Policy::none()).build();
        let url = settings.endpoint.clone();
        let url = url.unwrap_or_else(|| format!("https://kms.{}.amazonaws.com", settings.region));
        Ok(Self {
            client: client.map_err(|error| unusable(error.to_string()))?,
            url: Url::parse(&url).map_err(|_| unusable("the endpoint is no URL".to_owned()))?,
            credentials: credentials(&settings).map_err(unusable)?,
            key: settings.key,
            region: settings.region,
        })
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        asked: &Value,
    ) -> Result<T, SignerError> {
        let request = self.client.post(self.url.clone()).body(asked.to_string());
        let request = request.headers(self.headers(operation, asked).await?);
        let mut response = request.send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER {
                return Err(unavailable("the answer has no end"));
            }
        }
        if response.status().is_success() {
            serde_json::from_slice(&body).map_err(|_| unavailable("an answer that is none"))
        } else {
            Err(judge(response.status().as_u16(), &body))
        }
    }

    async fn headers(
        &self,
        operation: &str,
        asked: &Value,
    ) -> Result<reqwest::header::HeaderMap, SignerError> {
        let mut request = HttpRequest::new(HttpRequestBody::from(asked.to_string()));
        *request.method_mut() = Method::POST;
        let unsigned = |_| unavailable("the request could not be signed");
        *request.uri_mut() = self.url.as_str().parse().map_err(|_| unsigned(()))?;
        let target = format!("TrentService.{operation}").parse().map_err(|_| unsigned(()))?;
        request.headers_mut().insert("x-amz-target", target);
        let json = reqwest::header::HeaderValue::from_static("application/x-amz-json-1.1");
        request.headers_mut().insert(reqwest::header::CONTENT_TYPE, json);
        let credential = tokio::time::timeout(ANSWER, self.credentials.get_credential()).await;
        let credential = credential
            .map_err(|_| unavailable("no credentials in time"))?
            .map_err(|error| unavailable(&error.to_string()))?;
        AwsAuthorizer::new(&credential, "kms", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|_| unsigned(()))?;
        Ok(std::mem::take(request.headers_mut()))
    }
}

fn credentials(settings: &AwsKmsSettings) -> Result<AwsCredentialProvider, String> {
    match (&settings.access_key, &settings.secret_key) {
        (Some(id), Some(secret)) => Ok(Arc::new(StaticCredentialProvider::new(AwsCredential {
            key_id: id.expose_secret().to_owned(),
            secret_key: secret.expose_secret().to_owned(),
            token: None,
        }))),
        // What finds the role is a part of the client for S3, which wants a bucket.
        (None, None) => AmazonS3Builder::from_env()
            .with_region(&settings.region)
            .with_bucket_name("none")
            .build()
            .map(|store| Arc::clone(store.credentials()))
            .map_err(|error| error.to_string()),
        _ => Err("of access key and secret key there is only one".to_owned()),
    }
}

fn unavailable(why: &str) -> SignerError {
    SignerError::Unavailable(format!("AWS KMS: {why}"))
}

fn unreachable(error: reqwest::Error) -> SignerError {
    if error.is_timeout() {
        unavailable("no answer in time")
    } else {
        unavailable(&error.without_url().to_string())
    }
}

/// What is wrong with the key or with what we may waits for a person. The rest may pass: throttling,
/// the service's own trouble, and a clock or credentials that are being changed.
fn judge(status: u16, body: &[u8]) -> SignerError {
    let Wrong { kind } = serde_json::from_slice(body).unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let is_name = (1..=64).contains(&kind.len()) && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    let why = format!("AWS KMS: {status} {}", if is_name { kind } else { "without a reason" });
    match kind {
        "NotFoundException"
        | "AccessDeniedException"
        | "DisabledException"
        | "InvalidKeyUsageException"
        | "KMSInvalidStateException"
        | "UnrecognizedClientException"
        | "ValidationException" => SignerError::Unusable(why),
        _ => SignerError::Unavailable(why),
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, SignerError> {
    STANDARD.decode(text).map_err(|_| unavailable("an answer that is none"))
}

#[async_trait]
impl KeyService for AwsKms {
    async fn public_key(&self) -> Result<Vec<u8>, SignerError> {
        let key: PublicKey = self.ask("GetPublicKey", &json!({ "KeyId": self.key })).await?;
        let is_ours = key.key_spec == "ECC_SECG_P256K1" && key.key_usage == "SIGN_VERIFY";
        if !is_ours {
            let why = "AWS KMS: the key is not one of ECC_SECG_P256K1 that signs";
            return Err(SignerError::Unusable(why.to_owned()));
        }
        decoded(&key.public_key)
    }

    async fn sign_digest(&self, digest: [u8; 32]) -> Result<Vec<u8>, SignerError> {
        let asked = json!({
            "KeyId": self.key,
            "Message": STANDARD.encode(digest),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        let signed: Signed = self.ask("Sign", &asked).await?;
        decoded(&signed.signature)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{digest, hmac};
    use k256::ecdsa::{Signature, SigningKey};
    use k256::pkcs8::EncodePublicKey;

    use super::super::signature::tests::{ADDRESS, is_signed_by, signing_key, upper};
    use super::super::{DigestSigner, KmsSigner};
    use super::*;
    use crate::outside::played::{Seen, answer, play};

    const ID: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const KEY: &str = "arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const DIGEST: [u8; 32] = [0xab; 32];

    fn settings(url: &str) -> AwsKmsSettings {
        AwsKmsSettings {
            key: KEY.to_owned(),
            region: "eu-west-2".to_owned(),
            endpoint: Some(url.to_owned()),
            access_key: Some(ID.into()),
            secret_key: Some(SECRET.into()),
        }
    }

    /// As documented for `GetPublicKey`.
    fn public_key(of: &SigningKey) -> Value {
        let der = k256::PublicKey::from(of.verifying_key()).to_public_key_der().unwrap();
        json!({
            "CustomerMasterKeySpec": "ECC_SECG_P256K1",
            "KeyId": KEY,
            "KeySpec": "ECC_SECG_P256K1",
            "KeyUsage": "SIGN_VERIFY",
            "PublicKey": STANDARD.encode(der.as_bytes()),
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        })
    }

    /// As documented for `Sign`.
    fn signed(signature: &Signature) -> Value {
        let signature = STANDARD.encode(signature.to_der().as_bytes());
        json!({ "KeyId": KEY, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256" })
    }

    fn good(answers: &[Value]) -> Vec<String> {
        answers.iter().map(|body| answer(200, &body.to_string())).collect()
    }

    /// What AWS finds out about a request: as documented for Signature Version 4, by hand.
    fn is_authentic(seen: &Seen) -> bool {
        let told = &seen.headers["authorization"];
        let part = |name: &str| told.split_once(name).unwrap().1.split(',').next().unwrap();
        let scope = part("Credential=").strip_prefix(&format!("{ID}/")).unwrap();
        let hash = |bytes: &[u8]| hex::encode(digest::digest(&digest::SHA256, bytes));
        let names = part("SignedHeaders=");
        let headers = names.split(';').map(|name| format!("{name}:{}\n", seen.headers[name]));
        let headers: String = headers.collect();
        let request = format!("POST\n/\n\n{headers}\n{names}\n{}", hash(&seen.body));
        let date = &seen.headers["x-amz-date"];
        let hashed = hash(request.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}");
        let keyed = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
        };
        let first = format!("AWS4{SECRET}").into_bytes();
        let key = scope.split('/').fold(first, |key, part| keyed(&key, part));
        let all = ["content-type", "host", "x-amz-date", "x-amz-target"];
        scope == format!("{}/eu-west-2/kms/aws4_request", &date[..8])
            && all.iter().all(|name| names.split(';').any(|signed| signed == *name))
            && hex::encode(keyed(&key, &text)) == part("Signature=")
    }

    #[tokio::test]
    async fn it_asks_as_documented_and_takes_either_half() {
        let key = signing_key();
        let (lower, _) = key.sign_prehash_recoverable(&DIGEST).unwrap();
        let answers = [public_key(&key), signed(&lower), signed(&upper(&lower))];
        let (url, playing) = play(good(&answers)).await;
        let signer = KmsSigner::open(AwsKms::new(settings(&url)).unwrap()).await.unwrap();
        assert_eq!(signer.address().to_string(), ADDRESS);
        for _ in 0..2 {
            let signature = signer.sign(DIGEST).await.unwrap();
            assert!(is_signed_by(&signature, &DIGEST, signer.address()));
        }
        let seen = playing.await.unwrap();
        assert!(seen.iter().all(|seen| seen.line == "POST / HTTP/1.1" && is_authentic(seen)));
        let targets: Vec<_> = seen.iter().map(|seen| &seen.headers["x-amz-target"]).collect();
        assert_eq!(
            targets,
            ["TrentService.GetPublicKey", "TrentService.Sign", "TrentService.Sign"]
        );
        assert!(seen.iter().all(|s| s.headers["content-type"] == "application/x-amz-json-1.1"));
        let bodies = seen.iter().map(|seen| serde_json::from_slice::<Value>(&seen.body).unwrap());
        let asked = json!({
            "KeyId": KEY,
            "Message": STANDARD.encode(DIGEST),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        assert_eq!(bodies.collect::<Vec<_>>(), [json!({ "KeyId": KEY }), asked.clone(), asked]);
    }

    /// One that hashed the digest again, or had its key changed.
    #[tokio::test]
    async fn a_signature_of_something_else_is_not_taken() {
        let key = signing_key();
        let (other, _) = key.sign_prehash_recoverable(&[1; 32]).unwrap();
        let broken = json!({ "Signature": STANDARD.encode("nothing") });
        let (url, _playing) = play(good(&[public_key(&key), signed(&other), broken])).await;
        let signer = KmsSigner::open(AwsKms::new(settings(&url)).unwrap()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(signer.sign(DIGEST).await, Err(SignerError::Foreign));
        }
    }

    #[tokio::test]
    async fn a_key_of_another_kind_is_refused() {
        let mut other = public_key(&signing_key());
        other["KeySpec"] = json!("ECC_NIST_P256");
        let mut unreadable = public_key(&signing_key());
        unreadable["PublicKey"] = json!("AAAA");
        for key in [other, unreadable] {
            let (url, _playing) = play(good(&[key])).await;
            let opened = KmsSigner::open(AwsKms::new(settings(&url)).unwrap()).await;
            assert!(matches!(opened.err(), Some(SignerError::Unusable(_))));
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_person_is_told_from_what_passes() {
        let wrong = |kind: &str| json!({ "__type": kind, "message": SECRET }).to_string();
        let unusable = |why: &str| SignerError::Unusable(format!("AWS KMS: {why}"));
        for (status, body, error) in [
            (400, wrong("AccessDeniedException"), unusable("400 AccessDeniedException")),
            (400, wrong("DisabledException"), unusable("400 DisabledException")),
            (400, wrong("com.amazonaws.kms#NotFoundException"), unusable("400 NotFoundException")),
            (400, wrong("ThrottlingException"), unavailable("400 ThrottlingException")),
            (500, wrong("KMSInternalException"), unavailable("500 KMSInternalException")),
            (400, wrong("a lot of text"), unavailable("400 without a reason")),
            (503, String::new(), unavailable("503 without a reason")),
            (200, "{}".to_owned(), unavailable("an answer that is none")),
            (200, "x".repeat(100_000), unavailable("the answer has no end")),
        ] {
            let (url, _playing) = play(vec![answer(status, &body)]).await;
            let kms = AwsKms::new(settings(&url)).unwrap();
            assert_eq!(kms.sign_digest(DIGEST).await, Err(error));
        }
        let (url, playing) = play(Vec::new()).await;
        playing.await.unwrap();
        let error = AwsKms::new(settings(&url)).unwrap().sign_digest(DIGEST).await.unwrap_err();
        assert!(matches!(&error, SignerError::Unavailable(why) if !why.contains("127.0.0.1")));
    }

    #[test]
    fn secrets_are_not_shown_and_not_halved() {
        let whole = settings("http://127.0.0.1:1");
        let shown = format!("{whole:?}");
        assert!(!shown.contains(SECRET) && !shown.contains(ID), "{shown}");
        let half = AwsKmsSettings { secret_key: None, ..whole };
        let error = AwsKms::new(half).err().unwrap().to_string();
        assert!(error.contains("there is only one") && !error.contains(ID), "{error}");
    }
}
