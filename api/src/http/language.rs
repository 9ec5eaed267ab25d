//! The language of messages, chosen by `Accept-Language`.

use domain::language::Language;

/// The first language of the header that we write. Weights are rarely out of order in practice and
/// never matter here, where a wrong guess costs a sentence.
pub fn preferred(accept_language: &str) -> Language {
    accept_language
        .split(',')
        .filter_map(|range| Language::named(range.split(';').next()?.trim()))
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_write() {
        assert_eq!(preferred("de, zh-TW;q=0.9, en;q=0.8"), Language::TraditionalChinese);
        assert_eq!(preferred("zh-Hans-CN"), Language::SimplifiedChinese);
        assert_eq!(preferred("zh"), Language::SimplifiedChinese);
        assert_eq!(preferred(""), Language::English);
        assert_eq!(preferred("tlh"), Language::English);
    }
}
