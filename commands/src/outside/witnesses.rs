//! Witnesses of the log: C2SP `tlog-witness`. The newest head is shown to each, and what they sign of
//! it is kept beside it.

use std::time::Duration;

use eventstore::ledger::key::VerifierKey;
use eventstore::ledger::read::{Head, Ledger, LedgerError, Which};
use eventstore::ledger::witness::{Request, checked};
use reqwest::{Client, StatusCode, Url};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::bounded_answer::{Answer, ask, client};
use super::pins::PinError;

/// How often a head is shown: the newest of the last whole second, so that several witnesses, and several
/// processes of ours, mean the same one.
const EVERY: Duration = Duration::from_secs(1);
/// After a witness was away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug, Error)]
pub enum WitnessError {
    #[error("the witness's URL cannot be read")]
    Url,
    #[error(transparent)]
    Http(#[from] PinError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the witness answers {0}")]
    Refused(StatusCode),
    #[error("the witness answers {0}: what it signed before is not continued by this log")]
    Fork(StatusCode),
    #[error("the witness's answer is not its signature of the head")]
    Answer,
    #[error(
        "the witness has signed a head of {theirs} events, the log has {ours}: was it restored?"
    )]
    Ahead { theirs: u64, ours: u64 },
}

/// One of them, as it is known.
pub struct Witness {
    client: Client,
    url: Url,
    key: VerifierKey,
    /// How many entries the head has that it signed last.
    signed: u64,
}

impl Witness {
    /// `url` is what `add-checkpoint` follows upon.
    pub fn new(url: &str, key: VerifierKey) -> Result<Self, WitnessError> {
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| WitnessError::Url)?;
        Ok(Self { client: client()?, url, key, signed: 0 })
    }

    /// Shows it every new head until stopped.
    pub async fn run(mut self, ledger: Ledger, stop: CancellationToken) {
        loop {
            let wait = match self.show(&ledger).await {
                Ok(()) => EVERY,
                Err(error) => {
                    let witness = &self.key.name;
                    match error {
                        WitnessError::Ahead { .. }
                        | WitnessError::Fork(_)
                        | WitnessError::Answer => {
                            tracing::error!(%witness, %error, "ALARM a witness disagrees");
                        }
                        _ => tracing::warn!(%witness, %error, "a head is not witnessed"),
                    }
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn show(&mut self, ledger: &Ledger) -> Result<(), WitnessError> {
        let Some(head) = ledger.head(Which::OfLastSecond).await? else {
            return Ok(());
        };
        if head.size == self.signed {
            return Ok(());
        }
        if self.signed > head.size {
            return Self::is_ahead(ledger, self.signed).await;
        }
        let mut answer = self.ask(ledger, &head, self.signed).await?;
        if answer.status == StatusCode::CONFLICT {
            // It says what it signed last; that may have been before we were started. Only its
            // signature is believed for longer than this.
            let theirs = theirs(&answer)?;
            if theirs > head.size {
                return Self::is_ahead(ledger, theirs).await;
            }
            answer = self.ask(ledger, &head, theirs).await?;
        }
        match answer.status {
            StatusCode::OK => {}
            // It has signed something that this log does not continue; or something of the same size.
            status @ StatusCode::UNPROCESSABLE_ENTITY => return Err(WitnessError::Fork(status)),
            status @ StatusCode::CONFLICT if theirs(&answer)? == head.size => {
                return Err(WitnessError::Fork(status));
            }
            status => return Err(WitnessError::Refused(status)),
        }
        let text = String::from_utf8_lossy(&answer.body);
        let line = checked(&text, &head.note, &self.key).map_err(|_| WitnessError::Answer)?;
        ledger.keep_cosignature(head.size, &line).await?;
        self.signed = head.size;
        Ok(())
    }

    /// Another process of ours may have shown it a newer one.
    async fn is_ahead(ledger: &Ledger, theirs: u64) -> Result<(), WitnessError> {
        let ours = ledger.head(Which::Newest).await?.map_or(0, |newest| newest.size);
        if theirs > ours { Err(WitnessError::Ahead { theirs, ours }) } else { Ok(()) }
    }

    async fn ask(&self, ledger: &Ledger, head: &Head, old: u64) -> Result<Answer, WitnessError> {
        let proof = ledger.consistency(old, head.size).await?;
        let request = Request { old, proof, note: head.note.clone() };
        Ok(ask(self.client.post(self.url.clone()).body(request.to_string())).await?)
    }
}

/// How many events the head has that it signed last, where it says so.
fn theirs(answer: &Answer) -> Result<u64, WitnessError> {
    String::from_utf8_lossy(&answer.body).trim().parse().map_err(|_| WitnessError::Answer)
}
