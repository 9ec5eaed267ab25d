//! Codes that are mailed to one person while they sign in: the second step, where a tenant wants
//! one. All that are open stand in one stream, so that bounds hold over all of them. Its id is the
//! person's.

mod ask;
mod ask_again;
mod lawful;
mod try_code;
mod withdraw;

use std::time::Duration;

pub use ask::AskCode;
pub use ask_again::AskCodeAgain;
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use try_code::{AcceptCode, TryCode};
pub use withdraw::WithdrawCodes;

use crate::command::aggregate;
use crate::event::events;
use crate::id::{ChallengeId, DeviceId};
use crate::moment::Moment;
use crate::personal::Personal;
use crate::refusal::{Kind, Refusal};

/// How long a sign-in waits for its code.
pub const CODE_LIFE: Duration = Duration::from_secs(5 * 60);
/// How often a code may be guessed.
pub const TRIES_ALLOWED: u32 = 3;
/// How often it is mailed again.
pub const RESENDS_ALLOWED: u32 = 3;
/// How many sign-ins wait at once; the oldest makes room.
pub const WAITING_AT_ONCE: usize = 3;
/// How many codes are mailed within an hour.
pub const LETTERS_AN_HOUR: usize = 10;
/// How many guesses fail within a day, over all sign-ins: of a million codes, that is 3 in 100,000.
pub const FAILURES_A_DAY: usize = 30;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInCodes {
    /// Oldest first.
    waiting: Vec<Waiting>,
    /// When codes were mailed, oldest first.
    letters: Vec<Moment>,
    /// When codes were guessed and, as far as is known, not rightly; oldest first.
    failures: Vec<Moment>,
}

/// A sign-in whose password was right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub challenge: ChallengeId,
    pub expires_at: Moment,
    pub sign_in: SignInDetails,
    /// How often the code was mailed again: each time it is another one.
    pub resends: u32,
    tries: u32,
}

/// What the session will be opened with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInDetails {
    /// The guard the password was tried under: it must still be open when the code comes.
    pub guard: String,
    pub remember_me: bool,
    pub shown_device: Option<DeviceId>,
    pub recognised_by: String,
    pub device_name: Option<Personal<String>>,
}

events! {
    pub enum SignInCodesEvent {
        CodeAsked = "sign_in_codes.asked" v 1 {
            challenge: ChallengeId,
            at: Moment,
            expires_at: Moment,
            sign_in: SignInDetails,
        },
        CodeAskedAgain = "sign_in_codes.asked_again" v 1 {
            challenge: ChallengeId,
            at: Moment,
            resends: u32,
            expires_at: Moment,
        },
        /// Counted before the code is compared, so that guessing many at once gains nothing.
        CodeTried = "sign_in_codes.tried" v 1 {
            challenge: ChallengeId,
            at: Moment,
            number: u32,
        },
        CodeAccepted = "sign_in_codes.accepted" v 1 { challenge: ChallengeId },
        /// Every one that was open: the password is another one now.
        CodesWithdrawn = "sign_in_codes.withdrawn" v 1 {},
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum SignInCodesError {
    #[error("no sign-in waits for this code any more")]
    NotWaiting,
    #[error("there were too many wrong codes")]
    TooManyTries,
    #[error("codes were mailed too often")]
    TooManyLetters,
}

impl Refusal for SignInCodesError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotWaiting | Self::TooManyTries => Kind::Unauthenticated,
            Self::TooManyLetters => Kind::TooOften,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotWaiting => "OTP_INVALID",
            Self::TooManyTries => "OTP_ATTEMPTS_EXCEEDED",
            Self::TooManyLetters => "RATE_LIMIT_EXCEEDED",
        }
    }
}

impl SignInCodes {
    fn fold(&mut self, event: SignInCodesEvent) {
        match event {
            SignInCodesEvent::CodeAsked { challenge, at, expires_at, sign_in } => {
                self.note_letter(at);
                if self.waiting.len() >= WAITING_AT_ONCE {
                    self.waiting.remove(0);
                }
                let waiting = Waiting { challenge, expires_at, sign_in, resends: 0, tries: 0 };
                self.waiting.push(waiting);
            }
            SignInCodesEvent::CodeAskedAgain { challenge, at, resends, .. } => {
                self.note_letter(at);
                self.change(challenge, |waiting| waiting.resends = resends);
            }
            SignInCodesEvent::CodeTried { challenge, at, number } => {
                self.failures.retain(|failure| at < failure.plus(DAY));
                self.failures.push(at);
                self.change(challenge, |waiting| waiting.tries = number);
            }
            SignInCodesEvent::CodeAccepted { challenge } => {
                self.failures.pop();
                self.waiting.retain(|waiting| waiting.challenge != challenge);
            }
            SignInCodesEvent::CodesWithdrawn {} => *self = Self::default(),
        }
    }

    fn note_letter(&mut self, at: Moment) {
        self.letters.retain(|letter| at < letter.plus(HOUR));
        self.letters.push(at);
    }

    fn change(&mut self, challenge: ChallengeId, change: impl Fn(&mut Waiting)) {
        self.waiting.iter_mut().filter(|it| it.challenge == challenge).for_each(change);
    }

    /// The sign-in that waits for this code.
    pub fn waiting(
        &self,
        challenge: ChallengeId,
        now: Moment,
    ) -> Result<&Waiting, SignInCodesError> {
        self.waiting
            .iter()
            .find(|waiting| waiting.challenge == challenge && now < waiting.expires_at)
            .ok_or(SignInCodesError::NotWaiting)
    }

    fn may_be_mailed(&self, now: Moment) -> Result<(), SignInCodesError> {
        self.may_be_tried(now)?;
        let recent = self.letters.iter().filter(|letter| now < letter.plus(HOUR)).count();
        if recent < LETTERS_AN_HOUR { Ok(()) } else { Err(SignInCodesError::TooManyLetters) }
    }

    fn may_be_tried(&self, now: Moment) -> Result<(), SignInCodesError> {
        let recent = self.failures.iter().filter(|failure| now < failure.plus(DAY)).count();
        if recent < FAILURES_A_DAY { Ok(()) } else { Err(SignInCodesError::TooManyTries) }
    }
}

aggregate!(SignInCodes, "sign_in_codes", SignInCodesEvent, SignInCodesError, snapshot 1);

#[cfg(test)]
pub(crate) mod samples {
    //! Codes of one person.

    use super::*;

    pub fn at(minutes: i64) -> Moment {
        Moment::from_unix_ms(minutes * 60_000)
    }

    pub fn details() -> SignInDetails {
        SignInDetails {
            guard: "guard".into(),
            remember_me: false,
            shown_device: None,
            recognised_by: "digest".into(),
            device_name: None,
        }
    }

    pub fn asked(challenge: i64, minute: i64) -> SignInCodesEvent {
        SignInCodesEvent::CodeAsked {
            challenge: ChallengeId::new(challenge),
            at: at(minute),
            expires_at: at(minute + 5),
            sign_in: details(),
        }
    }

    pub fn asked_again(challenge: i64, resends: u32, minute: i64) -> SignInCodesEvent {
        SignInCodesEvent::CodeAskedAgain {
            challenge: ChallengeId::new(challenge),
            at: at(minute),
            resends,
            expires_at: at(5),
        }
    }

    pub fn tried(challenge: i64, number: u32, minute: i64) -> SignInCodesEvent {
        SignInCodesEvent::CodeTried {
            challenge: ChallengeId::new(challenge),
            at: at(minute),
            number,
        }
    }

    pub fn accepted(challenge: i64) -> SignInCodesEvent {
        SignInCodesEvent::CodeAccepted { challenge: ChallengeId::new(challenge) }
    }
}
