//! Answering the mailed question.

use domain::user::{User, UserError, VerifyEmail};
use serde::{Deserialize, Serialize};

use super::names::tried_again;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::challenges::Answered;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {}

impl Commands {
    /// `token` is what stood in the mail.
    pub async fn verify_email(
        &self,
        asked: &Asked,
        token: &str,
    ) -> Result<Done<Verified>, CommandError> {
        let Answered { tenant, user, challenge } =
            self.challenges.check(token).ok_or(UserError::WrongChallenge)?;
        // The token says whose account it is; the caller does not have to.
        let asked = asked.for_tenant(tenant);
        let id = user.to_string();
        self.once(&asked, || async {
            let command = VerifyEmail { challenge, now: self.store.clock().now() };
            let (loaded, mut events) = self.decide::<User, _>(&asked, &id, &command).await?;
            let commit = self.begin(&asked);
            let (commit, withdrawn) = self.claiming_names(&asked, commit, user, &loaded).await?;
            events.extend(withdrawn);
            let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or_default();
            let commit = commit.append(&loaded, events);
            tried_again(self.commit_at(&asked, Some(sequence), &Verified {}, commit).await)
        })
        .await
    }
}
