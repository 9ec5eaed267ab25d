//! Making an administrator without a mail going round: for start-up and the command line.

use cqrs_es::Aggregate;
use domain::command::Decision;
use domain::id::UserId;
use domain::permission::Permission;
use domain::role::Role;
use domain::user::{AssignRole, User, VerifyEmail};
use serde::{Deserialize, Serialize};

use super::Registration;
use crate::claims;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// Whether there is a new administrator; the address may have been somebody's already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub new: bool,
}

impl Commands {
    /// Registers, verifies and promotes in one commit.
    pub async fn create_administrator(
        &self,
        asked: &Asked,
        registration: &Registration,
    ) -> Result<Done<Created>, CommandError> {
        asked.must_be_allowed(Permission::SYSTEM)?;
        let tenant = self.open_tenant(asked.context.tenant()).await?;
        registration
            .judge_password(&tenant.state.settings()?.passwords)
            .map_err(|violation| CommandError::Invalid { field: "password", violation })?;
        let user = UserId::new(self.ids.next()?);
        let register = self.registering(user, registration).await?;
        let (challenge, now) = (register.challenge, register.now);
        let loaded = self.store.unwritten::<User>(asked.context.tenant(), &user.to_string());
        let steps: [Decision<User>; 3] = [
            Decision::of(register),
            Decision::of(VerifyEmail { challenge, now }),
            Decision::of(AssignRole { role: Role::Administrator }),
        ];
        let mut state = User::clone(&loaded.state);
        let mut events = Vec::new();
        for step in &steps {
            for event in step.decide(&state)? {
                state.apply(event.clone());
                events.push(event);
            }
        }
        let claims = registration
            .identifiers()
            .iter()
            .map(|name| self.claim_digests.claim(asked.context.tenant(), name, user.to_string()))
            .collect();
        let commit = self.begin(asked).expecting(&tenant).append(&loaded, events).claiming(claims);
        match self.commit(asked, &Created { new: true }, commit).await {
            Err(CommandError::Claimed(kinds)) if kinds.iter().any(|kind| kind == claims::EMAIL) => {
                Ok(Done {
                    answer: Created { new: false },
                    position: -1,
                    sequence: None,
                    repeated: false,
                })
            }
            outcome => outcome,
        }
    }
}
