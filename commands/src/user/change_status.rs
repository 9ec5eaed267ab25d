//! Suspending a person, switching an account off, and back. Whoever may not come in any more is
//! signed out with the same commit.

use domain::command::Command;
use domain::id::UserId;
use domain::session::EndReason;
use domain::user::{ChangeStatus, Status, User};
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::session::Which;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChanged {
    pub ended_sessions: usize,
}

impl Commands {
    pub async fn change_user_status(
        &self,
        asked: &Asked,
        user: UserId,
        status: Status,
    ) -> Result<Done<StatusChanged>, CommandError> {
        asked.must_be_allowed(<ChangeStatus as Command<User>>::REQUIRES)?;
        self.once_stubbornly(asked, || async {
            let command = ChangeStatus { status };
            let (loaded, events) =
                self.decide::<User, _>(asked, &user.to_string(), &command).await?;
            let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or_default();
            let mut commit = self.begin(asked).append(&loaded, events);
            let mut ended_sessions = 0;
            if status != Status::Active {
                (commit, ended_sessions) = self
                    .ending_of(asked, commit, user, Which::All, EndReason::AccountClosed)
                    .await?;
            }
            self.commit_at(asked, Some(sequence), &StatusChanged { ended_sessions }, commit).await
        })
        .await
    }
}
