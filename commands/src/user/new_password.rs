//! A new password for somebody who has one: judged, not one of the last five, hashed.

use domain::id::{TenantId, UserId};
use domain::user::{Account, UserError, password};
use domain::violation::Violation;
use secrecy::{ExposeSecret, SecretString};

use crate::error::CommandError;
use crate::execute::Commands;

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
        self.judge(tenant, account, password)
            .await?
            .map_err(|violation| CommandError::Invalid { field, violation })?;
        for former in std::iter::once(&account.password_hash).chain(&account.former_hashes) {
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
        Ok(password::judge(password.expose_secret(), &own_words))
    }
}
