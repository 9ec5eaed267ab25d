//! The password policy: a pure judgement over a candidate and what is known of its owner.

use crate::violation::Violation;

pub const MIN_LENGTH: usize = 8;
pub const MAX_LENGTH: usize = 128;
pub const FORBIDDEN: [&str; 4] = ["password", "123456", "qwerty", "admin"];

/// Judges a candidate. `own_words` are the owner's e-mail and names, none of which may stand in it.
pub fn judge(candidate: &str, own_words: &[&str]) -> Result<(), Violation> {
    let length = candidate.chars().count();
    if length < MIN_LENGTH {
        return Err(Violation::TooShort(MIN_LENGTH));
    }
    if length > MAX_LENGTH {
        return Err(Violation::TooLong(MAX_LENGTH));
    }
    if candidate.chars().any(char::is_control) {
        return Err(Violation::ControlCharacter);
    }
    let has = |kind: fn(char) -> bool| candidate.chars().any(kind);
    let special = |c: char| !c.is_alphanumeric();
    if !(has(char::is_uppercase)
        && has(char::is_lowercase)
        && has(char::is_numeric)
        && has(special))
    {
        return Err(Violation::WeakPassword(
            "it needs an upper case letter, a lower case letter, a digit and another character",
        ));
    }
    let lower = candidate.to_lowercase();
    if FORBIDDEN.iter().any(|word| lower.contains(word)) {
        return Err(Violation::WeakPassword("it contains one of the words everybody tries first"));
    }
    if own_words.iter().flat_map(|words| parts(words)).any(|part| lower.contains(&part)) {
        return Err(Violation::WeakPassword("it contains your own e-mail address or name"));
    }
    Ok(())
}

/// The parts of an address or name that are long enough to be guessed from.
fn parts(words: &str) -> Vec<String> {
    words
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| part.chars().count() >= 4)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy() {
        let own = ["moira.mac@example.com", "Moira MacKenzie"];
        assert_eq!(judge("Peat&Smoke1994", &own), Ok(()));
        for bad in [
            "Sh0rt!",
            "alllower1!",
            "ALLUPPER1!",
            "NoDigits!!",
            "NoSpecial11",
            "Password1!x",
            "xX1!QwErTyzz",
            "Mackenzie#99",
            "1!aMOIRAzzz",
            &"aA1!".repeat(33),
            "Tab\tInside1!",
        ] {
            assert!(judge(bad, &own).is_err(), "{bad}");
        }
    }
}
