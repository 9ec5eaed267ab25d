//! The texts of letters: read once, put together with what a letter brings along.

use std::sync::LazyLock;

use domain::language::Language;
use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;

use super::letter::Letter;

/// A letter as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// One line.
    pub subject: String,
    pub body: String,
}

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::English));
static TRADITIONAL: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::TraditionalChinese));
static SIMPLIFIED: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::SimplifiedChinese));

const SUBJECT: &str = "subject";

/// Puts a letter into words.
pub fn written(language: Language, letter: &Letter) -> Written {
    let bundle: &Bundle = match language {
        Language::English => &ENGLISH,
        Language::TraditionalChinese => &TRADITIONAL,
        Language::SimplifiedChinese => &SIMPLIFIED,
    };
    let variables = letter.variables(language);
    let message = bundle.get_message(letter.id());
    let subject = message.as_ref().and_then(|message| message.get_attribute(SUBJECT));
    let subject = subject.map(|attribute| attribute.value());
    let body = message.as_ref().and_then(|message| message.value());
    // The files are part of the program, and a test reads all of them: no text is missing, and
    // there is nothing in it that cannot be resolved.
    let [subject, body] = [subject, body].map(|pattern| {
        let text = |pattern| bundle.format_pattern(pattern, Some(&variables), &mut Vec::new());
        pattern.map(|pattern| text(pattern).into_owned()).unwrap_or_default()
    });
    Written { subject, body }
}

const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("en.ftl"),
        Language::TraditionalChinese => include_str!("zh-Hant.ftl"),
        Language::SimplifiedChinese => include_str!("zh-Hans.ftl"),
    }
}

fn bundle(language: Language) -> Bundle {
    let resource = FluentResource::try_new(source(language).to_owned());
    let mut bundle = Bundle::new_concurrent(language.tag().parse().into_iter().collect());
    // The marks would be copied together with links and codes.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource.unwrap_or_else(|(readable, _)| readable));
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

    use super::*;

    /// What a letter's text has: its parts, and the variables in them.
    type Shape = (BTreeSet<String>, BTreeSet<String>);

    const BODY: &str = "body";

    fn shapes_of_texts(language: Language) -> BTreeMap<String, Shape> {
        let resource = fluent_syntax::parser::parse(source(language)).unwrap();
        let mut shapes = BTreeMap::new();
        for entry in &resource.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::ResourceComment(_) | Entry::GroupComment(_) | Entry::Comment(_) => continue,
                Entry::Term(_) | Entry::Junk { .. } => panic!("not a letter: {entry:?}"),
            };
            let attributes = message.attributes.iter().map(|part| (part.id.name, &part.value));
            let body = message.value.iter().map(|value| (BODY, value));
            let (mut parts, mut variables) = Shape::default();
            for (part, pattern) in attributes.chain(body) {
                assert!(parts.insert(part.to_owned()), "{}: two of {part}", message.id.name);
                in_pattern(pattern, &mut variables);
            }
            let before = shapes.insert(message.id.name.to_owned(), (parts, variables));
            assert!(before.is_none(), "two texts for {}", message.id.name);
        }
        shapes
    }

    fn in_pattern(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                in_expression(expression, variables);
            }
        }
    }

    fn in_expression(expression: &Expression<&str>, variables: &mut BTreeSet<String>) {
        match expression {
            Expression::Inline(inline) => in_inline(inline, variables),
            Expression::Select { selector, variants } => {
                in_inline(selector, variables);
                variants.iter().for_each(|variant| in_pattern(&variant.value, variables));
            }
        }
    }

    fn in_inline(inline: &InlineExpression<&str>, variables: &mut BTreeSet<String>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                variables.insert(id.name.to_owned());
            }
            InlineExpression::Placeable { expression } => in_expression(expression, variables),
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            // Nothing defines these; a text that wants them has to be counted here first.
            InlineExpression::FunctionReference { .. }
            | InlineExpression::MessageReference { .. }
            | InlineExpression::TermReference { .. } => panic!("not expected: {inline:?}"),
        }
    }

    fn shapes_of_letters(language: Language) -> BTreeMap<String, Shape> {
        let parts: BTreeSet<_> = [SUBJECT, BODY].map(str::to_owned).into();
        let shape = |letter: &Letter| {
            let variables = letter.variables(language);
            let names = variables.iter().map(|(name, _)| name.to_owned()).collect();
            (letter.id().to_owned(), (parts.clone(), names))
        };
        Letter::samples("").iter().map(shape).collect()
    }

    #[test]
    fn every_letter_has_its_text_and_its_variables_in_every_language_and_no_others() {
        for language in Language::ALL {
            assert_eq!(shapes_of_texts(language), shapes_of_letters(language), "{language:?}");
        }
    }

    #[test]
    fn nothing_in_a_letter_is_empty_or_left_unresolved() {
        for language in Language::ALL {
            for letter in Letter::samples("KJ7-Q2") {
                let Written { subject, body } = written(language, &letter);
                for text in [&subject, &body] {
                    assert!(!text.trim().is_empty(), "{language:?} {}", letter.id());
                    assert!(!text.contains(['{', '}', '$']), "{language:?}: {text}");
                    assert!(!text.contains(['\u{2068}', '\u{2069}']), "{language:?}: {text}");
                }
                assert!(!subject.contains(char::is_control), "{language:?}: {subject}");
                for (name, value) in letter.variables(language).iter() {
                    let fluent_bundle::FluentValue::String(value) = value else {
                        panic!("{name} is not text")
                    };
                    assert!(body.contains(&**value), "{language:?} {}: {name}", letter.id());
                }
            }
        }
    }

    #[test]
    fn what_people_chose_is_repeated_and_not_understood() {
        let device = "{ $code } { -term } { \"x\" } <b>\\u0041 .subject = mine";
        let address = "203.0.113.7".to_owned();
        let at = domain::moment::Moment::from_unix_ms(0);
        for language in Language::ALL {
            let device = device.to_owned();
            let letter = Letter::NewDevice { device, address: address.clone(), at };
            let body = written(language, &letter).body;
            assert!(body.contains("{ $code } { -term } { \"x\" } <b>\\u0041 .subject = mine"));
        }
    }

    #[test]
    fn no_variable_adds_a_line_to_a_letter_or_a_header_to_its_mail() {
        for language in Language::ALL {
            let harmless = Letter::samples("x");
            for (letter, harmless) in Letter::samples("x\r\nBcc: y\r\n\r\nz").iter().zip(&harmless)
            {
                let (letter, harmless) = (written(language, letter), written(language, harmless));
                assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
                assert_eq!(letter.body.lines().count(), harmless.body.lines().count());
            }
        }
    }

    #[test]
    fn a_link_and_a_code_stand_on_a_line_of_their_own() {
        let link = "https://casks.example/api/v1/auth/verify-email?token=a.b";
        let until = domain::moment::Moment::from_unix_ms(0);
        for language in Language::ALL {
            let letter = Letter::Verification { link: link.to_owned(), until };
            let body = written(language, &letter).body;
            assert_eq!(body.lines().find(|line| line.starts_with("http")), Some(link));
            let letter = Letter::SignInCode { code: "042042".to_owned(), until };
            assert!(written(language, &letter).body.lines().any(|line| line == "042042"));
            let letter = Letter::PasswordReset { token: "a.b".to_owned(), until };
            assert!(written(language, &letter).body.lines().any(|line| line == "a.b"));
        }
    }

    /// The same characters, as each of the two writes them.
    const OF_TRADITIONAL: &str =
        "帳號碼驗證電郵請設裝備時間們開連鏈錄鎖變個會動無結經後過將為啟嘗數暫測誤輸錯鑰屆";
    const OF_SIMPLIFIED: &str =
        "账号码验证电邮请设装备时间们开连链录锁变个会动无结经后过将为启尝数暂测误输错钥届";

    #[test]
    fn traditional_and_simplified_are_two_languages() {
        for letter in Letter::samples("x") {
            let traditional = written(Language::TraditionalChinese, &letter);
            let simplified = written(Language::SimplifiedChinese, &letter);
            assert_ne!(traditional.subject, simplified.subject);
            assert_ne!(traditional.body, simplified.body);
            for text in [&traditional.subject, &traditional.body] {
                assert!(!text.contains(|c| OF_SIMPLIFIED.contains(c)), "{text}");
            }
            for text in [&simplified.subject, &simplified.body] {
                assert!(!text.contains(|c| OF_TRADITIONAL.contains(c)), "{text}");
            }
        }
    }
}
