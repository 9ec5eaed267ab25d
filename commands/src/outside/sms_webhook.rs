//! Short messages by whoever listens at an address of ours: `POST {position, to, text}`, with an
//! HMAC-SHA-256 of the body in `X-CaskChain-Signature`. Any 2xx is a yes; 400, 404, 410 and 422 say that
//! this message will never be sent.

use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use reqwest::{Client, StatusCode, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::sms::{Sms, SmsError, Texter};

/// Shorter than a message waits before it is given to somebody else.
const PATIENCE: Duration = Duration::from_secs(8);

pub struct SmsWebhook {
    client: Client,
    url: Url,
    key: hmac::Key,
}

impl SmsWebhook {
    pub fn new(url: &str, secret: &SecretString) -> Result<Self, SmsError> {
        let unusable = |error: &dyn std::fmt::Display| SmsError::Refused(error.to_string());
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
        Ok(Self {
            client: client.build().map_err(|error| unusable(&error))?,
            url: Url::parse(url).map_err(|_| unusable(&"the webhook's URL cannot be read"))?,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()),
        })
    }
}

#[async_trait]
impl Texter for SmsWebhook {
    async fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        let Sms { position, to, text } = sms;
        let body = json!({ "position": position, "to": to, "text": text }).to_string();
        let signature = hex::encode(hmac::sign(&self.key, body.as_bytes()));
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-CaskChain-Signature", format!("sha256={signature}"))
            .header("Idempotency-Key", format!("caskchain.{position}"));
        let answer = request.body(body).send().await.map_err(unreachable)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNPROCESSABLE_ENTITY) => {
                Err(SmsError::Refused(format!("the webhook answers {status}")))
            }
            status => Err(SmsError::Unavailable(format!("the webhook answers {status}"))),
        }
    }
}

fn unreachable(error: reqwest::Error) -> SmsError {
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.without_url().to_string()
    };
    SmsError::Unavailable(format!("the webhook: {reason}"))
}
