//! Why a value was not accepted: a word for programs, a sentence for people.

use thiserror::Error;

/// One reason why one value is refused. The field it belongs to is added by whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    #[error("is required")]
    Required,
    #[error("is not a known field")]
    Unknown,
    #[error("must be {0}")]
    WrongType(&'static str),
    #[error("must be a decimal id of at most 19 digits, as a string")]
    MalformedId,
    #[error("must have at least {0} characters")]
    TooShort(usize),
    #[error("must have at most {0} characters")]
    TooLong(usize),
    #[error("must have at most {0} items")]
    TooMany(usize),
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("is not an e-mail address")]
    MalformedEmail,
    #[error("must be 3 to 50 letters, with single spaces between words")]
    MalformedUsername,
    #[error("is not a telephone number in international form, such as +441479812345")]
    MalformedPhone,
    #[error("is too weak: {0}")]
    WeakPassword(&'static str),
    #[error("must be a decimal number with at most {0} decimals")]
    MalformedDecimal(u32),
    #[error("must be between {0} and {1}")]
    OutOfRange(String, String),
    #[error("must be one of: {0}")]
    NotOneOf(String),
    #[error("must be a date such as 2012-05-31")]
    MalformedDate,
    #[error("must be a three-letter ISO 4217 currency code")]
    MalformedCurrency,
    #[error("must be an Ethereum address: 0x and 40 hexadecimal digits")]
    MalformedAddress,
}

impl Violation {
    /// The stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::Unknown => "UNKNOWN_FIELD",
            Self::WrongType(_) => "WRONG_TYPE",
            Self::MalformedId => "MALFORMED_ID",
            Self::TooShort(_) => "TOO_SHORT",
            Self::TooLong(_) => "TOO_LONG",
            Self::TooMany(_) => "TOO_MANY",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::MalformedEmail => "INVALID_EMAIL_FORMAT",
            Self::MalformedUsername => "INVALID_USERNAME",
            Self::MalformedPhone => "INVALID_PHONE",
            Self::WeakPassword(_) => "WEAK_PASSWORD",
            Self::MalformedDecimal(_) => "INVALID_DECIMAL",
            Self::OutOfRange(..) => "OUT_OF_RANGE",
            Self::NotOneOf(_) => "NOT_ONE_OF",
            Self::MalformedDate => "INVALID_DATE",
            Self::MalformedCurrency => "INVALID_CURRENCY",
            Self::MalformedAddress => "INVALID_ADDRESS",
        }
    }
}

/// Text within bounds: no control characters, no surrounding white space, a length in characters.
pub fn bounded_text(text: &str, min: usize, max: usize) -> Result<String, Violation> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(Violation::ControlCharacter);
    }
    match text.chars().count() {
        0 if min > 0 => Err(Violation::Required),
        n if n < min => Err(Violation::TooShort(min)),
        n if n > max => Err(Violation::TooLong(max)),
        _ => Ok(text.to_owned()),
    }
}
