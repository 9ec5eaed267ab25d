//! Any sequence of commands, by anybody: what holds of a cask whatever is tried.

use cqrs_es::Aggregate;
use proptest::prelude::*;

use super::details::Details;
use super::samples::*;
use super::*;
use crate::command::Decision;

/// Three people, one of whom keeps casks.
const PEOPLE: [UserId; 3] = [OWNER, BUYER, JUDGE];

/// Something somebody tries.
#[derive(Clone, Debug)]
struct Try {
    who: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Register(i64),
    Correct(i64),
    Approve,
    Reject,
    Resubmit,
    Revalue,
    Regauge(i64, i64),
    Move,
    Report,
    Offer(usize),
    Withdraw,
    Accept,
    Attach,
    Detach,
    Tokenise,
    Complete,
    SettleTitle(usize),
    GiveUp,
    Retire,
}

fn details_of(volume: i64) -> Details {
    Details { volume: Fixed::from_units(volume), ..details() }
}

impl Try {
    fn command(&self) -> Decision<Whiskey> {
        let user = PEOPLE[self.who];
        let by = Recorder { user, is_keeper: user == JUDGE };
        match &self.what {
            What::Register(volume) => {
                Decision::of(RegisterWhiskey { owner: user, details: details_of(*volume) })
            }
            What::Correct(volume) => {
                Decision::of(CorrectWhiskey { by: user, details: details_of(*volume) })
            }
            What::Approve => Decision::of(ApproveWhiskey { by: user }),
            What::Reject => Decision::of(RejectWhiskey { by: user, reason: "no".into() }),
            What::Resubmit => Decision::of(ResubmitWhiskey { by: user }),
            What::Revalue => Decision::of(RevalueWhiskey { by, value: pounds("1") }),
            What::Regauge(volume, strength) => Decision::of(RegaugeWhiskey {
                by,
                volume: Fixed::from_units(*volume),
                alcohol_content: Fixed::from_units(*strength),
            }),
            What::Move => Decision::of(MoveWhiskey { by, location: elsewhere() }),
            What::Report => Decision::of(ReportCondition { by, condition: "sound".into() }),
            What::Offer(to) => Decision::of(OfferTransfer { by: user, to: PEOPLE[*to] }),
            What::Withdraw => Decision::of(WithdrawTransfer { by: user }),
            What::Accept => Decision::of(AcceptTransfer { by: user }),
            What::Attach => Decision::of(AddAttachment { by, attachment: photograph() }),
            What::Detach => Decision::of(RemoveAttachment { by, file: photograph().file }),
            What::Tokenise => {
                Decision::of(StartTokenisation { by: user, network: "development".into() })
            }
            What::Complete => Decision::of(CompleteTokenisation { network: "development".into() }),
            What::SettleTitle(to) => Decision::of(SettleTitle { by: user, to: PEOPLE[*to] }),
            What::GiveUp => Decision::of(GiveUpTokenisation { network: "development".into() }),
            What::Retire => Decision::of(RetireWhiskey { by, reason: RetireReason::Lost }),
        }
    }
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let volume = 1..30_000_i64;
    let what = prop_oneof![
        1 => volume.clone().prop_map(What::Register),
        1 => volume.clone().prop_map(What::Correct),
        3 => Just(What::Approve),
        1 => Just(What::Reject),
        1 => Just(What::Resubmit),
        1 => Just(What::Revalue),
        2 => (volume, 1..=10_000_i64).prop_map(|(volume, strength)| What::Regauge(volume, strength)),
        1 => Just(What::Move),
        1 => Just(What::Report),
        2 => (0..3_usize).prop_map(What::Offer),
        1 => Just(What::Withdraw),
        2 => Just(What::Accept),
        1 => Just(What::Attach),
        1 => Just(What::Detach),
        1 => Just(What::Tokenise),
        1 => Just(What::Complete),
        2 => (0..3_usize).prop_map(What::SettleTitle),
        1 => Just(What::GiveUp),
        1 => Just(What::Retire),
    ];
    let attempt = (0..3_usize, what).prop_map(|(who, what)| Try { who, what });
    prop::collection::vec(attempt, 1..60)
}

/// Where a cask may go from where it stands.
fn may_follow(from: Stage, to: Stage) -> bool {
    use Stage::*;
    match from {
        Pending => [Approved, Rejected, Retired].contains(&to),
        Rejected => [Pending, Retired].contains(&to),
        Approved => [Tokenising, Retired].contains(&to),
        Tokenising => [Tokenised, Approved].contains(&to),
        Tokenised => to == Retired,
        Retired => false,
    }
}

/// What one command may make of a cask.
fn check(before: &Entry, after: &Entry, tried: &Try, events: &[WhiskeyEvent]) {
    assert!(before.stage == after.stage || may_follow(before.stage, after.stage), "{tried:?}");
    assert!(before.stage != Stage::Retired || events.is_empty(), "{tried:?}");
    let by = PEOPLE[tried.who];
    if let What::SettleTitle(to) = tried.what
        && !events.is_empty()
    {
        assert_eq!((before.stage, after.owner), (Stage::Tokenised, PEOPLE[to]), "{tried:?}");
        assert_ne!(by, after.owner, "{tried:?}");
    } else if after.owner != before.owner {
        assert_eq!((before.offered_to, after.owner), (Some(by), by), "{tried:?}");
        assert_eq!(before.stage, Stage::Approved);
    }
    assert!(after.offered_to.is_none() || after.stage == Stage::Approved, "{tried:?}");
    assert_ne!(after.offered_to, Some(after.owner));
    let corrected = matches!(tried.what, What::Correct(_));
    if !corrected || before.regauged {
        assert!(after.litres_of_alcohol <= before.litres_of_alcohol, "{tried:?}");
    }
    if corrected && !events.is_empty() {
        assert!([Stage::Pending, Stage::Rejected].contains(&before.stage), "{tried:?}");
        assert_eq!(by, before.owner);
    }
    if after.attachments != before.attachments {
        assert!(by == before.owner || by == JUDGE, "{tried:?}");
        assert!(after.attachments.len() <= 1, "attached twice: {tried:?}");
    }
    if matches!(tried.what, What::Approve | What::Reject) && !events.is_empty() {
        assert_ne!(by, before.owner, "{tried:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_tried_a_cask_goes_its_way(tries in tries()) {
        let mut whiskey = Whiskey::default();
        whiskey.apply(registered());
        for tried in tries {
            let before = whiskey.entry().unwrap().clone();
            let Ok(events) = tried.command().decide(&whiskey) else {
                continue;
            };
            events.iter().for_each(|event| whiskey.apply(event.clone()));
            check(&before, whiskey.entry().unwrap(), &tried, &events);
        }
    }
}
