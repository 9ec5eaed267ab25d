//! Erasing a person: keys, ciphertexts and names are destroyed in the transaction of the event, and
//! all sessions end with it. What is kept for the law outlives it; nothing is yet.

use domain::command::Command;
use domain::id::UserId;
use domain::permission::Permission;
use domain::personal::Purpose;
use domain::session::EndReason;
use domain::user::{EraseUser, User, UserError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::session::Which;

/// What does not outlive a person's wish to be forgotten.
const ERASABLE: [Purpose; 2] = [Purpose::Contact, Purpose::Security];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub ended_sessions: usize,
}

impl Commands {
    /// Erases whoever asks. The password shows that it is really them.
    pub async fn erase_me(
        &self,
        asked: &Asked,
        password: &SecretString,
    ) -> Result<Done<Erased>, CommandError> {
        asked.must_be_allowed(Permission::OWN_ACCOUNT)?;
        let tenant = asked.context.tenant();
        let user = asked.context.actor.user().ok_or(UserError::Absent)?;
        let loaded = self.store.load_fresh::<User>(tenant, &user.to_string()).await?;
        let account = loaded.state.account()?;
        self.confirm_password(asked, user, account, password, UserError::NotReallyThem).await?;
        self.erase(asked, user).await
    }

    /// Erases somebody.
    pub async fn erase_user(
        &self,
        asked: &Asked,
        user: UserId,
    ) -> Result<Done<Erased>, CommandError> {
        asked.must_be_allowed(Permission::MANAGE_USERS)?;
        self.erase(asked, user).await
    }

    async fn erase(&self, asked: &Asked, user: UserId) -> Result<Done<Erased>, CommandError> {
        asked.must_be_allowed(<EraseUser as Command<User>>::REQUIRES)?;
        self.once_stubbornly(asked, || async {
            let (loaded, events) =
                self.decide::<User, _>(asked, &user.to_string(), &EraseUser).await?;
            let commit = self.begin(asked).append(&loaded, events).erasing(user, &ERASABLE);
            let (commit, ended_sessions) =
                self.ending_of(asked, commit, user, Which::All, EndReason::AccountClosed).await?;
            self.commit(asked, &Erased { ended_sessions }, commit).await
        })
        .await
    }
}
