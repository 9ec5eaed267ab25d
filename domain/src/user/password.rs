//! The judgement of a password: pure, over a candidate and what is known of it and of its owner.

use crate::tenant::PasswordPolicy;
use crate::tenant::password_policy::LENGTHS;
use crate::violation::Violation;

pub const FORBIDDEN: [&str; 4] = ["password", "123456", "qwerty", "admin"];

/// A password somebody wants.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    pub text: &'a str,
    /// The owner's e-mail and names, none of which may stand in it.
    pub own_words: &'a [&'a str],
    /// As estimated, from 0 to 4.
    pub strength: u8,
    /// It is one of those that leaked most often, or one of them in disguise.
    pub is_common: bool,
}

/// What holds whatever a tenant wants.
pub fn acceptable(text: &str) -> Result<(), Violation> {
    let length = text.chars().count();
    if length < *LENGTHS.start() {
        return Err(Violation::TooShort(*LENGTHS.start()));
    }
    if length > *LENGTHS.end() {
        return Err(Violation::TooLong(*LENGTHS.end()));
    }
    if text.chars().any(char::is_control) {
        return Err(Violation::ControlCharacter);
    }
    Ok(())
}

/// Judges a candidate by what its tenant wants.
pub fn judge(policy: &PasswordPolicy, candidate: Candidate<'_>) -> Result<(), Violation> {
    let text = candidate.text;
    acceptable(text)?;
    if text.chars().count() < policy.min_length {
        return Err(Violation::TooShort(policy.min_length));
    }
    let has = |kind: fn(char) -> bool| text.chars().any(kind);
    for (wanted, there, lack) in [
        (policy.upper_case, has(char::is_uppercase), "it needs an upper case letter"),
        (policy.lower_case, has(char::is_lowercase), "it needs a lower case letter"),
        (policy.digit, has(char::is_numeric), "it needs a digit"),
        (
            policy.special_character,
            has(|c| !c.is_alphanumeric()),
            "it needs a character that is neither letter nor digit",
        ),
    ] {
        if wanted && !there {
            return Err(Violation::WeakPassword(lack));
        }
    }
    let lower = text.to_lowercase();
    if FORBIDDEN.iter().any(|word| lower.contains(word)) {
        return Err(Violation::WeakPassword("it contains one of the words everybody tries first"));
    }
    if candidate.own_words.iter().flat_map(|words| parts(words)).any(|part| lower.contains(&part)) {
        return Err(Violation::WeakPassword("it contains your own e-mail address or name"));
    }
    if candidate.is_common {
        return Err(Violation::WeakPassword("it is one of the passwords that leaked most often"));
    }
    if candidate.strength < policy.min_strength {
        return Err(Violation::WeakPassword("it is easy to guess"));
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

    const OWN: [&str; 2] = ["moira.mac@example.com", "Moira MacKenzie"];

    fn candidate(text: &str) -> Candidate<'_> {
        Candidate { text, own_words: &OWN, strength: 4, is_common: false }
    }

    #[test]
    fn the_policy_unless_a_tenant_has_another() {
        let policy = PasswordPolicy::default();
        assert_eq!(judge(&policy, candidate("Peat&Smoke1994")), Ok(()));
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
            assert!(judge(&policy, candidate(bad)).is_err(), "{bad}");
        }
        let good = candidate("Peat&Smoke1994");
        assert!(judge(&policy, Candidate { strength: 1, ..good }).is_err());
        assert!(judge(&policy, Candidate { is_common: true, ..good }).is_err());
    }

    #[test]
    fn a_tenant_may_ask_for_length_alone() {
        let policy = PasswordPolicy {
            min_length: 15,
            upper_case: false,
            lower_case: false,
            digit: false,
            special_character: false,
            ..PasswordPolicy::default()
        };
        assert_eq!(judge(&policy, candidate("peat smoke and brine")), Ok(()));
        assert_eq!(judge(&policy, candidate("peat smoke")), Err(Violation::TooShort(15)));
    }
}
