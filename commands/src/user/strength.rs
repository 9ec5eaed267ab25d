//! How easily a password is guessed: facts for the rule that judges it.

use zxcvbn::matching::patterns::MatchPattern;

/// What is known of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strength {
    /// From 0, guessed at once, to 4.
    pub score: u8,
    /// One of the thirty thousand that leaked most often, whole, in whatever disguise.
    pub is_common: bool,
}

/// Longer ones are strong, and take long to look at.
const LOOKED_AT: usize = 64;

pub(super) fn estimate(password: &str, own_words: &[&str]) -> Strength {
    let looked_at: String = password.chars().take(LOOKED_AT).collect();
    let entropy = zxcvbn::zxcvbn(&looked_at, own_words);
    let is_common = matches!(entropy.sequence(), [whole] if is_leaked(&whole.pattern));
    Strength { score: u8::from(entropy.score()), is_common }
}

fn is_leaked(pattern: &MatchPattern) -> bool {
    // The type of the name cannot be named outside of the library; how it prints can.
    matches!(
        pattern,
        MatchPattern::Dictionary(found) if format!("{:?}", found.dictionary_name) == "Passwords"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_is_known_in_disguise() {
        for common in ["letmein", "L3tM31n", "Dragon", "trustno1", "sdrowssap"] {
            assert!(estimate(common, &[]).is_common, "{common}");
        }
        let good = estimate("Peat&Smoke1994", &[]);
        assert!(!good.is_common && good.score >= 3, "{good:?}");
        assert!(estimate("Ardcairn1994!", &["Ardcairn"]).score <= 2);
    }

    #[test]
    fn the_longest_one_is_estimated_at_once() {
        let started = std::time::Instant::now();
        for long in ["aA1!".repeat(32), "p@5sw0rdqwerty1990-01-01".repeat(5)] {
            estimate(&long, &["moira.mackenzie@example.com"]);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }
}
