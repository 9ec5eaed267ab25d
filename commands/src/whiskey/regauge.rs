//! Measuring a cask again.

use domain::fixed::Fixed;
use domain::id::WhiskeyId;
use domain::whiskey::{RegaugeWhiskey, Whiskey};

use super::recorder;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn regauge_whiskey(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        volume: Fixed<2>,
        alcohol_content: Fixed<2>,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = RegaugeWhiskey { by: recorder(asked)?, volume, alcohol_content };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
