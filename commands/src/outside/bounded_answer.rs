//! What another system answers over HTTP: no more of it than anybody could mean, and nothing of where
//! it was asked.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect};

use super::pins::PinError;

const MAX_BYTES: usize = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);

pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// What asks. Secrets do not follow a redirect.
pub fn client() -> Result<Client, PinError> {
    let client = Client::builder().connect_timeout(CONNECT).timeout(ANSWER);
    let client = client.redirect(redirect::Policy::none()).build();
    client.map_err(|error| PinError::Refused(error.to_string()))
}

/// Asks, and reads the answer whatever its status.
pub async fn ask(request: RequestBuilder) -> Result<Answer, PinError> {
    let mut response = request.send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_BYTES {
            return Err(PinError::Unavailable("the answer has no end".to_owned()));
        }
    }
    Ok(Answer { status: response.status(), body })
}

fn unreachable(error: reqwest::Error) -> PinError {
    let why = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        error.without_url().to_string()
    };
    PinError::Unavailable(why)
}

impl Answer {
    /// What an answer that is none of those we hoped for means. What is wrong with keys, money or the
    /// service can be mended; what is wrong with the request is for ever.
    pub fn unexpected(&self) -> PinError {
        let why = format!("it answers {}", self.status.as_u16());
        match self.status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => PinError::Refused(why),
            _ => PinError::Unavailable(why),
        }
    }
}
