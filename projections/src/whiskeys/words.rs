//! The words of a text, as casks are found by them: small letters without accents; Chinese, Japanese
//! and Korean, which have no spaces, by every two characters that stand together.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer ones are cut: nobody types them.
const MAX_LENGTH: usize = 40;
/// So many of a text count, for what is stored and for what is asked.
const MAX_WORDS: usize = 200;
/// Years, ages and strengths are no longer.
const SHORT_NUMBER: usize = 4;
const MARKED: char = '=';

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

    /// What is looked for: whoever has the word has it without its ending, too.
    pub fn form(&self) -> &str {
        self.stem.as_deref().unwrap_or(&self.text)
    }

    /// Whether what begins with it is looked for: what begins with one letter is nearly everything.
    pub fn is_beginning(&self) -> bool {
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

/// What a cask is found by.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// As PostgreSQL takes it: each word once, with the most it counts, and marks.
    pub text: String,
    /// What is counted of it, and whether somebody wrote it so.
    pub counted: BTreeMap<String, bool>,
}

impl Document {
    pub fn of(texts: &[Weighted<'_>], marks: &[Mark]) -> Self {
        let (mut document, mut seen) = (Self::default(), HashSet::new());
        for (text, weight) in texts {
            for Word { text, stem } in words(text) {
                document.count(&text, true);
                for form in [Some(text), stem].into_iter().flatten() {
                    if !seen.contains(&form) {
                        document.text.push_str(&format!("{}:1{weight} ", quoted(&form)));
                        document.count(&form, false);
                        seen.insert(form);
                    }
                }
            }
        }
        for mark in marks {
            document.add(mark);
            document.count(&mark.0, false);
        }
        document
    }

    /// A mark that is not counted.
    pub fn add(&mut self, mark: &Mark) {
        self.text.push_str(&mark.question());
        self.text.push(' ');
    }

    /// Numbers of casks are all different: nobody gains by counting them.
    fn count(&mut self, word: &str, written: bool) {
        if is_counted(word) {
            *self.counted.entry(word.to_owned()).or_default() |= written;
        }
    }
}

/// Whether the words of all casks have this one, if any cask has it.
pub(super) fn is_counted(word: &str) -> bool {
    !word.contains(char::is_numeric) || word.starts_with(MARKED) || word.len() <= SHORT_NUMBER
}

/// Something that is filtered by, with its value, as a word. None that is typed begins like this, so
/// nobody finds it by typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub String);

impl Mark {
    pub fn new(kind: &str, value: impl Display) -> Self {
        Self(format!("{MARKED}{kind}={value}"))
    }

    pub fn question(&self) -> String {
        quoted(&self.0)
    }
}

/// A question for what has all of these marks. None if there are none.
pub(super) fn all_marks(marks: &[Mark]) -> Option<String> {
    let marks: Vec<_> = marks.iter().map(Mark::question).collect();
    (!marks.is_empty()).then(|| marks.join(" & "))
}

/// A question for any of these words.
pub(super) fn any_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(quoted).collect();
    format!("({})", words.join(" | "))
}

/// A question for whatever begins like this.
pub(super) fn beginning_with(beginning: &str) -> String {
    format!("{}:*", quoted(beginning))
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
        let question = any_of(typed.iter().map(Word::form));
        assert_eq!(question, "('o' | 'neill' | 'x' | 'y')");
        assert_eq!(beginning_with("ne"), "'ne':*");
        assert_eq!(asked("!!"), []);
        assert_eq!(quoted("a'\\b"), "'a''\\\\b'");
    }

    #[test]
    fn a_word_counts_as_much_as_its_best_place() {
        let document = Document::of(&[("Peat 12", 'A'), ("peat casks", 'D')], &[]);
        assert_eq!(document.text, "'peat':1A '12':1A 'casks':1D 'cask':1D ");
        let written = |(word, written): (&String, &bool)| written.then(|| word.clone());
        let written: Vec<_> = document.counted.iter().filter_map(written).collect();
        assert_eq!(written, ["12", "casks", "peat"]);
        assert!(document.counted.contains_key("cask"));
    }

    #[test]
    fn long_numbers_are_found_and_not_counted() {
        let document = Document::of(&[("C-0001234 2012", 'B')], &[Mark::new("owner", 123_456)]);
        assert_eq!(document.text, "'c':1B '0001234':1B '2012':1B '=owner=123456' ");
        assert_eq!(
            document.counted.into_keys().collect::<Vec<_>>(),
            ["2012", "=owner=123456", "c"]
        );
    }

    #[test]
    fn marks_are_found_by_their_value_and_not_by_typing() {
        let mark = Mark::new("region", "Islay's");
        let document = Document::of(&[], std::slice::from_ref(&mark));
        assert_eq!(document.text, "'=region=Islay''s' ");
        assert!(!document.counted["=region=Islay's"]);
        assert_eq!(all_marks(&[mark]).unwrap(), "'=region=Islay''s'");
        assert_eq!(all_marks(&[]), None);
        let typed: Vec<_> = asked("=region=Islay").into_iter().map(|word| word.text).collect();
        assert_eq!(typed, ["region", "islay"]);
    }
}
