//! A new password for somebody who has one: judged, not one of the last five, hashed.

use domain::id::{TenantId, UserId};
use domain::sign_in_codes::{SignInCodes, WithdrawCodes};
use domain::tenant::PasswordPolicy;
use domain::user::password::{self, Candidate};
use domain::user::{Account, UserError};
use domain::violation::Violation;
use eventstore::Commit;
use secrecy::{ExposeSecret, SecretString};

use super::strength::{Strength, estimate};
use crate::error::CommandError;
use crate::execute::{Asked, Commands};

impl Commands {
    /// Its hash. `field` is where the password stood in the request.
    pub(super) async fn new_password(
        &self,
        tenant: TenantId,
        user: UserId,
        account: &Account,
        password: &SecretString,
        field: &'static str,
    ) -> Result<String, CommandError> {
        let tenants = self.open_tenant(tenant).await?;
        let policy = tenants.state.settings()?.passwords;
        self.judge(tenant, &policy, account, password)
            .await?
            .map_err(|violation| CommandError::Invalid { field, violation })?;
        let used = std::iter::once(&account.password_hash).chain(&account.former_hashes);
        for former in used.take(policy.history) {
            let Some(hash) = self.store.vault().open(tenant, former).await? else {
                continue;
            };
            if self.passwords.compare(user, password.clone(), hash).await?.matches {
                return Err(UserError::PasswordReused.into());
            }
        }
        Ok(self.passwords.hash(user, password.clone()).await?)
    }

    /// The policy's judgement, which needs the owner's names.
    async fn judge(
        &self,
        tenant: TenantId,
        policy: &PasswordPolicy,
        account: &Account,
        password: &SecretString,
    ) -> Result<Result<(), Violation>, CommandError> {
        let vault = self.store.vault();
        let mut own_words: Vec<String> = Vec::new();
        own_words.extend(vault.open(tenant, &account.email).await?.map(String::from));
        if let Some(username) = &account.username {
            own_words.extend(vault.open(tenant, username).await?.map(String::from));
        }
        if let Some(name) = &account.full_name {
            own_words.extend(vault.open(tenant, name).await?.map(String::from));
        }
        let own_words: Vec<&str> = own_words.iter().map(String::as_str).collect();
        Ok(judge(policy, password.expose_secret(), &own_words))
    }

    /// No code that was mailed under the old password is good any more.
    pub(super) async fn withdrawing_codes<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        user: UserId,
    ) -> Result<Commit<'a>, CommandError> {
        let (codes, events) =
            self.decide::<SignInCodes, _>(asked, &user.to_string(), &WithdrawCodes).await?;
        Ok(match events.is_empty() {
            true => commit.expecting(&codes),
            false => commit.append(&codes, events),
        })
    }
}

/// The judgement, with the facts it needs.
pub(super) fn judge(
    policy: &PasswordPolicy,
    text: &str,
    own_words: &[&str],
) -> Result<(), Violation> {
    // Before anything that takes time over a long one.
    password::acceptable(text)?;
    let Strength { score, is_common } = estimate(text, own_words);
    password::judge(policy, Candidate { text, own_words, strength: score, is_common })
}
