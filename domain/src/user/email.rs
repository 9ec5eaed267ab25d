//! E-mail addresses: NFKC-normalised, compared without case.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::violation::Violation;

/// An address as its owner writes it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

const MAX_CHARS: usize = 255;

impl Email {
    /// Accepts what mail can be sent to and nothing that needs quoting: one `@`, a dotted domain,
    /// no white space, no control characters.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text: String = text.trim().nfkc().collect();
        if text.chars().count() > MAX_CHARS {
            return Err(Violation::TooLong(MAX_CHARS));
        }
        let well_formed = text.split_once('@').is_some_and(|(local, domain)| {
            let local_ok = !local.is_empty() && local.chars().count() <= 64 && is_dotted(local);
            local_ok && domain.contains('.') && is_dotted(domain) && domain.split('.').all(is_label)
        });
        if well_formed { Ok(Self(text)) } else { Err(Violation::MalformedEmail) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two spellings of one address are equal.
    pub fn comparable(&self) -> String {
        self.0.to_lowercase()
    }
}

fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.chars().all(is_atom))
}

fn is_atom(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn is_label(label: &str) -> bool {
    let plain = label.chars().all(|c| c.is_alphanumeric() || c == '-');
    plain && label.chars().count() <= 63 && !label.starts_with('-') && !label.ends_with('-')
}

impl From<Email> for String {
    fn from(value: Email) -> Self {
        value.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_equal() {
        let wide = Email::parse("Ｍoira@Example.COM").unwrap();
        assert_eq!(wide.as_str(), "Moira@Example.COM");
        assert_eq!(wide.comparable(), Email::parse(" moira@example.com ").unwrap().comparable());
    }

    #[test]
    fn refuses_what_mail_cannot_be_sent_to() {
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.de",
            "a@b@c.de",
            "a..b@c.de",
            ".a@c.de",
            "a@-c.de",
            "a@c-.de",
            "a@c..de",
            "a\u{0}@c.de",
            "a@c.de\nbcc: d@e.fg",
            "\"a\"@c.de",
        ] {
            assert_eq!(Email::parse(bad), Err(Violation::MalformedEmail), "{bad:?}");
        }
        let long = format!("{}@{}.example", "a".repeat(60), "b.".repeat(120));
        assert_eq!(Email::parse(&long), Err(Violation::TooLong(255)));
    }

    impl std::fmt::Debug for Email {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.0)
        }
    }
}
