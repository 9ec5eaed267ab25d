//! What a person is called and reached by beside e-mail: username, full name, telephone.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::violation::{Violation, bounded_text};

/// A name to sign in with: 3 to 50 letters of any script, single spaces between words.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text: String = text.nfkc().collect();
        let words_ok = text.split(' ').all(|word| {
            // Marks belong to letters in scripts that write vowels as marks.
            !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || is_mark(c))
        });
        if words_ok && (3..=50).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(Violation::MalformedUsername)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two spellings of one name are equal.
    pub fn comparable(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// What to call a person in a letter.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FullName(String);

impl FullName {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        bounded_text(text, 1, 100).map(|text| Self(text.nfkc().collect()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A telephone number in E.164: a plus and 8 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let compact: String = text.chars().filter(|c| !" -()".contains(*c)).collect();
        let digits = compact.strip_prefix('+').unwrap_or("");
        let well_formed = (8..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed { Ok(Self(compact)) } else { Err(Violation::MalformedPhone) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Username> for String {
    fn from(value: Username) -> Self {
        value.0
    }
}

impl From<FullName> for String {
    fn from(value: FullName) -> Self {
        value.0
    }
}

impl From<Phone> for String {
    fn from(value: Phone) -> Self {
        value.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_letters_of_any_script() {
        for good in ["Moira", "李小龍", "Ana María", "नमस्ते"] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["ab", "a1b", "a_b", " ab", "a  b", "a@b.c", &"x".repeat(51)] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_number_one_spelling() {
        assert_eq!(Phone::parse("+44 (1479) 812-345").unwrap().as_str(), "+441479812345");
        for bad in ["01479812345", "+0123456789", "+44", "+44abc12345"] {
            assert!(Phone::parse(bad).is_err(), "{bad}");
        }
    }
}
