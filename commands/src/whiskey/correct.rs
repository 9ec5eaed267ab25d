//! Correcting an entry.

use domain::id::WhiskeyId;
use domain::whiskey::details::Details;
use domain::whiskey::{CorrectWhiskey, Whiskey};

use super::person;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn correct_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        details: Details,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = CorrectWhiskey { by: person(asked)?, details };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
