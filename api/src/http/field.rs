//! Values in requests: read once, into the domain's own types, with every violation kept.

use std::borrow::Cow;

use domain::violation::Violation;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

use super::problem::FieldViolation;

/// A value that can stand in a request body.
pub trait FieldValue: Sized {
    fn schema() -> MetaSchema;

    /// Reads the value; what is wrong is named by its path below this field.
    fn read(value: Value) -> Result<Self, Vec<FieldViolation>>;
}

/// A field that may be left out, as it came: read, or what is wrong with it. Reading a body never
/// stops half-way.
pub struct Parsed<T>(pub(super) Result<Option<T>, Vec<FieldViolation>>);

/// A field that has to be there.
pub struct Needed<T>(pub(super) Parsed<T>);

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

pub(super) fn wrong(violation: Violation) -> Vec<FieldViolation> {
    vec![FieldViolation { field: String::new(), violation }]
}

pub(super) fn text(value: &Value) -> Result<&str, Vec<FieldViolation>> {
    value.as_str().ok_or_else(|| wrong(Violation::WrongType("a string")))
}

pub(super) fn string_schema(
    format: Option<&'static str>,
    max_length: usize,
    example: &str,
) -> MetaSchema {
    MetaSchema {
        format,
        max_length: Some(max_length),
        example: Some(Value::from(example)),
        ..MetaSchema::new("string")
    }
}
