//! Asking for another judgement.

use domain::id::WhiskeyId;
use domain::whiskey::{ResubmitWhiskey, Whiskey};

use super::person;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn resubmit_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = ResubmitWhiskey { by: person(asked)? };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
