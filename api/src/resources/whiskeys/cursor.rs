//! Where a page of the catalogue ended, as text that only fits the list it was made for.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::WhiskeyId;
use domain::permission::Actor;
use domain::violation::Violation;
use projections::whiskeys::{After, COUNTED, Filter, Order};
use serde::{Deserialize, Serialize};

use crate::http::problem::Problem;

/// A name is the longest that can stand in one.
const MAX_LENGTH: usize = 4_096;

/// A list: filters and order, by a digest.
pub(super) struct List<'a> {
    order: &'a Order,
    digest: String,
}

/// Where to read on, and how many there were when the first page was read.
pub(super) struct Cursor {
    pub after: After,
    pub total: i64,
}

#[derive(Serialize, Deserialize)]
struct Written {
    list: String,
    total: i64,
    whiskey: WhiskeyId,
    values: Vec<Option<String>>,
}

impl<'a> List<'a> {
    pub fn of(actor: &Actor, filter: &Filter, order: &'a Order) -> Self {
        let named = format!("{} {filter:?} {order:?}", actor.tenant());
        let whole = digest(&SHA256, named.as_bytes());
        // Enough to tell lists apart; nothing is secret about it.
        let digest = URL_SAFE_NO_PAD.encode(whole.as_ref().get(..9).unwrap_or_default());
        Self { order, digest }
    }

    pub fn cursor(&self, place: After, total: i64) -> String {
        let After { whiskey, values } = place;
        let written = Written { list: self.digest.clone(), total, whiskey, values };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
    }

    /// A cursor of this list. It says where the page is, so a number cannot say it as well.
    pub fn read(&self, text: &str, is_numbered: bool) -> Result<Cursor, Problem> {
        if is_numbered {
            let violation = Violation::WrongType("left out where there is a cursor");
            return Err(Problem::invalid_field("page", violation));
        }
        let violation = Violation::WrongType("a nextCursor of the same filters and order");
        self.parse(text).ok_or_else(|| Problem::invalid_field("cursor", violation))
    }

    fn parse(&self, text: &str) -> Option<Cursor> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let Written { list, total, whiskey, values } = serde_json::from_slice(&bytes).ok()?;
        let after = After { whiskey, values };
        let fits = list == self.digest && (0..=COUNTED).contains(&total) && self.order.has(&after);
        fits.then_some(Cursor { after, total })
    }
}

#[cfg(test)]
mod tests {
    use domain::id::TenantId;
    use projections::whiskeys::{Sort, SortKey};

    use super::*;

    #[test]
    fn a_cursor_is_of_its_own_list_and_whole() {
        let nobody = Actor::Anonymous { tenant: TenantId::PLATFORM };
        let by_age = Order::of(&[Sort { key: SortKey::Age, descending: true }]);
        let filter = Filter::default();
        let list = List::of(&nobody, &filter, &by_age);
        let place = |value: &str| After {
            whiskey: WhiskeyId::new(7),
            values: vec![Some(value.to_owned())],
        };
        let text = list.cursor(place("12"), 5);
        let read = list.parse(&text).unwrap();
        assert_eq!((read.after, read.total), (place("12"), 5));
        assert!(list.parse(&list.cursor(place("old"), 5)).is_none());
        assert!(list.parse(&list.cursor(place("12"), COUNTED + 1)).is_none());
        let islay = Filter { region: Some("Islay".to_owned()), ..Filter::default() };
        let newest = Order::of(&[]);
        let elsewhere = Actor::Anonymous { tenant: TenantId::new(2) };
        assert!(List::of(&nobody, &islay, &by_age).parse(&text).is_none());
        assert!(List::of(&nobody, &filter, &newest).parse(&text).is_none());
        assert!(List::of(&elsewhere, &filter, &by_age).parse(&text).is_none());
        for end in 0..text.len() {
            assert!(list.parse(&text[..end]).is_none(), "{end}");
        }
        for broken in ["", "*", "bnVsbA", "e30", "W10", &"A".repeat(5_000)] {
            assert!(list.parse(broken).is_none(), "{broken}");
        }
    }
}
