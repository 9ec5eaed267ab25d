//! A guess at a code, and the one that was right.

use super::{SignInCodes, SignInCodesError, SignInCodesEvent, TRIES_ALLOWED};
use crate::command::Command;
use crate::id::ChallengeId;
use crate::moment::Moment;
use crate::permission::Permission;

pub struct TryCode {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<SignInCodes> for TryCode {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, codes: &SignInCodes) -> Result<Vec<SignInCodesEvent>, SignInCodesError> {
        let waiting = codes.waiting(self.challenge, self.now)?;
        codes.may_be_tried(self.now)?;
        if waiting.tries >= TRIES_ALLOWED {
            return Err(SignInCodesError::TooManyTries);
        }
        Ok(vec![SignInCodesEvent::CodeTried {
            challenge: self.challenge,
            at: self.now,
            number: waiting.tries + 1,
        }])
    }
}

/// The code was compared and is right; the session has to be opened with the same commit.
pub struct AcceptCode {
    pub challenge: ChallengeId,
    pub now: Moment,
}

impl Command<SignInCodes> for AcceptCode {
    const REQUIRES: Permission = Permission::PUBLIC;

    fn decide(&self, codes: &SignInCodes) -> Result<Vec<SignInCodesEvent>, SignInCodesError> {
        codes.waiting(self.challenge, self.now)?;
        Ok(vec![SignInCodesEvent::CodeAccepted { challenge: self.challenge }])
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate;
    use proptest::prelude::*;

    use super::super::samples::*;
    use super::super::{AskCode, AskCodeAgain, FAILURES_A_DAY};
    use super::*;
    use crate::command::scenario::given;

    fn attempt(challenge: i64, minute: i64) -> TryCode {
        TryCode { challenge: ChallengeId::new(challenge), now: at(minute) }
    }

    #[test]
    fn three_tries_in_five_minutes() {
        let mut story = vec![asked(1, 0)];
        for number in 1..=3 {
            given::<SignInCodes>(story.clone())
                .when(attempt(1, 4))
                .then_expect_events(vec![tried(1, number, 4)]);
            story.push(tried(1, number, 4));
        }
        // Not with another letter either.
        story.push(asked_again(1, 1, 4));
        given::<SignInCodes>(story)
            .when(attempt(1, 4))
            .then_expect_error(SignInCodesError::TooManyTries);
        given::<SignInCodes>(vec![asked(1, 0)])
            .when(attempt(1, 5))
            .then_expect_error(SignInCodesError::NotWaiting);
        given::<SignInCodes>(vec![asked(1, 0)])
            .when(attempt(2, 1))
            .then_expect_error(SignInCodesError::NotWaiting);
    }

    #[test]
    fn a_code_is_accepted_once() {
        let accept = |minute| AcceptCode { challenge: ChallengeId::new(1), now: at(minute) };
        given::<SignInCodes>(vec![asked(1, 0), tried(1, 1, 1)])
            .when(accept(1))
            .then_expect_events(vec![accepted(1)]);
        given::<SignInCodes>(vec![asked(1, 0), tried(1, 1, 1), accepted(1)])
            .when(accept(1))
            .then_expect_error(SignInCodesError::NotWaiting);
        given::<SignInCodes>(vec![asked(1, 0), SignInCodesEvent::CodesWithdrawn {}])
            .when(accept(1))
            .then_expect_error(SignInCodesError::NotWaiting);
    }

    #[test]
    fn the_fourth_that_waits_takes_the_place_of_the_oldest() {
        let four = || given::<SignInCodes>((1..=4).map(|challenge| asked(challenge, 0)).collect());
        four().when(attempt(1, 1)).then_expect_error(SignInCodesError::NotWaiting);
        four().when(attempt(2, 1)).then_expect_events(vec![tried(2, 1, 1)]);
    }

    /// What somebody who knows the password can do, minutes apart.
    #[derive(Clone, Debug)]
    enum Deed {
        Ask,
        AskAgain(usize),
        Try(usize),
        /// The owner signs in between: their success gives an attacker nothing.
        Succeed(usize),
    }

    fn deeds() -> impl Strategy<Value = Vec<(i64, Deed)>> {
        let deed = prop_oneof![
            3 => Just(Deed::Ask),
            1 => (0..3_usize).prop_map(Deed::AskAgain),
            8 => (0..3_usize).prop_map(Deed::Try),
            1 => (0..3_usize).prop_map(Deed::Succeed),
        ];
        prop::collection::vec((0..20_i64, deed), 1..300)
    }

    proptest! {
        /// Whatever is done in whatever order: in no 24 hours do more guesses fail than allowed.
        #[test]
        fn over_all_sign_ins_thirty_guesses_a_day_fail(deeds in deeds()) {
            let (mut codes, mut minute, mut next) = (SignInCodes::default(), 0, 1);
            let mut open: Vec<i64> = Vec::new();
            let mut failures: Vec<i64> = Vec::new();
            for (later, deed) in deeds {
                minute += later;
                let named = |at: usize| open.iter().rev().nth(at).copied().unwrap_or(1);
                let (events, failed) = match deed {
                    Deed::Ask => {
                        let challenge = ChallengeId::new(next);
                        open.push(next);
                        next += 1;
                        (AskCode { challenge, sign_in: details(), now: at(minute) }.decide(&codes), false)
                    }
                    Deed::AskAgain(which) => {
                        let challenge = ChallengeId::new(named(which));
                        (AskCodeAgain { challenge, now: at(minute) }.decide(&codes), false)
                    }
                    Deed::Try(which) => (attempt(named(which), minute).decide(&codes), true),
                    Deed::Succeed(which) => {
                        let challenge = ChallengeId::new(named(which));
                        let now = at(minute);
                        let both = attempt(named(which), minute).decide(&codes).and_then(|tried| {
                            let mut after = codes.clone();
                            tried.iter().for_each(|event| after.apply(event.clone()));
                            let accepted = AcceptCode { challenge, now }.decide(&after)?;
                            Ok([tried, accepted].concat())
                        });
                        (both, false)
                    }
                };
                let Ok(events) = events else { continue };
                if failed {
                    failures.push(minute);
                }
                events.into_iter().for_each(|event| codes.apply(event));
                let day_ago = minute - 24 * 60;
                let recent = failures.iter().filter(|failure| **failure > day_ago).count();
                prop_assert!(recent <= FAILURES_A_DAY, "{recent}");
            }
        }
    }
}
