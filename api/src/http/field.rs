//! Values in requests: read once, into the domain's own types, with every violation kept.

use std::borrow::Cow;

use domain::fixed::Fixed;
use domain::id::WhiskeyId;
use domain::nft::address::EvmAddress;
use domain::user::email::Email;
use domain::user::names::{FullName, Phone, Username};
use domain::violation::{Violation, bounded_text};
use domain::whiskey::details::{CaskType, Category, Currency, FillDate, Money, StorageLocation};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::problem::FieldViolation;

/// A value that can stand in a request body.
pub trait FieldValue: Sized {
    fn schema() -> MetaSchema;

    /// Reads the value; what is wrong is named by its path below this field.
    fn read(value: Value) -> Result<Self, Vec<FieldViolation>>;
}

/// A field that may be left out, as it came: read, or what is wrong with it. Reading a body never
/// stops half-way.
pub struct Parsed<T>(Result<Option<T>, Vec<FieldViolation>>);

/// A field that has to be there.
pub struct Needed<T>(Parsed<T>);

/// Collects what is wrong with a body.
#[derive(Default)]
pub struct Violations(Vec<FieldViolation>);

impl Violations {
    /// A field that has to be there.
    pub fn required<T>(&mut self, name: &str, field: Needed<T>) -> Option<T> {
        let value = self.optional(name, field.0)?;
        if value.is_none() {
            self.add(name, Violation::Required);
        }
        value
    }

    /// A field that may be left out. None: it was there and wrong.
    pub fn optional<T>(&mut self, name: &str, field: Parsed<T>) -> Option<Option<T>> {
        match field.0 {
            Ok(value) => Some(value),
            Err(violations) => {
                self.0.extend(violations.into_iter().map(|below| FieldViolation {
                    field: join(name, &below.field),
                    violation: below.violation,
                }));
                None
            }
        }
    }

    pub fn add(&mut self, field: &str, violation: Violation) {
        self.0.push(FieldViolation { field: field.to_owned(), violation });
    }

    pub fn into_list(self) -> Vec<FieldViolation> {
        self.0
    }
}

fn join(name: &str, below: &str) -> String {
    if below.is_empty() { name.to_owned() } else { format!("{name}.{below}") }
}

/// What poem-openapi wants of a field: its schema, whether it is needed, and how it is read.
macro_rules! body_fields {
    ($( $field:ident, required $required:literal, $name:literal, $wrap:expr; )*) => { $(
        impl<T: FieldValue + Send + Sync> Type for $field<T> {
            const IS_REQUIRED: bool = $required;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> Cow<'static, str> {
                $name.into()
            }

            fn schema_ref() -> MetaSchemaRef {
                MetaSchemaRef::Inline(Box::new(T::schema()))
            }

            fn register(_: &mut Registry) {}

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl<T: FieldValue + Send + Sync> ParseFromJSON for $field<T> {
            fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
                Ok($wrap(Parsed(match value {
                    None | Some(Value::Null) => Ok(None),
                    Some(value) => T::read(value).map(Some),
                })))
            }
        }

        /// Bodies are read, never written; poem-openapi asks for both.
        impl<T: FieldValue + Send + Sync> ToJSON for $field<T> {
            fn to_json(&self) -> Option<Value> {
                None
            }
        }
    )* };
}

body_fields! {
    Parsed, required false, "parsed", std::convert::identity;
    Needed, required true, "needed", Needed;
}

fn wrong(violation: Violation) -> Vec<FieldViolation> {
    vec![FieldViolation { field: String::new(), violation }]
}

fn text(value: &Value) -> Result<&str, Vec<FieldViolation>> {
    value.as_str().ok_or_else(|| wrong(Violation::WrongType("a string")))
}

fn string_schema(format: Option<&'static str>, max_length: usize, example: &str) -> MetaSchema {
    MetaSchema {
        format,
        max_length: Some(max_length),
        example: Some(Value::from(example)),
        ..MetaSchema::new("string")
    }
}

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

text_fields! {
    Email = Email::parse, string_schema(Some("email"), 255, "moira@example.com");
    Username = Username::parse, string_schema(None, 50, "Moira");
    FullName = FullName::parse, string_schema(None, 100, "Moira MacKenzie");
    Phone = Phone::parse, string_schema(None, 32, "+441479812345");
    FillDate = FillDate::parse, string_schema(Some("date"), 10, "2012-05-31");
    EvmAddress = EvmAddress::parse,
        string_schema(None, 42, "0x70997970c51812dc3a010c7d01b50e0d17dc79c8");
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

/// An object inside a body: its fields are taken one by one, and none may be left.
struct Nested {
    fields: Map<String, Value>,
    violations: Violations,
}

impl Nested {
    fn of(value: Value) -> Result<Self, Vec<FieldViolation>> {
        match value {
            Value::Object(fields) => Ok(Self { fields, violations: Violations::default() }),
            _ => Err(wrong(Violation::WrongType("an object"))),
        }
    }

    fn take<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Parsed<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null());
        Parsed(value.map(T::read).transpose())
    }

    fn required<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Option<T> {
        let field = self.take(name);
        self.violations.required(name, Needed(field))
    }

    fn optional<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Option<T> {
        let field = self.take(name);
        self.violations.optional(name, field).flatten()
    }

    fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldViolation>> {
        for unknown in self.fields.keys() {
            self.violations.add(unknown, Violation::Unknown);
        }
        match (value, self.violations.into_list()) {
            (Some(value), violations) if violations.is_empty() => Ok(value),
            (_, violations) => Err(violations),
        }
    }
}

fn object_schema(
    properties: Vec<(&'static str, MetaSchema)>,
    required: Vec<&'static str>,
) -> MetaSchema {
    MetaSchema {
        properties: properties
            .into_iter()
            .map(|(name, schema)| (name, MetaSchemaRef::Inline(Box::new(schema))))
            .collect(),
        required,
        ..MetaSchema::new("object")
    }
}

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
