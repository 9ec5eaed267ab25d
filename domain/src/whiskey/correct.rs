//! Correcting an entry, as long as nobody has found it right.

use super::details::Details;
use super::{Stage, Whiskey, WhiskeyError, WhiskeyEvent};
use crate::command::Command;
use crate::id::UserId;
use crate::permission::Permission;

pub struct CorrectWhiskey {
    pub by: UserId,
    /// All of them, as they should have been.
    pub details: Details,
}

impl Command<Whiskey> for CorrectWhiskey {
    const REQUIRES: Permission = Permission::REGISTER_WHISKEY;

    fn decide(&self, whiskey: &Whiskey) -> Result<Vec<WhiskeyEvent>, WhiskeyError> {
        let entry = whiskey.entry_of(self.by)?;
        entry.must_be_at(&[Stage::Pending, Stage::Rejected], "correct")?;
        if entry.details == self.details {
            return Ok(vec![]);
        }
        let litres = self.details.litres_of_alcohol();
        // A slip of the pen at the registration is corrected; what was measured since is not.
        if entry.regauged && litres > entry.litres_of_alcohol {
            return Err(WhiskeyError::LitresRise { before: entry.litres_of_alcohol });
        }
        Ok(vec![WhiskeyEvent::WhiskeyCorrected {
            details: Box::new(self.details.clone()),
            original_litres_of_alcohol: litres,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;
    use crate::fixed::Fixed;

    fn correction(volume: &str) -> CorrectWhiskey {
        let details = Details { volume: Fixed::parse(volume).unwrap(), ..details() };
        CorrectWhiskey { by: OWNER, details }
    }

    #[test]
    fn the_owner_corrects_until_it_is_approved() {
        for before in [vec![registered()], vec![registered(), rejected()]] {
            given::<Whiskey>(before)
                .when(correction("240.00"))
                .then_expect_events(vec![corrected()]);
        }
        given::<Whiskey>(vec![registered(), approved()])
            .when(correction("240.00"))
            .then_expect_error(illegal("APPROVED", "correct"));
        given::<Whiskey>(vec![registered()])
            .when(CorrectWhiskey { by: JUDGE, ..correction("240.00") })
            .then_expect_error(WhiskeyError::NotTheOwner);
        given::<Whiskey>(vec![registered()]).when(correction("250.00")).then_expect_events(vec![]);
    }

    #[test]
    fn a_correction_gives_nothing_back_that_was_measured_away() {
        given::<Whiskey>(vec![registered(), regauged()])
            .when(correction("250.00"))
            .then_expect_error(WhiskeyError::LitresRise {
                before: Fixed::parse("144.00").unwrap(),
            });
    }
}
