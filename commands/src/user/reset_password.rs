//! Setting a new password with the token that was mailed. Whoever had come in with the old one is
//! signed out with it, and a lock is lifted.

use domain::command::Command;
use domain::permission::Permission;
use domain::session::EndReason;
use domain::user::{ResetPassword, Status, User, UserError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::names::tried_again;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::challenges::Answered;
use crate::session::Which;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    pub ended_sessions: usize,
}

impl Commands {
    /// `token` is what stood in the mail.
    pub async fn reset_password(
        &self,
        asked: &Asked,
        token: &str,
        password: &SecretString,
    ) -> Result<Done<PasswordSet>, CommandError> {
        asked.must_be_allowed(Permission::PUBLIC)?;
        let Answered { tenant, user, challenge } =
            self.challenges.check(token).ok_or(UserError::WrongChallenge)?;
        let asked = asked.for_tenant(tenant);
        if let Some(done) = self.answered_before(&asked).await? {
            return Ok(done);
        }
        let id = user.to_string();
        let now = self.store.clock().now();
        let mut command = ResetPassword { user, challenge, password_hash: String::new(), now };
        let judged = self.store.load_fresh::<User>(tenant, &id).await?;
        // First: a token that is spent must not tell which passwords were used before.
        command.may_answer(&judged.state)?;
        let account = judged.state.account()?;
        command.password_hash =
            self.new_password(tenant, user, account, password, "password").await?;
        // Hashed once. Whoever refreshes in a loop meanwhile does not hold it off.
        self.once_stubbornly(&asked, || async {
            let loaded = self.store.load_fresh::<User>(tenant, &id).await?;
            // Refuses if another password was set meanwhile: the token is spent with it.
            let mut events = command.decide(&loaded.state)?;
            let account = loaded.state.account()?;
            let mut commit = self.begin(&asked);
            if account.status == Status::Pending {
                let (with_names, withdrawn) =
                    self.claiming_names(&asked, commit, user, &loaded).await?;
                commit = with_names;
                events.extend(withdrawn);
            }
            let commit = commit.append(&loaded, events);
            let commit = self.opening_guards(&asked, commit, user, account).await?;
            let commit = self.withdrawing_codes(&asked, commit, user).await?;
            let (commit, ended_sessions) =
                self.ending_of(&asked, commit, user, Which::All, EndReason::PasswordReset).await?;
            tried_again(self.commit(&asked, &PasswordSet { ended_sessions }, commit).await)
        })
        .await
    }
}
