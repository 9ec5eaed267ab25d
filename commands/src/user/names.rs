//! Names become a person's own when their address is verified. Before that anybody may want them: a
//! name that is held would tell whether a registration had made an account.

use domain::command::Command;
use domain::id::UserId;
use domain::user::{Name, User, UserEvent, WithdrawName};
use eventstore::{Commit, Loaded};

use super::Registration;
use crate::claims::Identifier;
use crate::error::CommandError;
use crate::execute::{Asked, Commands};

impl Commands {
    /// Refuses names that are somebody's.
    pub(super) async fn must_be_free(
        &self,
        asked: &Asked,
        registration: &Registration,
    ) -> Result<(), CommandError> {
        let mut taken = Vec::new();
        for name in registration.identifiers() {
            let is_email = matches!(name, Identifier::Email(_));
            if !is_email && self.holder(asked, &name).await?.is_some() {
                taken.push(name.kind().to_owned());
            }
        }
        if taken.is_empty() { Ok(()) } else { Err(CommandError::Claimed(taken)) }
    }

    /// Claims a person's names with the commit that verifies their address. What somebody else has
    /// verified meanwhile is withdrawn by a further event.
    pub(super) async fn claiming_names<'a>(
        &self,
        asked: &Asked,
        commit: Commit<'a>,
        user: UserId,
        loaded: &Loaded<User>,
    ) -> Result<(Commit<'a>, Vec<UserEvent>), CommandError> {
        let (tenant, account) = (asked.context.tenant(), loaded.state.account()?);
        let vault = self.store.vault();
        let mut names = Vec::new();
        if let Some(username) = &account.username {
            let username = vault.open(tenant, username).await?;
            names.extend(username.map(|name| (Name::Username, Identifier::Username(name))));
        }
        if let Some(phone) = &account.phone {
            let phone = vault.open(tenant, phone).await?;
            names.extend(phone.map(|phone| (Name::Phone, Identifier::Phone(phone))));
        }
        let (mut claims, mut withdrawn) = (Vec::new(), Vec::new());
        for (name, identifier) in names {
            match self.holder(asked, &identifier).await? {
                Some(holder) if holder != user.to_string() => {
                    withdrawn.extend(WithdrawName { name }.decide(&loaded.state)?);
                }
                Some(_) | None => {
                    claims.push(self.claim_digests.claim(tenant, &identifier, user.to_string()));
                }
            }
        }
        Ok((commit.claiming(claims), withdrawn))
    }

    async fn holder(
        &self,
        asked: &Asked,
        identifier: &Identifier,
    ) -> Result<Option<String>, CommandError> {
        let tenant = asked.context.tenant();
        let digest = self.claim_digests.digest(tenant, identifier);
        Ok(self.store.holder_of(tenant, identifier.kind(), &digest).await?)
    }
}

/// Somebody else claimed a name in this very moment: the next attempt finds it held.
pub(super) fn tried_again<T>(outcome: Result<T, CommandError>) -> Result<T, CommandError> {
    match outcome {
        Err(CommandError::Claimed(_)) => Err(CommandError::Conflict),
        outcome => outcome,
    }
}
