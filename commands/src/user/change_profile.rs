//! Changing what a person is called, reached by and written to in. Names that others may not have
//! are claimed, and those given up let go, with the same commit.

use domain::command::Command;
use domain::language::Language;
use domain::personal::Personal;
use domain::user::names::{FullName, Phone, Username};
use domain::user::{ChangeProfile, User, UserError};
use eventstore::Claim;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::claims::Identifier;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What is none stays as it is.
#[derive(Clone, Default)]
pub struct Profile {
    pub username: Option<Username>,
    pub full_name: Option<FullName>,
    pub phone: Option<Phone>,
    pub language: Option<Language>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {}

impl Commands {
    pub async fn change_profile(
        &self,
        asked: &Asked,
        profile: &Profile,
    ) -> Result<Done<ProfileChanged>, CommandError> {
        asked.must_be_allowed(<ChangeProfile as Command<User>>::REQUIRES)?;
        let tenant = asked.context.tenant();
        let user = asked.context.actor.user().ok_or(UserError::Absent)?;
        let id = user.to_string();
        self.once(asked, || async {
            let loaded = self.store.load_fresh::<User>(tenant, &id).await?;
            asked.must_match(&loaded)?;
            let account = loaded.state.account()?;
            let username = self.opened(asked, account.username.as_ref()).await?;
            let full_name = self.opened(asked, account.full_name.as_ref()).await?;
            let phone = self.opened(asked, account.phone.as_ref()).await?;
            let command = ChangeProfile {
                user,
                username: profile.username.clone().filter(|new| Some(new) != username.as_ref()),
                full_name: profile.full_name.clone().filter(|new| Some(new) != full_name.as_ref()),
                phone: profile.phone.clone().filter(|new| Some(new) != phone.as_ref()),
                language: profile.language,
            };
            let events = command.decide(&loaded.state)?;
            let mut claims: Vec<Claim> = Vec::new();
            let new = command.username.map(Identifier::Username);
            claims.extend(self.exchange(asked, username.map(Identifier::Username), new, &id));
            let new = command.phone.map(Identifier::Phone);
            claims.extend(self.exchange(asked, phone.map(Identifier::Phone), new, &id));
            let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or_default();
            let commit = self.begin(asked).append(&loaded, events).claiming(claims);
            self.commit_at(asked, Some(sequence), &ProfileChanged {}, commit).await
        })
        .await
    }

    /// The new name claimed and the old one let go, unless both are spellings of one.
    fn exchange(
        &self,
        asked: &Asked,
        old: Option<Identifier>,
        new: Option<Identifier>,
        holder: &str,
    ) -> Vec<Claim> {
        let tenant = asked.context.tenant();
        let Some(new) = new else {
            return Vec::new();
        };
        let new = self.claim_digests.claim(tenant, &new, holder.to_owned());
        let old = old.map(|old| self.claim_digests.claim(tenant, &old, holder.to_owned()));
        match old {
            Some(old) if old.digest != new.digest => vec![Claim { let_go: true, ..old }, new],
            Some(_) | None => vec![new],
        }
    }

    async fn opened<T: DeserializeOwned>(
        &self,
        asked: &Asked,
        datum: Option<&Personal<T>>,
    ) -> Result<Option<T>, CommandError> {
        match datum {
            Some(datum) => Ok(self.store.vault().open(asked.context.tenant(), datum).await?),
            None => Ok(None),
        }
    }
}
