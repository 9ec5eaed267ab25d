//! The end of a cask.

use domain::id::WhiskeyId;
use domain::whiskey::{RetireReason, RetireWhiskey, Whiskey};

use super::recorder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn retire_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        reason: RetireReason,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = RetireWhiskey { by: recorder(asked)?, reason };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
