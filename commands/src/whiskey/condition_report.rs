//! Reporting the condition of a cask.

use domain::id::WhiskeyId;
use domain::whiskey::{ReportCondition, Whiskey};

use super::recorder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn report_condition(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        condition: String,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = ReportCondition { by: recorder(asked)?, condition };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
