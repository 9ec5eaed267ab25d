//! How far back a search looks: the casks of a tenant are numbered as they come, and each has marks
//! for the slices its number lies in, so that the index can be asked for the latest alone.

use super::words::{Mark, any_of};

/// How many casks a slice has, as a power of two.
const SIZES: [u32; 3] = [10, 13, 16];
/// More slices than this are more work than they save.
const MOST: i64 = 8;

/// The marks of a cask.
pub(super) fn of(number: i64) -> impl Iterator<Item = Mark> {
    SIZES.into_iter().map(move |size| slice(size, number >> size))
}

fn slice(size: u32, at: i64) -> Mark {
    Mark::new("slice", format_args!("{size}-{at}"))
}

/// A question for at least the latest `wanted` of so many casks, and how many it asks for. All of
/// them without any question, if that is too many.
pub(super) fn latest(wanted: i64, casks: i64) -> (Option<String>, i64) {
    let last = casks.max(1) - 1;
    let first = (casks - wanted).max(0);
    let fits = |size: &u32| (last >> size) - (first >> size) < MOST;
    let Some(size) = SIZES.into_iter().find(fits) else {
        return (None, casks);
    };
    let marks: Vec<_> = (first >> size..=last >> size).map(|at| slice(size, at).0).collect();
    let question = any_of(marks.iter().map(String::as_str));
    (Some(question), casks - (first >> size << size))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_latest_are_asked_for_by_as_few_slices_as_will_do() {
        assert_eq!(latest(300, 5), (Some("('=slice=10-0')".to_owned()), 5));
        let two = "('=slice=10-1' | '=slice=10-2')".to_owned();
        assert_eq!(latest(1_000, 2_100), (Some(two), 1_076));
        let (question, casks) = latest(9_000, 1_000_000);
        assert_eq!(question.unwrap(), "('=slice=13-120' | '=slice=13-121' | '=slice=13-122')");
        assert_eq!(casks, 1_000_000 - 120 * 8_192);
        assert_eq!(latest(900_000, 1_000_000), (None, 1_000_000));
    }

    proptest! {
        #[test]
        fn whoever_is_asked_for_has_a_mark_of_the_question(
            casks in 1_i64..2_000_000, wanted in 1_i64..2_000_000, back in 0_i64..2_000_000,
        ) {
            let (question, asked) = latest(wanted, casks);
            prop_assert!(asked >= wanted.min(casks));
            let number = casks - 1 - back % casks;
            if let Some(question) = question {
                let is_asked = of(number).any(|mark| question.contains(&mark.question()));
                prop_assert_eq!(is_asked, casks - number <= asked);
            }
        }
    }
}
