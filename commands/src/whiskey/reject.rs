//! Rejecting a cask.

use domain::id::WhiskeyId;
use domain::permission::Permission;
use domain::whiskey::{RejectWhiskey, Whiskey};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn reject_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        reason: String,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let by = asked.context.actor.user();
        let by = by.ok_or(CommandError::Forbidden(Permission::APPROVE_WHISKEY))?;
        let command = RejectWhiskey { by, reason };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
