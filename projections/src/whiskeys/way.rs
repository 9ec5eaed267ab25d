//! In which way casks are found that have all of some words and marks: by the index those that have
//! the rarest, and the others by reading; and no further back than it takes to find enough.

use super::slices;

/// Something that is looked for, and how many casks have it, more or less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub question: String,
    /// The same without leaving anything out, which would take the index too long.
    pub exactly: Option<String>,
    pub casks: i64,
}

impl Term {
    pub const fn new(question: String, casks: i64) -> Self {
        Self { question, exactly: None, casks }
    }

    pub fn exactly(&self) -> &str {
        self.exactly.as_deref().unwrap_or(&self.question)
    }
}

/// What the database is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The index leaps from one to the next of what has each; put together, it would look at all of
    /// a slice.
    pub by_index: Vec<String>,
    /// Of what the index gives.
    pub by_reading: Option<String>,
    /// How many of the latest casks are looked through.
    pub reach: i64,
}

/// Among so many found by the index the others are found by reading.
const READ: f64 = 400.0;
/// Words come together more often in some places than in others.
const SPARE: f64 = 1.5;

/// Of casks that have all terms, about so many are there, if the terms have nothing to do with each
/// other.
pub(super) fn expected(terms: &[Term], casks: i64) -> f64 {
    terms.iter().fold(casks as f64, |rest, term| rest * share(term, casks))
}

fn share(term: &Term, casks: i64) -> f64 {
    (term.casks as f64 / casks.max(1) as f64).min(1.0)
}

impl Way {
    /// To `enough` of so many casks.
    pub fn to(terms: &[Term], enough: i64, casks: i64) -> Self {
        let expected = expected(terms, casks);
        let wanted = enough as f64 * SPARE;
        if expected <= wanted {
            return Self::reaching(terms, casks, casks);
        }
        Self::reaching(terms, (casks as f64 * wanted / expected) as i64, casks)
    }

    /// The same, if they were not enough.
    pub fn further(&self, terms: &[Term], casks: i64) -> Option<Self> {
        (self.reach < casks).then(|| Self::reaching(terms, self.reach.saturating_mul(8), casks))
    }

    fn reaching(terms: &[Term], wanted: i64, casks: i64) -> Self {
        let (slices, reach) = slices::latest(wanted, casks);
        let mut rarest_first: Vec<&Term> = terms.iter().collect();
        rarest_first.sort_by_key(|term| term.casks);
        let (mut by_index, mut by_reading) = (Vec::new(), Vec::new());
        let mut left = reach as f64;
        for term in rarest_first {
            if left <= READ && !by_index.is_empty() {
                by_reading.push(term.exactly());
            } else {
                by_index.push(term.question.clone());
            }
            left *= share(term, casks);
        }
        by_index.extend(slices);
        Self {
            by_index,
            by_reading: (!by_reading.is_empty()).then(|| by_reading.join(" & ")),
            reach,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(of: &[(&str, i64)]) -> Vec<Term> {
        let term = |(question, casks): &(&str, i64)| Term::new((*question).to_owned(), *casks);
        of.iter().map(term).collect()
    }

    #[test]
    fn what_is_frequent_is_looked_for_among_the_latest() {
        let smoke = terms(&[("smoke", 300_000)]);
        let way = Way::to(&smoke, 300, 1_000_000);
        assert_eq!(way.by_index, ["smoke", "('=slice=10-975' | '=slice=10-976')"]);
        assert_eq!((&way.by_reading, way.reach), (&None, 1_600));
        let further = way.further(&smoke, 1_000_000).unwrap();
        assert_eq!(further.reach, 1_000_000 - 120 * 8_192);
        assert_eq!(
            further.by_index,
            ["smoke", "('=slice=13-120' | '=slice=13-121' | '=slice=13-122')"]
        );
    }

    #[test]
    fn what_is_seldom_is_looked_for_everywhere_and_only_once() {
        let seldom = terms(&[("dunlochmore", 50)]);
        let way = Way::to(&seldom, 300, 1_000_000);
        assert_eq!((way.by_index[0].as_str(), way.reach), ("dunlochmore", 1_000_000));
        assert_eq!(way.further(&seldom, 1_000_000), None);
    }

    #[test]
    fn the_rarest_are_looked_for_by_the_index_and_the_others_among_them() {
        let asked = terms(&[
            ("macallan", 33_000),
            ("sherry", 230_000),
            ("1987", 18_000),
            ("butt", 230_000),
        ]);
        let way = Way::to(&asked, 300, 1_000_000);
        assert_eq!(way.by_index, ["1987", "macallan", "sherry"]);
        assert_eq!(way.by_reading.as_deref(), Some("butt"));
    }

    #[test]
    fn whoever_wants_nothing_gets_the_latest() {
        let way = Way::to(&[], 300, 1_000_000);
        assert_eq!(way.by_index, ["('=slice=10-976')"]);
        assert_eq!(Way::to(&[], 300, 0).by_index, ["('=slice=10-0')"]);
    }
}
