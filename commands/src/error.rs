//! Everything a command can come back with instead of an answer.

use domain::devices::DevicesError;
use domain::file::FileError;
use domain::moment::Moment;
use domain::notices::NoticesError;
use domain::permission::Permission;
use domain::refusal::{Kind, Refusal};
use domain::session::SessionError;
use domain::shelf::ShelfError;
use domain::sign_in_codes::SignInCodesError;
use domain::sign_in_guard::SignInGuardError;
use domain::sign_ins::SignInsError;
use domain::tenant::TenantError;
use domain::user::UserError;
use domain::violation::Violation;
use domain::whiskey::WhiskeyError;
use eventstore::ids::IdsError;
use eventstore::vault::VaultError;
use eventstore::{CommitError, StoreError};
use thiserror::Error;

use crate::outside::chain::ChainError;
use crate::outside::objects::ObjectError;
use crate::outside::passwords::PasswordError;
use crate::outside::tokens::TokenError;

#[derive(Debug, Error)]
pub enum CommandError {
    /// A rule said no.
    #[error("{message}")]
    Refused {
        kind: Kind,
        code: &'static str,
        message: String,
        /// State and command, where the state is what refused.
        state: Option<(&'static str, &'static str)>,
    },
    /// Too many attempts, or an administrator; nobody comes in until then.
    #[error("locked until {0}")]
    Locked(Moment),
    #[error("the identifier or the password is wrong; {attempts_remaining} attempts are left")]
    WrongCredentials { attempts_remaining: u32 },
    #[error("the code is wrong; {attempts_remaining} attempts are left")]
    WrongCode { attempts_remaining: u32 },
    #[error("the permission {} is missing", .0.code())]
    Forbidden(Permission),
    #[error("{field} {violation}")]
    Invalid { field: &'static str, violation: Violation },
    #[error("a name is taken: {}", .0.join(", "))]
    Claimed(Vec<String>),
    /// Somebody else's command was faster, several times over.
    #[error("a concurrent write won")]
    Conflict,
    #[error("the resource is at {actual}, not at {expected}")]
    PreconditionFailed { expected: i64, actual: i64 },
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Asked before; carries the answer of then. Never leaves this crate.
    #[error("asked before")]
    Repeated { answer: String, position: i64 },
    #[error("too many passwords are being checked right now")]
    Busy,
    #[error("{0} is not available")]
    Unavailable(Dependency),
    #[error("{0}")]
    Broken(String),
}

/// What a command may have to do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    Database,
    Chain,
    Storage,
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::Chain => "the chain",
            Self::Storage => "the object store",
        })
    }
}

impl CommandError {
    /// A rule's no, in this layer's words.
    pub fn refused(error: impl Refusal) -> Self {
        Self::Refused {
            kind: error.kind(),
            code: error.code(),
            state: error.state(),
            message: error.to_string(),
        }
    }
}

/// `?` for the errors of aggregates; one impl for all of them would collide with those below.
macro_rules! refusals {
    ($($error:ty),* $(,)?) => { $(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self { Self::refused(error) }
        }
    )* };
}
refusals!(
    DevicesError,
    FileError,
    NoticesError,
    ShelfError,
    SignInCodesError,
    SessionError,
    SignInsError,
    TenantError,
    UserError,
    WhiskeyError
);

impl From<SignInGuardError> for CommandError {
    fn from(SignInGuardError::Locked(until): SignInGuardError) -> Self {
        Self::Locked(until)
    }
}

impl From<CommitError> for CommandError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stale => Self::Conflict,
            CommitError::Claimed(kinds) => Self::Claimed(kinds),
            CommitError::Repeated { answer, position } => Self::Repeated { answer, position },
            CommitError::Mismatched => Self::IdempotencyMismatch,
            CommitError::Unavailable | CommitError::Vault(VaultError::Database(_)) => {
                Self::Unavailable(Dependency::Database)
            }
            CommitError::Refused(_) | CommitError::Vault(_) | CommitError::Undecodable(_) => {
                Self::Broken(error.to_string())
            }
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable(Dependency::Database),
            // Another tenant's things are not there.
            StoreError::Foreign => Self::Refused {
                kind: Kind::Absent,
                code: "NOT_FOUND",
                state: None,
                message: "there is no such thing".to_owned(),
            },
            // postgres-es tells an absent database and an unreadable row apart only in words; an
            // unreadable row would be met by the audit, an absent database at once by everybody.
            StoreError::Unreadable(_) => Self::Unavailable(Dependency::Database),
            StoreError::Undecodable(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<VaultError> for CommandError {
    fn from(error: VaultError) -> Self {
        Self::from(CommitError::Vault(error))
    }
}

impl From<IdsError> for CommandError {
    fn from(_: IdsError) -> Self {
        Self::Unavailable(Dependency::Database)
    }
}

impl From<PasswordError> for CommandError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Busy,
            PasswordError::Unhashable(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<TokenError> for CommandError {
    fn from(error: TokenError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<ChainError> for CommandError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Unavailable(_) => Self::Unavailable(Dependency::Chain),
            ChainError::Nonsense(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<ObjectError> for CommandError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Unavailable(reason) => {
                tracing::warn!(reason, "the object store does not answer");
                Self::Unavailable(Dependency::Storage)
            }
            ObjectError::Absent | ObjectError::Corrupt => Self::Broken(error.to_string()),
        }
    }
}
