//! The words of a text, as casks are found by them: small letters without accents; Chinese, Japanese
//! and Korean, which have no spaces, by every two characters that stand together.

use std::collections::HashSet;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer ones are cut: nobody types them.
const MAX_LENGTH: usize = 40;
/// So many of a text count, for what is stored and for what is asked.
const MAX_WORDS: usize = 200;

/// A word, and what is left of it without its ending if that is something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub text: String,
    pub stem: Option<String>,
}

impl Word {
    /// Years, ages, cask numbers: another number is not what was meant.
    pub fn has_digit(&self) -> bool {
        self.text.contains(char::is_numeric)
    }

    /// Whether what begins with it is looked for: what begins with one letter is nearly everything.
    fn is_beginning(&self) -> bool {
        let mut characters = self.text.chars();
        characters.next().is_some_and(is_ideographic) || characters.next().is_some()
    }
}

/// The words of a text, in its order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let plain = plain(text);
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found = Vec::new();
    for run in plain.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        for (is_ideographic, part) in parts(run) {
            if is_ideographic {
                found.extend(pairs(&part).into_iter().map(|text| Word { text, stem: None }));
            } else {
                let text: String = part.chars().take(MAX_LENGTH).collect();
                let stem = stemmer.stem(&text).into_owned();
                let stem = Some(stem).filter(|stem| *stem != text);
                found.push(Word { text, stem });
            }
        }
    }
    found.truncate(MAX_WORDS);
    found
}

/// Small letters without accents.
fn plain(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    plain.nfc().collect::<String>().to_lowercase()
}

/// A run of letters and digits, cut where the kind of script changes.
fn parts(run: &str) -> Vec<(bool, String)> {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for c in run.chars() {
        let kind = is_ideographic(c);
        match parts.last_mut() {
            Some((last, text)) if *last == kind => text.push(c),
            Some(_) | None => parts.push((kind, c.to_string())),
        }
    }
    parts
}

/// Scripts that are written without spaces.
fn is_ideographic(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Every two that stand together. The last one alone, too, so that it is found by itself.
fn pairs(run: &str) -> Vec<String> {
    let characters: Vec<char> = run.chars().collect();
    let mut found: Vec<String> = characters.windows(2).map(|pair| pair.iter().collect()).collect();
    found.extend(characters.last().map(char::to_string));
    found
}

/// A text and how much it counts, from A to D.
pub(super) type Weighted<'a> = (&'a str, char);

/// Something that is filtered by, and its value.
pub(super) type Mark<'a> = (&'static str, &'a str);

/// What PostgreSQL takes for a document: each word once, with the most it counts, and marks. Gives
/// also the words that somebody may have meant.
pub(super) fn document(texts: &[Weighted<'_>], marks: &[Mark<'_>]) -> (String, Vec<String>) {
    let mut seen: HashSet<String> = HashSet::new();
    let (mut document, mut meant) = (String::new(), Vec::new());
    for (text, weight) in texts {
        for word in words(text) {
            if !word.has_digit() && !seen.contains(&word.text) {
                meant.push(word.text.clone());
            }
            for form in [Some(word.text), word.stem].into_iter().flatten() {
                if !seen.contains(&form) {
                    document.push_str(&format!("{}:1{weight} ", quoted(&form)));
                    seen.insert(form);
                }
            }
        }
    }
    for mark in marks {
        document.push_str(&format!("{} ", quoted(&written(mark))));
    }
    (document, meant)
}

/// A question for what has all of these marks. None if there are none.
pub(super) fn all_marks(marks: &[Mark<'_>]) -> Option<String> {
    let marks: Vec<_> = marks.iter().map(|mark| quoted(&written(mark))).collect();
    (!marks.is_empty()).then(|| marks.join(" & "))
}

/// No word begins like this, so nobody finds a mark by typing.
fn written((kind, value): &Mark<'_>) -> String {
    format!("={kind}={value}")
}

/// How the last word of a question is taken: nobody knows whether it is typed to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Whole,
    /// As the beginning of others.
    Begun,
}

/// What PostgreSQL takes for a question: all words. None if there is nothing to look for.
pub(super) fn question(asked: &[Word], how: Last) -> Option<String> {
    let last = asked.len().checked_sub(1)?;
    let term = |(index, word): (usize, &Word)| {
        let is_begun = how == Last::Begun && index == last && word.is_beginning();
        let ending = if is_begun { ":*" } else { "" };
        let text = format!("{}{ending}", quoted(&word.text));
        match &word.stem {
            Some(stem) => format!("({text} | {})", quoted(stem)),
            None => text,
        }
    };
    Some(asked.iter().enumerate().map(term).collect::<Vec<_>>().join(" & "))
}

/// A question for any of these words.
pub(super) fn any_of(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    format!("({})", words.join(" | "))
}

/// The words that were asked for. Of a run without spaces the pairs are enough.
pub(super) fn asked(text: &str) -> Vec<Word> {
    let mut asked = words(text);
    let is_single = |word: &Word| {
        let mut characters = word.text.chars();
        characters.next().is_some_and(is_ideographic) && characters.next().is_none()
    };
    if asked.len() > 1 {
        asked.retain(|word| !is_single(word));
    }
    asked
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_small_letters_without_accents() {
        assert_eq!(
            texts("Ardbèg, 10-year OLD (cask №7)"),
            ["ardbeg", "10", "year", "old", "cask", "no7"]
        );
        assert_eq!(texts("  "), Vec::<String>::new());
        assert_eq!(words("casks")[0].stem.as_deref(), Some("cask"));
        assert_eq!(words("cask")[0].stem, None);
    }

    #[test]
    fn what_has_no_spaces_is_cut_into_pairs() {
        assert_eq!(texts("麥卡倫12年"), ["麥卡", "卡倫", "倫", "12", "年"]);
        let of = |text: &str| asked(text).into_iter().map(|word| word.text).collect::<Vec<_>>();
        assert_eq!(of("麥卡倫"), ["麥卡", "卡倫"]);
        assert_eq!(of("倫"), ["倫"]);
    }

    #[test]
    fn nothing_that_is_typed_is_understood_as_anything_else() {
        let typed = asked("o'neill & !(x) | y:* \\ <->");
        let begun = |typed: &[Word]| question(typed, Last::Begun);
        assert_eq!(begun(&typed).unwrap(), "'o' & 'neill' & 'x' & 'y'");
        assert_eq!(begun(&asked("y' ne")).unwrap(), "'y' & 'ne':*");
        assert_eq!(question(&asked("y' ne"), Last::Whole).unwrap(), "'y' & 'ne'");
        assert_eq!(begun(&asked("!!")), None);
        assert_eq!(quoted("a'\\b"), "'a''\\\\b'");
    }

    #[test]
    fn a_word_counts_as_much_as_its_best_place() {
        let (document, meant) = document(&[("Peat 12", 'A'), ("peat smoke", 'D')], &[]);
        assert_eq!(document, "'peat':1A '12':1A 'smoke':1D ");
        assert_eq!(meant, ["peat", "smoke"]);
    }

    #[test]
    fn marks_are_found_by_their_value_and_not_by_typing() {
        let (document, meant) = document(&[], &[("region", "Islay's")]);
        assert_eq!((document.as_str(), meant.len()), ("'=region=Islay''s' ", 0));
        assert_eq!(all_marks(&[("region", "Islay's")]).unwrap(), "'=region=Islay''s'");
        assert_eq!(all_marks(&[]), None);
        let typed = asked("=region=Islay");
        assert_eq!(question(&typed, Last::Whole).unwrap(), "'region' & 'islay'");
    }
}
