//! Valuing a cask.

use domain::id::WhiskeyId;
use domain::whiskey::details::Money;
use domain::whiskey::{RevalueWhiskey, Whiskey};

use super::recorder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn revalue_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        value: Money,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = RevalueWhiskey { by: recorder(asked)?, value };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
