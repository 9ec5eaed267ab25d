//! Letters that people ask for: verification again, a new password. Whether there is anybody to
//! write to, nobody is told: the same is looked up and something is written in either case.

use domain::command::Command;
use domain::id::ChallengeId;
use domain::permission::Permission;
use domain::sign_in_guard::{AskLetter, Letter, SignInGuard};
use domain::user::email::Email;
use domain::user::{RequestPasswordReset, RequestVerification, User, UserEvent};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::evenly::evenly;
use crate::execute::{Asked, Commands, Done};

/// Noted. Says nothing about whether a letter goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {}

impl Commands {
    /// Asks again whether an address is its owner's.
    pub async fn resend_verification(
        &self,
        asked: &Asked,
        email: &Email,
    ) -> Result<Done<Noted>, CommandError> {
        let challenge = ChallengeId::new(self.ids.next()?);
        let now = self.store.clock().now();
        self.letter(asked, email, Letter::Verification, &RequestVerification { challenge, now })
            .await
    }

    /// Asks for another password by mail.
    pub async fn forgot_password(
        &self,
        asked: &Asked,
        email: &Email,
    ) -> Result<Done<Noted>, CommandError> {
        let challenge = ChallengeId::new(self.ids.next()?);
        let now = self.store.clock().now();
        self.letter(asked, email, Letter::PasswordReset, &RequestPasswordReset { challenge, now })
            .await
    }

    async fn letter<C: Command<User> + Sync>(
        &self,
        asked: &Asked,
        email: &Email,
        letter: Letter,
        command: &C,
    ) -> Result<Done<Noted>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        let tenant = asked.context.tenant();
        let guard = self.claim_digests.guard(tenant, email.as_str());
        let write = self.once(asked, || async {
            self.open_tenant(tenant).await?;
            let ask = AskLetter { letter, now: self.store.clock().now() };
            let (loaded, asking) =
                self.decide_evenly::<SignInGuard, _>(asked, &guard, &ask).await?;
            let holder = self.holder_of(tenant, email.as_str()).await?;
            let id = holder.map_or_else(|| "0".to_owned(), |user| user.to_string());
            let account = self.store.load_evenly::<User>(tenant, &id).await?;
            let events: Vec<UserEvent> = match command.decide(&account.state) {
                Ok(events) if !asking.is_empty() => events,
                // Enough for this hour, or nobody there.
                Ok(_) | Err(_) => Vec::new(),
            };
            let commit = self.begin(asked).append(&loaded, asking).append(&account, events);
            let done = self.commit(asked, &Noted {}, commit).await?;
            Ok(Done { position: -1, ..done })
        });
        evenly(write).await
    }
}
