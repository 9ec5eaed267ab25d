//! The words of a text, as casks are found by them: small letters without accents; Chinese, Japanese
//! and Korean, which have no spaces, by every two characters that stand together.

use std::collections::BTreeSet;

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

/// The words of a text, in its order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let plain: String = plain.nfc().collect::<String>().to_lowercase();
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

/// What PostgreSQL takes for a document: each word once, with the most it counts.
pub(super) fn document(texts: &[Weighted<'_>]) -> String {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut document = String::new();
    for (text, weight) in texts {
        for word in words(text) {
            for form in [Some(word.text), word.stem].into_iter().flatten() {
                if seen.insert(form.clone()) {
                    document.push_str(&format!("{}:1{weight} ", quoted(&form)));
                }
            }
        }
    }
    document
}

/// What PostgreSQL takes for a question: all words, the last one as the beginning of one. None if
/// there is nothing to look for.
pub(super) fn question(asked: &[Word]) -> Option<String> {
    let last = asked.len().checked_sub(1)?;
    let term = |(index, word): (usize, &Word)| {
        let ending = if index == last { ":*" } else { "" };
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
        assert_eq!(question(&typed).unwrap(), "'o' & 'neill' & 'x' & 'y':*");
        assert_eq!(question(&asked("!!")), None);
        assert_eq!(quoted("a'\\b"), "'a''\\\\b'");
    }

    #[test]
    fn a_word_counts_as_much_as_its_best_place() {
        let document = document(&[("Peat", 'A'), ("peat smoke", 'D')]);
        assert_eq!(document, "'peat':1A 'smoke':1D ");
    }
}
