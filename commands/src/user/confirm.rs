//! Confirming by password that somebody with a token is who they were: counted like a sign-in, under
//! a guard of its own, so that a stolen token is no way to guess the password.

use domain::id::UserId;
use domain::user::{Account, UserError};
use secrecy::SecretString;

use crate::error::CommandError;
use crate::execute::{Asked, Commands};
use crate::session::Attempt;

impl Commands {
    /// `wrong` is what a wrong password is answered with.
    pub(super) async fn confirm_password(
        &self,
        asked: &Asked,
        user: UserId,
        account: &Account,
        password: &SecretString,
        wrong: UserError,
    ) -> Result<(), CommandError> {
        let tenant = asked.context.tenant();
        let guard = self.claim_digests.confirmation_guard(tenant, user);
        let place = self.passwords.place()?;
        if let Attempt::Locked(until) = self.count_attempt(asked, &guard, None).await? {
            return Err(CommandError::Locked(until));
        }
        let hash = self.store.vault().open(tenant, &account.password_hash).await?;
        let hash = hash.ok_or(UserError::Absent)?;
        if !self.passwords.compare_at(place, user, password.clone(), hash).await?.matches {
            return Err(wrong.into());
        }
        self.begin_count_again(asked, &guard).await
    }
}
