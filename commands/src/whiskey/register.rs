//! Entering a cask into the register.

use domain::id::WhiskeyId;
use domain::permission::Permission;
use domain::whiskey::details::Details;
use domain::whiskey::{RegisterWhiskey, Whiskey};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    /// The caller becomes the owner.
    pub async fn register_whiskey(
        &self,
        asked: &Asked,
        details: Details,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let owner = asked.context.actor.user();
        let owner = owner.ok_or(CommandError::Forbidden(Permission::REGISTER_WHISKEY))?;
        let whiskey = WhiskeyId::new(self.ids.next()?);
        let command = RegisterWhiskey { owner, details };
        self.execute_first::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
