//! How much of a body is asked for, by RFC 9110: all, a part, or nothing because the caller has it.

use std::ops::Range;

use poem::http::{HeaderMap, HeaderName, header};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Portion {
    Whole,
    Part(Range<u64>),
    /// The caller has it already.
    Unchanged,
    /// There is no such part.
    Nowhere,
}

/// What these headers want of a body with this tag and size. One range is understood; of several, all
/// is sent.
pub fn portion(headers: &HeaderMap, tag: &str, size: u64) -> Portion {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let known = |tags: &str| {
        tags.split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    };
    if value(header::IF_NONE_MATCH).is_some_and(known) {
        return Portion::Unchanged;
    }
    // A part of something else is of no use.
    let same = value(header::IF_RANGE).is_none_or(|other| other.trim() == tag);
    let range = value(header::RANGE).filter(|_| same);
    match range.and_then(|range| range.trim().strip_prefix("bytes=")) {
        Some(range) => part(range, size),
        None => Portion::Whole,
    }
}

/// What cannot be understood is ignored, as if nothing had been said.
fn part(range: &str, size: u64) -> Portion {
    let Some((first, last)) = range.split_once('-') else {
        return Portion::Whole;
    };
    let wanted = match (first.trim(), last.trim()) {
        // The last so many.
        ("", last) => number(last).map(|length| size.saturating_sub(length)..size),
        (first, "") => number(first).map(|first| first..size),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                Some(first..size.min(last.saturating_add(1)))
            }
            _ => None,
        },
    };
    match wanted {
        Some(wanted) if wanted.is_empty() => Portion::Nowhere,
        Some(wanted) => Portion::Part(wanted),
        None => Portion::Whole,
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(HeaderName, &str)]) -> Portion {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        portion(&headers.collect(), "\"ab\"", 1_000)
    }

    #[test]
    fn a_range_is_what_the_standard_says() {
        let ranges = [
            ("bytes=0-99", Portion::Part(0..100)),
            ("bytes=9-9", Portion::Part(9..10)),
            ("bytes=900-", Portion::Part(900..1_000)),
            ("bytes=-1", Portion::Part(999..1_000)),
            ("bytes=-5000", Portion::Part(0..1_000)),
            ("bytes=990-5000", Portion::Part(990..1_000)),
            ("bytes=1000-", Portion::Nowhere),
            ("bytes=-0", Portion::Nowhere),
            ("bytes=5-4", Portion::Whole),
            ("bytes=0-1,5-6", Portion::Whole),
            ("bytes=-", Portion::Whole),
            ("bytes=", Portion::Whole),
            ("bytes=x-y", Portion::Whole),
            ("bytes=+1-2", Portion::Whole),
            ("bytes=1-2-3", Portion::Whole),
            ("bytes=-18446744073709551616", Portion::Whole),
            ("lines=1-2", Portion::Whole),
        ];
        for (range, wanted) in ranges {
            assert_eq!(asked(&[(header::RANGE, range)]), wanted, "{range}");
        }
        let headers = [(header::RANGE, "bytes=0-".parse().unwrap())].into_iter().collect();
        assert_eq!(portion(&headers, "\"ab\"", 0), Portion::Nowhere);
    }

    #[test]
    fn a_part_is_only_of_the_same_bytes() {
        let part = (header::RANGE, "bytes=0-9");
        let same = asked(&[part.clone(), (header::IF_RANGE, "\"ab\"")]);
        assert_eq!(same, Portion::Part(0..10));
        for other in ["\"cd\"", "Sat, 21 Nov 2026 17:00:00 GMT"] {
            assert_eq!(asked(&[part.clone(), (header::IF_RANGE, other)]), Portion::Whole);
        }
    }

    #[test]
    fn whoever_has_it_says_so_in_one_of_many_ways() {
        for known in ["\"ab\"", "W/\"ab\"", "\"cd\", \"ab\"", "*"] {
            assert_eq!(asked(&[(header::IF_NONE_MATCH, known)]), Portion::Unchanged, "{known}");
        }
        for other in ["\"cd\"", "ab", "\"ab.raw\"", ""] {
            assert_eq!(asked(&[(header::IF_NONE_MATCH, other)]), Portion::Whole, "{other}");
        }
    }
}
