//! Objects inside request bodies.

use domain::violation::Violation;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde_json::{Map, Value};

use super::field::{FieldValue, Needed, Parsed, Violations, wrong};
use super::problem::FieldViolation;

/// An object inside a body: its fields are taken one by one, and none may be left.
pub(super) struct Nested {
    fields: Map<String, Value>,
    violations: Violations,
}

impl Nested {
    pub fn of(value: Value) -> Result<Self, Vec<FieldViolation>> {
        match value {
            Value::Object(fields) => Ok(Self { fields, violations: Violations::default() }),
            _ => Err(wrong(Violation::WrongType("an object"))),
        }
    }

    fn take<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Parsed<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null());
        Parsed(value.map(T::read).transpose())
    }

    pub fn required<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Option<T> {
        let field = self.take(name);
        self.violations.required(name, Needed(field))
    }

    pub fn optional<T: FieldValue + Send + Sync>(&mut self, name: &str) -> Option<T> {
        let field = self.take(name);
        self.violations.optional(name, field).flatten()
    }

    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldViolation>> {
        for unknown in self.fields.keys() {
            self.violations.add(unknown, Violation::Unknown);
        }
        match (value, self.violations.into_list()) {
            (Some(value), violations) if violations.is_empty() => Ok(value),
            (_, violations) => Err(violations),
        }
    }
}

pub(super) fn object_schema(
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
