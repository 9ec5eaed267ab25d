//! Answering the mailed question.

use domain::user::{User, UserError, VerifyEmail};
use serde::{Deserialize, Serialize};

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
        let command = VerifyEmail { challenge, now: self.store.clock().now() };
        self.execute::<User, _, _>(&asked, &user.to_string(), &command, Verified {}).await
    }
}
