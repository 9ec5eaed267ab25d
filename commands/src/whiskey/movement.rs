//! Moving a cask.

use domain::id::WhiskeyId;
use domain::whiskey::details::StorageLocation;
use domain::whiskey::{MoveWhiskey, Whiskey};

use super::recorder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn move_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        location: StorageLocation,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = MoveWhiskey { by: recorder(asked)?, location };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
