//! Short messages by Alibaba Cloud's Short Message Service: `SendSms` of 2017-05-25, in its RPC style,
//! signed with HMAC-SHA-1 as that style wants it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eventstore::{Clock, Entropy};
use reqwest::{Client, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::sms::{Sms, SmsError, Texter};

/// Shorter than a message waits before it is given to somebody else.
const PATIENCE: Duration = Duration::from_secs(8);

/// Whose messages they are.
pub struct Account {
    /// As in `https://dysmsapi.aliyuncs.com`.
    pub url: String,
    pub key_id: String,
    pub key_secret: SecretString,
    /// What the service has approved: who signs, and a template with the variable `text`.
    pub sign_name: String,
    pub template: String,
}

pub struct Aliyun {
    client: Client,
    url: Url,
    account: Account,
    clock: Clock,
    entropy: Entropy,
}

type Parameters = BTreeMap<&'static str, String>;

impl Aliyun {
    pub fn new(account: Account, clock: Clock, entropy: Entropy) -> Result<Self, SmsError> {
        let unusable = |error: &dyn std::fmt::Display| SmsError::Refused(error.to_string());
        let client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
        Ok(Self {
            client: client.build().map_err(|error| unusable(&error))?,
            url: Url::parse(&account.url).map_err(|_| unusable(&"Aliyun's URL cannot be read"))?,
            account,
            clock,
            entropy,
        })
    }

    fn parameters(&self, sms: &Sms) -> Result<Parameters, SmsError> {
        let nonce: [u8; 16] =
            self.entropy.bytes().map_err(|error| SmsError::Unavailable(error.to_string()))?;
        // To the second: the service knows no fractions.
        let now = self.clock.now().to_string();
        let timestamp = now.split('.').next().unwrap_or_default();
        let account = &self.account;
        Ok(BTreeMap::from([
            ("AccessKeyId", account.key_id.clone()),
            ("Action", "SendSms".to_owned()),
            ("Format", "JSON".to_owned()),
            // Without the plus sign, whatever the country.
            ("PhoneNumbers", sms.to.trim_start_matches('+').to_owned()),
            ("OutId", format!("caskchain.{}", sms.position)),
            ("SignName", account.sign_name.clone()),
            ("SignatureMethod", "HMAC-SHA1".to_owned()),
            ("SignatureNonce", hex::encode(nonce)),
            ("SignatureVersion", "1.0".to_owned()),
            ("TemplateCode", account.template.clone()),
            ("TemplateParam", json!({ "text": sms.text }).to_string()),
            ("Timestamp", format!("{timestamp}Z")),
            ("Version", "2017-05-25".to_owned()),
        ]))
    }
}

#[async_trait]
impl Texter for Aliyun {
    async fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        let mut parameters = self.parameters(sms)?;
        let signature = signature("POST", &parameters, &self.account.key_secret);
        parameters.insert("Signature", signature);
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(query(&parameters));
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        judge(status, &answer.bytes().await.map_err(unreachable)?)
    }
}

/// Of the parameters in order, each escaped, and all of it escaped once more.
fn signature(method: &str, parameters: &Parameters, secret: &SecretString) -> String {
    let signed = format!("{method}&%2F&{}", escaped(&query(parameters)));
    let key = format!("{}&", secret.expose_secret());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

fn query(parameters: &Parameters) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// RFC 3986: everything but unreserved characters.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    code: String,
}

/// What is wrong with one number is for ever. What is wrong with keys, templates or quotas can be
/// mended, and the message waits for it.
fn judge(status: u16, answer: &[u8]) -> Result<(), SmsError> {
    let Answer { code } = serde_json::from_slice(answer).unwrap_or_default();
    // The service's words may repeat the number: only what can be nothing but a code goes further.
    let is_code = (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    let reason = if is_code { code.as_str() } else { "no code" };
    match code.as_str() {
        "OK" => Ok(()),
        "isv.MOBILE_NUMBER_ILLEGAL"
        | "isv.MOBILE_COUNT_OVER_LIMIT"
        | "isv.BLACK_KEY_CONTROL_LIMIT"
        | "isv.PARAM_LENGTH_LIMIT" => {
            Err(SmsError::Refused(format!("Aliyun answers {status} ({reason})")))
        }
        _ => Err(SmsError::Unavailable(format!("Aliyun answers {status} ({reason})"))),
    }
}

fn unreachable(error: reqwest::Error) -> SmsError {
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.without_url().to_string()
    };
    SmsError::Unavailable(format!("Aliyun: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the service's documentation of its RPC style.
    #[test]
    fn a_request_is_signed_as_the_documentation_signs_its_example() {
        let parameters = BTreeMap::from([
            ("AccessKeyId", "testid"),
            ("Action", "DescribeRegions"),
            ("Format", "XML"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("SignatureVersion", "1.0"),
            ("Timestamp", "2016-02-23T12:46:24Z"),
            ("Version", "2014-05-26"),
        ]);
        let parameters = parameters.into_iter().map(|(name, value)| (name, value.to_owned()));
        let signature = signature("GET", &parameters.collect(), &"testsecret".into());
        assert_eq!(signature, "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn a_message_says_what_the_service_wants_to_know() {
        let account = Account {
            url: "https://dysmsapi.aliyuncs.com".to_owned(),
            key_id: "key".to_owned(),
            key_secret: "secret".into(),
            sign_name: "CaskChain".to_owned(),
            template: "SMS_1".to_owned(),
        };
        let aliyun = Aliyun::new(account, Clock::system(), Entropy::default()).unwrap();
        let sms = Sms { position: 7, to: "+8613012345678".into(), text: "木桶 \"A\"".into() };
        let said = aliyun.parameters(&sms).unwrap();
        assert_eq!(said["PhoneNumbers"], "8613012345678");
        assert_eq!(said["TemplateParam"], r#"{"text":"木桶 \"A\""}"#);
        assert_eq!(said["OutId"], "caskchain.7");
        let timestamp = &said["Timestamp"];
        assert_eq!((timestamp.len(), &timestamp[19..]), (20, "Z"));
    }

    #[test]
    fn one_number_is_given_up_and_a_service_is_waited_for() {
        let outcome = |status, text: &str| judge(status, text.as_bytes());
        assert!(outcome(200, r#"{"Code":"OK","BizId":"9^0","Message":"OK"}"#).is_ok());
        let refused = r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL","Message":"13012345678"}"#;
        assert!(matches!(outcome(200, refused), Err(SmsError::Refused(_))));
        for waiting in [
            r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#,
            r#"{"Code":"SignatureDoesNotMatch"}"#,
            "<html>",
            r#"{"Code":"13012345678 is not a code"}"#,
        ] {
            let Err(SmsError::Unavailable(reason)) = outcome(503, waiting) else {
                panic!("{waiting}");
            };
            assert!(!reason.contains("13012345678"), "{reason}");
        }
    }
}
