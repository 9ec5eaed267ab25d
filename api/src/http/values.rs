//! The domain's values as they stand in request bodies: their schema, and the domain's own function
//! that reads them.

use commands::session::DeviceInfo;
use domain::file::ImageFormat;
use domain::fixed::Fixed;
use domain::id::{FileId, TenantId, UserId, WhiskeyId};
use domain::language::Language;
use domain::nft::address::{EvmAddress, Recipient};
use domain::notices::Ways;
use domain::user::Status;
use domain::user::email::Email;
use domain::user::names::{FullName, Phone, Username};
use domain::violation::{Violation, bounded_text};
use domain::whiskey::details::{CaskType, Category, Currency, FillDate, Money, StorageLocation};
use domain::whiskey::{AttachmentRole, RetireReason};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use secrecy::SecretString;
use serde_json::Value;

use super::field::{FieldValue, string_schema, text, wrong};
use super::nested::{Nested, object_schema};
use super::problem::FieldViolation;

/// A value read from a string by a function of the domain.
macro_rules! text_fields {
    ($( $type:ty = $parse:expr, $schema:expr; )*) => { $(
        impl FieldValue for $type {
            fn schema() -> MetaSchema { $schema }
            fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
                ($parse)(text(&value)?).map_err(wrong)
            }
        }
    )* };
}

const AN_ADDRESS: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

text_fields! {
    Email = Email::parse, string_schema(Some("email"), 255, "moira@example.com");
    Username = Username::parse, string_schema(None, 50, "Moira");
    FullName = FullName::parse, string_schema(None, 100, "Moira MacKenzie");
    Phone = Phone::parse, string_schema(None, 32, "+441479812345");
    FillDate = FillDate::parse, string_schema(Some("date"), 10, "2012-05-31");
    EvmAddress = EvmAddress::parse, string_schema(None, 42, AN_ADDRESS);
    Recipient = Recipient::parse, string_schema(None, 42, AN_ADDRESS);
    TenantId = str::parse::<TenantId>, string_schema(None, 19, "1");
    UserId = str::parse::<UserId>, string_schema(None, 19, "29488301056000005");
    FileId = str::parse::<FileId>, string_schema(None, 19, "29488301056000006");
    WhiskeyId = str::parse::<WhiskeyId>, string_schema(None, 19, "29488301056000005");
    Currency = Currency::parse, string_schema(None, 3, "GBP");
}

/// Free text of at most `MAX` characters.
pub struct Text<const MAX: usize>(pub String);

impl<const MAX: usize> FieldValue for Text<MAX> {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(MAX), ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        bounded_text(text(&value)?, 1, MAX).map(Self).map_err(wrong)
    }
}

/// Text of several lines, of at most `MAX` bytes, kept to the letter.
pub struct Lines<const MAX: usize>(pub String);

impl<const MAX: usize> FieldValue for Lines<MAX> {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(MAX), ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let text = text(&value)?;
        match text.len() {
            0 => Err(wrong(Violation::Required)),
            length if length > MAX => Err(wrong(Violation::TooLong(MAX))),
            _ if text.chars().any(|c| c.is_control() && c != '\n') => {
                Err(wrong(Violation::ControlCharacter))
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// At most `MAX` bytes, written as 0x and hexadecimal.
pub struct HexBytes<const MAX: usize>(pub Vec<u8>);

impl<const MAX: usize> FieldValue for HexBytes<MAX> {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(2 + 2 * MAX), ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let text = text(&value)?;
        if text.len() > 2 + 2 * MAX {
            return Err(wrong(Violation::TooLong(2 + 2 * MAX)));
        }
        let bytes = text.strip_prefix("0x").and_then(unhexed).filter(|bytes| !bytes.is_empty());
        let malformed = || wrong(Violation::WrongType("0x and hexadecimal digits, two a byte"));
        bytes.map(Self).ok_or_else(malformed)
    }
}

fn unhexed(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        &[high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

impl FieldValue for SecretString {
    fn schema() -> MetaSchema {
        let schema = string_schema(Some("password"), 1024, "Peat&Smoke1994");
        MetaSchema { write_only: true, ..schema }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let text = text(&value)?;
        // Bounds what is hashed; the policy has its own, smaller limit.
        if text.len() > 1024 {
            return Err(wrong(Violation::TooLong(128)));
        }
        Ok(text.into())
    }
}

/// A list of at most `MAX`.
pub struct List<T, const MAX: usize>(pub Vec<T>);

impl<T: FieldValue, const MAX: usize> FieldValue for List<T, MAX> {
    fn schema() -> MetaSchema {
        MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(T::schema())))),
            max_items: Some(MAX),
            ..MetaSchema::new("array")
        }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let Value::Array(items) = value else {
            return Err(wrong(Violation::WrongType("a list")));
        };
        if items.len() > MAX {
            return Err(wrong(Violation::TooMany(MAX)));
        }
        let (mut read, mut violations) = (Vec::with_capacity(items.len()), Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            match T::read(item) {
                Ok(value) => read.push(value),
                Err(of_item) => violations.extend(of_item.into_iter().map(|below| {
                    let field = match below.field.as_str() {
                        "" => index.to_string(),
                        inner => format!("{index}.{inner}"),
                    };
                    FieldViolation { field, violation: below.violation }
                })),
            }
        }
        if violations.is_empty() { Ok(Self(read)) } else { Err(violations) }
    }
}

/// What an administrator may make of an account.
pub struct UserStatus(pub Status);

impl FieldValue for UserStatus {
    fn schema() -> MetaSchema {
        let words = ["ACTIVE", "SUSPENDED", "INACTIVE"];
        let enum_items = words.map(Value::from).to_vec();
        MetaSchema { enum_items, ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let allowed = [Status::Active, Status::Suspended, Status::Inactive];
        let named = text(&value)?.to_uppercase();
        let status = allowed.into_iter().find(|status| status.name() == named);
        let words = || allowed.map(Status::name).join(", ");
        status.map(Self).ok_or_else(|| wrong(Violation::NotOneOf(words())))
    }
}

/// A token of ours, or what somebody takes for one.
pub struct Token(pub SecretString);

impl FieldValue for Token {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(8_192), ..MetaSchema::new("string") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        bounded_text(text(&value)?, 1, 8_192).map(|text| Self(text.into())).map_err(wrong)
    }
}

/// One of a closed list, by its word.
macro_rules! listed_fields {
    ($( $type:ty = $word:ident; )*) => { $(
        impl FieldValue for $type {
            fn schema() -> MetaSchema {
                let enum_items = Self::ALL.map(|item| Value::from(item.$word())).to_vec();
                MetaSchema { enum_items, ..MetaSchema::new("string") }
            }

            fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
                let named = text(&value)?;
                let words = || Self::ALL.map(Self::$word).join(", ");
                let item = Self::ALL.into_iter().find(|item| item.$word() == named);
                item.ok_or_else(|| wrong(Violation::NotOneOf(words())))
            }
        }
    )* };
}

listed_fields! {
    RetireReason = word;
    AttachmentRole = word;
    ImageFormat = extension;
    Language = tag;
}

/// Both ways are said: what is left out would be a guess.
impl FieldValue for Ways {
    fn schema() -> MetaSchema {
        object_schema(
            vec![("mail", <bool as FieldValue>::schema()), ("sms", <bool as FieldValue>::schema())],
            vec!["mail", "sms"],
        )
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let mut object = Nested::of(value)?;
        let (mail, sms) = (object.required("mail"), object.required("sms"));
        let ways = mail.zip(sms).map(|(mail, sms)| Self { mail, sms });
        object.finish(ways)
    }
}

/// What a device says of itself at a sign-in.
impl FieldValue for DeviceInfo {
    fn schema() -> MetaSchema {
        object_schema(
            vec![
                ("token", Token::schema()),
                ("fingerprint", Text::<256>::schema()),
                ("name", Text::<100>::schema()),
            ],
            vec![],
        )
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let mut object = Nested::of(value)?;
        let info = Self {
            token: object.optional::<Token>("token").map(|token| token.0),
            fingerprint: object.optional::<Text<256>>("fingerprint").map(|text| text.0),
            name: object.optional::<Text<100>>("name").map(|text| text.0),
        };
        object.finish(Some(info))
    }
}

impl FieldValue for bool {
    fn schema() -> MetaSchema {
        MetaSchema::new("boolean")
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        value.as_bool().ok_or_else(|| wrong(Violation::WrongType("true or false")))
    }
}

/// A whole number within bounds.
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> FieldValue for Whole<MIN, MAX> {
    fn schema() -> MetaSchema {
        #[expect(clippy::cast_precision_loss, reason = "bounds in the document are small")]
        let (minimum, maximum) = (Some(MIN as f64), Some(MAX as f64));
        MetaSchema { minimum, maximum, ..MetaSchema::new("integer") }
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let number = value.as_i64().ok_or_else(|| wrong(Violation::WrongType("a whole number")))?;
        if (MIN..=MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(wrong(Violation::OutOfRange(MIN.to_string(), MAX.to_string())))
        }
    }
}

/// A decimal between two whole numbers: a decimal string, or a JSON number for convenience.
pub struct Decimal<const DECIMALS: u32, const MIN: i64, const MAX: i64>(pub Fixed<DECIMALS>);

impl<const DECIMALS: u32, const MIN: i64, const MAX: i64> FieldValue
    for Decimal<DECIMALS, MIN, MAX>
{
    fn schema() -> MetaSchema {
        string_schema(Some("decimal"), 17, "63.50")
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let written = match &value {
            Value::String(text) => text.clone(),
            // serde_json prints a number by its shortest form, which is what was typed.
            Value::Number(number) => number.to_string(),
            _ => return Err(wrong(Violation::WrongType("a decimal number"))),
        };
        let fixed =
            Fixed::parse(&written).and_then(|fixed: Fixed<DECIMALS>| fixed.within(MIN, MAX));
        fixed.map(Self).map_err(wrong)
    }
}

/// A word of a closed list.
macro_rules! word_fields {
    ($( $type:ty ),*) => { $(
        impl FieldValue for $type {
            fn schema() -> MetaSchema {
                MetaSchema {
                    enum_items: <$type>::WORDS.iter().map(|word| Value::from(*word)).collect(),
                    ..MetaSchema::new("string")
                }
            }
            fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
                text(&value)?.parse().map_err(wrong)
            }
        }
    )* };
}
word_fields!(Category, CaskType);

impl FieldValue for StorageLocation {
    fn schema() -> MetaSchema {
        let place = Text::<100>::schema;
        object_schema(
            vec![("warehouse", place()), ("bond", place()), ("position", place())],
            vec!["warehouse"],
        )
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let mut object = Nested::of(value)?;
        let warehouse = object.required::<Text<100>>("warehouse");
        let bond = object.optional::<Text<100>>("bond");
        let position = object.optional::<Text<100>>("position");
        let location = warehouse.map(|warehouse| Self {
            warehouse: warehouse.0,
            bond: bond.map(|text| text.0),
            position: position.map(|text| text.0),
        });
        object.finish(location)
    }
}

/// Money: nobody pays for being paid, and nobody's cask is worth a thousand million.
type Amount = Decimal<4, 0, 1_000_000_000>;

impl FieldValue for Money {
    fn schema() -> MetaSchema {
        object_schema(
            vec![("amount", Amount::schema()), ("currency", Currency::schema())],
            vec!["amount", "currency"],
        )
    }

    fn read(value: Value) -> Result<Self, Vec<FieldViolation>> {
        let mut object = Nested::of(value)?;
        let amount = object.required::<Amount>("amount");
        let currency = object.required::<Currency>("currency");
        let money =
            amount.zip(currency).map(|(amount, currency)| Self { amount: amount.0, currency });
        object.finish(money)
    }
}
