//! Measuring a cask again. The angels take their share; nobody gives any back.

use super::details::litres_of_alcohol;
use super::{Recorder, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::fixed::Fixed;
use crate::permission::Permission;

pub struct RegaugeWhiskey {
    pub by: Recorder,
    /// Bulk litres at 20 °C.
    pub volume: Fixed<2>,
    /// Percent of volume at 20 °C.
    pub alcohol_content: Fixed<2>,
}

impl Command<Whiskey> for RegaugeWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    /// Volume may rise where water was added, and strength where it evaporated; alcohol never does.
    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_for(self.by, "regauge")?;
        let litres = litres_of_alcohol(self.volume, self.alcohol_content);
        if litres > entry.litres_of_alcohol {
            return Err(WhiskeyError::LitresRise { before: entry.litres_of_alcohol });
        }
        Ok(vec![WhiskeyEvent::WhiskeyRegauged {
            volume: self.volume,
            alcohol_content: self.alcohol_content,
            litres_of_alcohol: litres,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    fn measured(volume: &str, alcohol_content: &str) -> RegaugeWhiskey {
        RegaugeWhiskey {
            by: by_keeper(),
            volume: Fixed::parse(volume).unwrap(),
            alcohol_content: Fixed::parse(alcohol_content).unwrap(),
        }
    }

    #[test]
    fn litres_of_alcohol_fall_or_stay() {
        given::<Whiskey>(vec![registered(), approved()])
            .when(measured("240.00", "60.00"))
            .then_expect_events(vec![regauged()]);
        // Diluted: more of it, and no more in it.
        given::<Whiskey>(vec![registered(), regauged()])
            .when(measured("360.00", "40.00"))
            .then_expect_events(vec![WhiskeyEvent::WhiskeyRegauged {
                volume: Fixed::parse("360.00").unwrap(),
                alcohol_content: Fixed::parse("40.00").unwrap(),
                litres_of_alcohol: Fixed::parse("144.00").unwrap(),
            }]);
        given::<Whiskey>(vec![registered(), regauged()])
            .when(measured("240.10", "60.00"))
            .then_expect_error(WhiskeyError::LitresRise {
                before: Fixed::parse("144.00").unwrap(),
            });
    }

    #[test]
    fn a_cask_is_measured_until_it_is_retired() {
        given::<Whiskey>(vec![registered(), approved(), tokenising(), tokenised()])
            .when(measured("240.00", "60.00"))
            .then_expect_events(vec![regauged()]);
        given::<Whiskey>(vec![registered(), retired()])
            .when(measured("240.00", "60.00"))
            .then_expect_error(illegal("RETIRED", "regauge"));
        given::<Whiskey>(vec![registered()])
            .when(RegaugeWhiskey { by: by_stranger(), ..measured("240.00", "60.00") })
            .then_expect_error(WhiskeyError::NotTheOwner);
    }
}
