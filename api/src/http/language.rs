//! The languages messages are written in, chosen by `Accept-Language`.

/// A language we write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    TraditionalChinese,
    SimplifiedChinese,
}

impl Language {
    /// The first language of the header that we write. Weights are rarely out of order in practice
    /// and never matter here, where a wrong guess costs a sentence.
    pub fn of(accept_language: &str) -> Self {
        accept_language
            .split(',')
            .filter_map(|range| Self::named(range.split(';').next()?.trim()))
            .next()
            .unwrap_or_default()
    }

    fn named(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let mut parts = tag.split('-');
        match parts.next()? {
            "en" => Some(Self::English),
            "zh" => {
                let traditional = parts.any(|part| matches!(part, "hant" | "tw" | "hk" | "mo"));
                Some(if traditional { Self::TraditionalChinese } else { Self::SimplifiedChinese })
            }
            _ => None,
        }
    }

    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::TraditionalChinese => "zh-Hant",
            Self::SimplifiedChinese => "zh-Hans",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_write() {
        assert_eq!(Language::of("de, zh-TW;q=0.9, en;q=0.8"), Language::TraditionalChinese);
        assert_eq!(Language::of("zh-Hans-CN"), Language::SimplifiedChinese);
        assert_eq!(Language::of("zh"), Language::SimplifiedChinese);
        assert_eq!(Language::of(""), Language::English);
        assert_eq!(Language::of("tlh"), Language::English);
    }
}
