//! Another password, for somebody who knows the present one. All other sessions end.

use domain::command::Command;
use domain::permission::Permission;
use domain::session::EndReason;
use domain::user::{ChangePassword, User, UserError};
use secrecy::SecretString;

use super::reset_password::PasswordSet;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::session::Which;

impl Commands {
    pub async fn change_password(
        &self,
        asked: &Asked,
        present: &SecretString,
        new: &SecretString,
    ) -> Result<Done<PasswordSet>, CommandError> {
        asked.must_be_allowed(Permission::OWN_ACCOUNT)?;
        let tenant = asked.context.tenant();
        let user = asked.context.actor.user().ok_or(UserError::Absent)?;
        let others = asked.context.actor.session().map_or(Which::All, Which::Others);
        let id = user.to_string();
        let judged = self.store.load_fresh::<User>(tenant, &id).await?;
        let account = judged.state.account()?;
        let wrong = UserError::WrongCredentials;
        self.confirm_password(asked, user, account, present, wrong).await?;
        let password_hash = self.new_password(tenant, user, account, new, "newPassword").await?;
        // Hashed once. Whoever refreshes in a loop meanwhile does not hold it off.
        self.once_stubbornly(asked, || async {
            let loaded = self.store.load_fresh::<User>(tenant, &id).await?;
            if loaded.state.account()?.former_hashes != account.former_hashes {
                // Changed by somebody else in this very moment: the present one is another.
                return Err(UserError::WrongCredentials.into());
            }
            let now = self.store.clock().now();
            let password_hash = password_hash.clone();
            let events = ChangePassword { user, password_hash, now }.decide(&loaded.state)?;
            let commit = self.begin(asked).append(&loaded, events);
            let commit = self.withdrawing_codes(asked, commit, user).await?;
            let (commit, ended_sessions) =
                self.ending_of(asked, commit, user, others, EndReason::PasswordChanged).await?;
            self.commit(asked, &PasswordSet { ended_sessions }, commit).await
        })
        .await
    }
}
