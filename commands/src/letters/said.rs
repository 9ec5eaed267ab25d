//! What a variable of a letter looks like in its text.

use domain::language::Language;
use domain::moment::Moment;
use time::OffsetDateTime;

/// Something that is said differently in each language, or the same in all.
pub(super) trait Said {
    fn said(&self, language: Language) -> String;
}

impl Said for String {
    /// On one line, whatever it holds: who names their device writes neither our headers nor our
    /// paragraphs.
    fn said(&self, _: Language) -> String {
        let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        self.replace(breaks, " ")
    }
}

impl Said for Moment {
    /// To the minute, and never a minute too late. We do not know where the reader lives, so it is
    /// UTC and says so.
    fn said(&self, language: Language) -> String {
        let Ok(time) = OffsetDateTime::from_unix_timestamp(self.unix_s()) else {
            return format!("{} s (UTC, Unix)", self.unix_s());
        };
        let (year, month, day) = (time.year(), time.month(), time.day());
        let (hour, minute) = (time.hour(), time.minute());
        match language {
            Language::English => format!("{hour:02}:{minute:02} UTC on {day} {month} {year}"),
            Language::TraditionalChinese | Language::SimplifiedChinese => {
                let month = u8::from(month);
                format!("{year}年{month}月{day}日 {hour:02}:{minute:02}（UTC）")
            }
        }
    }
}

/// A value for a test's letter.
#[cfg(test)]
pub(super) trait Sample {
    fn sample(text: &str) -> Self;
}

#[cfg(test)]
impl Sample for String {
    fn sample(text: &str) -> Self {
        text.to_owned()
    }
}

#[cfg(test)]
impl Sample for Moment {
    fn sample(_: &str) -> Self {
        Self::from_unix_ms(1_795_230_000_007)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_readable_in_every_language_and_names_its_zone() {
        let moment = Moment::parse("2026-11-03T04:59:59.999+01:00").unwrap();
        assert_eq!(moment.said(Language::English), "03:59 UTC on 3 November 2026");
        assert_eq!(moment.said(Language::TraditionalChinese), "2026年11月3日 03:59（UTC）");
        assert_eq!(moment.said(Language::SimplifiedChinese), "2026年11月3日 03:59（UTC）");
    }

    #[test]
    fn a_moment_beyond_every_calendar_does_no_harm() {
        assert!(Moment::from_unix_ms(i64::MAX).said(Language::English).contains("UTC"));
    }

    #[test]
    fn text_stays_on_its_line() {
        let text = "a\r\nBcc: b\u{85}c\u{2028}d\u{2029}e\tf".to_owned();
        assert_eq!(text.said(Language::English), "a  Bcc: b c d e f");
    }
}
