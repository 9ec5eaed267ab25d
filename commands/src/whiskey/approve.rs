//! Approving a cask.

use domain::id::WhiskeyId;
use domain::permission::Permission;
use domain::whiskey::{ApproveWhiskey, Whiskey};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn approve_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let by = asked.context.actor.user();
        let by = by.ok_or(CommandError::Forbidden(Permission::APPROVE_WHISKEY))?;
        let command = ApproveWhiskey { by };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
