//! What is known of the words that were typed before any cask is looked for: how many casks have
//! each, what begins with the last one, and what is like those that nobody has.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::way::Term;
use super::words::{Mark, Word, any_of, beginning_with, is_counted};
use crate::reading::ReadError;

/// How many words that look alike are tried for one that nothing has.
const ALIKE: i64 = 3;
/// What begins with a word and is had by no more casks is looked for by the beginning itself.
const FEW: i64 = 1_200;
/// Else by the most frequent of the words that begin so, until they are had by so many.
const MANY: i64 = 600;
/// And by no more words than these.
const MOST_WORDS: i64 = 64;

/// What is known of some words and marks.
pub(super) struct Dictionary {
    /// How many casks there are.
    pub casks: i64,
    known: HashMap<String, i64>,
    /// Words that begin with the last one, the most frequent first.
    begun: Vec<(String, i64)>,
    /// How many casks have any of them, and those there was no room for.
    all_begun: i64,
}

/// A word that was typed, as casks may have it.
pub(super) enum Found {
    As(Term),
    Nowhere,
}

impl Dictionary {
    /// All by one question.
    pub async fn look_up(
        connection: &mut PgConnection,
        words: &[Word],
        marks: &[Vec<Mark>],
    ) -> Result<Self, ReadError> {
        let marks = marks.iter().flatten().map(|mark| mark.0.as_str());
        let wanted: Vec<&str> = words.iter().map(Word::form).chain(marks).collect();
        let beginning = words.last().filter(|word| word.is_beginning());
        let sql = format!("{KNOWN}{}", if beginning.is_some() { BEGUN } else { "" });
        let mut query = sqlx::query_as(&sql).bind(wanted);
        if let Some(Word { text, .. }) = beginning {
            // Behind everything that begins with the word.
            query = query.bind(text).bind(format!("{text}{}", char::MAX)).bind(MOST_WORDS);
        }
        let rows: Vec<(i16, String, i64, i64)> = query.fetch_all(connection).await?;
        let mut dictionary =
            Self { casks: 0, known: HashMap::new(), begun: Vec::new(), all_begun: 0 };
        for (kind, word, casks, all) in rows {
            match kind {
                0 => dictionary.casks = casks,
                1 => drop(dictionary.known.insert(word, casks)),
                _ => {
                    dictionary.begun.push((word, casks));
                    dictionary.all_begun = all;
                }
            }
        }
        Ok(dictionary)
    }

    /// A word that was typed to its end.
    pub fn whole(&self, word: &Word) -> Found {
        let form = word.form();
        match self.known.get(form) {
            Some(casks) => Found::As(Term::new(any_of([form].into_iter()), *casks)),
            // A long number.
            None if !is_counted(form) => Found::As(Term::new(any_of([form].into_iter()), 1)),
            None => Found::Nowhere,
        }
    }

    /// The last word, of which nobody knows whether it is typed to its end. If nothing else is
    /// looked for, some of the words that begin so will do.
    pub fn begun(&self, word: &Word, is_alone: bool) -> Found {
        let whole = self.known.get(word.form()).copied();
        let form = whole.map(|_| word.form());
        // Numbers of casks are not among the words that are counted.
        let is_uncounted = self.begun.is_empty() && word.has_digit() && word.is_beginning();
        if self.begun.is_empty() && !is_uncounted {
            return self.whole(word);
        }
        let casks = whole.unwrap_or_default() + self.all_begun.max(1);
        let forms = form.map(|form| any_of([form].into_iter())).into_iter();
        let exactly: Vec<_> = forms.chain([beginning_with(&word.text)]).collect();
        let exactly = format!("({})", exactly.join(" | "));
        if self.all_begun <= FEW {
            return Found::As(Term::new(exactly, casks));
        }
        let (mut likely, mut had) =
            (form.into_iter().collect::<Vec<_>>(), whole.unwrap_or_default());
        for (begun, casks) in &self.begun {
            if is_alone && had >= MANY {
                break;
            }
            likely.push(begun);
            had += casks;
        }
        let likely = any_of(likely.into_iter());
        Found::As(Term { question: likely, exactly: Some(exactly), casks: had })
    }

    /// What a cask has that has one of these marks; none, if no cask has.
    pub fn marked(&self, marks: &[Mark]) -> Option<Term> {
        let casks: i64 = marks.iter().filter_map(|mark| self.known.get(&mark.0)).sum();
        let question = any_of(marks.iter().map(|mark| mark.0.as_str()));
        (casks > 0).then(|| Term::new(question, casks))
    }
}

const KNOWN: &str = "select 0::smallint, '', casks, 0::bigint from read_whiskeys.cellar_of_tenant
    union all select 1::smallint, word, casks, 0 from read_whiskeys.words_of_tenant
        where word = any($1) and casks > 0";
const BEGUN: &str = " union all (
        select 2::smallint, word, casks, sum(casks) over ()::bigint
          from read_whiskeys.words_of_tenant where word >= $2 and word < $3 and written and casks > 0
         order by casks desc, word limit $4)";

/// Words that somebody wrote and that look like one that nobody did, the most alike first.
pub(super) async fn alike(
    connection: &mut PgConnection,
    word: &Word,
) -> Result<Option<(String, Term)>, ReadError> {
    // Other numbers are not what was meant.
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select word, casks from read_whiskeys.words_of_tenant
          where written and casks > 0 and word operator(public.%) $1 and word !~ '[0-9]'
          order by word operator(public.<->) $1, word limit $2",
    )
    .bind(&word.text)
    .bind(ALIKE)
    .fetch_all(connection)
    .await?;
    let question = any_of(rows.iter().map(|(word, _)| word.as_str()));
    let casks = rows.iter().map(|(_, casks)| casks).sum();
    Ok(rows.into_iter().next().map(|(best, _)| (best, Term::new(question, casks))))
}
