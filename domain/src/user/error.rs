//! Why a command about a person is refused.

use thiserror::Error;

use crate::refusal::{Kind, Refusal};

#[derive(Debug, PartialEq, Eq, Error)]
pub enum UserError {
    #[error("there is no such user")]
    Absent,
    #[error("the user is registered already")]
    AlreadyRegistered,
    #[error("the verification token does not fit")]
    WrongChallenge,
    #[error("the verification token has been used")]
    ChallengeSpent,
    #[error("the verification token has expired")]
    ChallengeExpired,
    #[error("the identifier or the password is wrong")]
    WrongCredentials,
    #[error("the e-mail address has not been verified yet")]
    NotActivated,
    #[error("the account is suspended")]
    Suspended,
    #[error("the password that was to confirm it is wrong")]
    NotReallyThem,
    #[error("the password is too old: another one has to be set by mail")]
    PasswordExpired,
    #[error("the password was used before")]
    PasswordReused,
    #[error("the account is {0}, so its status cannot be changed to {1}")]
    StatusStays(&'static str, &'static str),
}

impl Refusal for UserError {
    fn kind(&self) -> Kind {
        match self {
            Self::Absent => Kind::Absent,
            Self::AlreadyRegistered => Kind::Taken,
            Self::WrongChallenge
            | Self::ChallengeExpired
            | Self::WrongCredentials
            | Self::NotReallyThem => Kind::Unauthenticated,
            Self::ChallengeSpent => Kind::Spent,
            Self::NotActivated | Self::Suspended | Self::PasswordExpired => Kind::Forbidden,
            Self::PasswordReused => Kind::Invalid,
            Self::StatusStays(..) => Kind::IllegalState,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "USER_NOT_FOUND",
            Self::AlreadyRegistered => "CONFLICT",
            Self::WrongChallenge => "TOKEN_INVALID",
            Self::ChallengeSpent => "TOKEN_ALREADY_USED",
            Self::ChallengeExpired => "TOKEN_EXPIRED",
            Self::WrongCredentials => "INVALID_CREDENTIALS",
            Self::NotActivated => "ACCOUNT_NOT_ACTIVATED",
            Self::Suspended => "ACCOUNT_SUSPENDED",
            Self::NotReallyThem => "REAUTHENTICATION_REQUIRED",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::PasswordReused => "PASSWORD_REUSE",
            Self::StatusStays(..) => "ILLEGAL_STATE",
        }
    }

    fn state(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::StatusStays(state, _) => Some((state, "change_status")),
            _ => None,
        }
    }
}
