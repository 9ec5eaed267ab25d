//! From a line of a file to a cask: columns are named as the fields of a registration over HTTP, and
//! what holds there holds here.

use csv::{ReaderBuilder, StringRecord, Terminator};
use domain::violation::Violation;
use domain::whiskey::details::Details;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use serde_json::{Map, Value};

use crate::http::body::{check_fields, schema};
use crate::http::problem::FieldViolation;
use crate::resources::whiskeys::registration::RegisterWhiskeyBody;

/// What a line as a whole is called where it is wrong.
const LINE: &str = "line";

/// The columns of a file, in its order.
pub struct Columns(Vec<Column>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    /// As in `age`, or in `storageLocation.warehouse`.
    name: String,
    is_number: bool,
    is_needed: bool,
}

/// The names that columns can have.
pub fn names() -> Vec<String> {
    known().into_iter().map(|column| column.name).collect()
}

fn known() -> Vec<Column> {
    let body = schema::<RegisterWhiskeyBody>();
    let column = |name: String, of: &MetaSchema, is_needed| {
        vec![Column { name, is_number: of.ty == "integer", is_needed }]
    };
    let columns = body.properties.iter().filter_map(|(name, field)| {
        let MetaSchemaRef::Inline(field) = field else {
            return None;
        };
        if field.properties.is_empty() {
            return Some(column((*name).to_owned(), field, body.required.contains(name)));
        }
        let inner = field.properties.iter().map(|(inner, _)| format!("{name}.{inner}"));
        Some(inner.flat_map(|path| column(path, field, false)).collect())
    });
    columns.flatten().collect()
}

impl Columns {
    /// Reads the first line. All that is wrong with it is named at once.
    pub fn read(header: &str) -> Result<Self, Vec<FieldViolation>> {
        let named = cells(header).map_err(|violation| vec![of(LINE, violation)])?;
        let (known, mut columns, mut violations) = (known(), Vec::new(), Vec::new());
        for name in named.iter().map(str::trim) {
            match known.iter().find(|column| column.name == name) {
                None => violations.push(of(name, Violation::Unknown)),
                Some(column) if columns.contains(column) => {
                    violations.push(of(name, Violation::WrongType("named once")));
                }
                Some(column) => columns.push(column.clone()),
            }
        }
        let missing = known.iter().filter(|column| column.is_needed && !columns.contains(column));
        violations.extend(missing.map(|column| of(&column.name, Violation::Required)));
        if violations.is_empty() { Ok(Self(columns)) } else { Err(violations) }
    }

    /// Reads a cask.
    pub fn cask(&self, line: &str) -> Result<Details, Vec<FieldViolation>> {
        let cells = cells(line).map_err(|violation| vec![of(LINE, violation)])?;
        if cells.len() != self.0.len() {
            let violation = Violation::WrongType("of as many fields as the first line");
            return Err(vec![of(LINE, violation)]);
        }
        let mut fields = Map::new();
        for (column, cell) in self.0.iter().zip(&cells) {
            let cell = cell.trim();
            if !cell.is_empty() {
                put(&mut fields, &column.name, column.value(cell));
            }
        }
        check_fields::<RegisterWhiskeyBody>(fields)
    }
}

impl Column {
    /// As JSON has it. What is no number is told so by whoever wants one.
    fn value(&self, cell: &str) -> Value {
        let number = self.is_number.then(|| cell.parse::<i64>().ok()).flatten();
        number.map_or_else(|| Value::from(cell), Value::from)
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(fields.insert(name.to_owned(), value)),
        Some((outer, inner)) => {
            let object = fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(object) = object {
                object.insert(inner.to_owned(), value);
            }
        }
    }
}

/// The fields of one line. Quotes that are not closed would swallow what comes after them.
fn cells(line: &str) -> Result<StringRecord, Violation> {
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(Violation::WrongType("without quotes that are not closed"));
    }
    let mut record = StringRecord::new();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let unreadable = |_| Violation::WrongType("comma-separated values");
    reader.read_record(&mut record).map_err(unreadable)?;
    Ok(record)
}

fn of(field: &str, violation: Violation) -> FieldViolation {
    FieldViolation { field: field.to_owned(), violation }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "name,distillery,category,age,caskNumber,caskType,alcoholContent,volume,\
         storageLocation.warehouse,marketValue.amount,marketValue.currency,description";

    fn wrong(found: Result<Details, Vec<FieldViolation>>) -> Vec<(String, &'static str)> {
        let violations = found.unwrap_err().into_iter();
        violations.map(|it| (it.field, it.violation.code())).collect()
    }

    fn one(field: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(field.to_owned(), code)]
    }

    #[test]
    fn a_line_is_read_as_a_body_would_be() {
        let columns = Columns::read(HEADER).unwrap();
        let line = "\"Ardcairn, \"\"the\"\" 2012\", Ardcairn ,single_malt,12,1207,hogshead,63.50,\
                    250,W7,8400.00,GBP,";
        let cask = columns.cask(line).unwrap();
        assert_eq!(cask.name, "Ardcairn, \"the\" 2012");
        assert_eq!((cask.distillery.as_str(), cask.age), ("Ardcairn", Some(12)));
        assert_eq!(cask.storage_location.unwrap().warehouse, "W7");
        assert_eq!(cask.market_value.unwrap().amount.to_string(), "8400.0000");
        assert_eq!((cask.region, cask.description), (None, None));
    }

    #[test]
    fn everything_that_is_wrong_with_a_line_is_named() {
        let columns = Columns::read(HEADER).unwrap();
        let line = ",Ardcairn,single_melt,old,1207,hogshead,163.50,250,,8400.00,,";
        let mut found = wrong(columns.cask(line));
        found.sort();
        let expected = [
            ("age", "WRONG_TYPE"),
            ("alcoholContent", "OUT_OF_RANGE"),
            ("category", "NOT_ONE_OF"),
            ("marketValue.currency", "REQUIRED"),
            ("name", "REQUIRED"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
        assert_eq!(wrong(columns.cask("a,b")), one("line", "WRONG_TYPE"));
        assert_eq!(wrong(columns.cask("\"a,b,c,d,e,f,g,h,i,j,k,l")), one("line", "WRONG_TYPE"));
    }

    #[test]
    fn a_header_names_known_columns_once_and_all_that_are_needed() {
        let header = "name,distillery,category,caskNumber,caskType,volume,colour,name";
        let wrong: Vec<_> = Columns::read(header)
            .err()
            .unwrap()
            .into_iter()
            .map(|it| (it.field, it.violation.code()))
            .collect();
        let expected =
            [("colour", "UNKNOWN_FIELD"), ("name", "WRONG_TYPE"), ("alcoholContent", "REQUIRED")];
        assert_eq!(wrong, expected.map(|(field, code)| (field.to_owned(), code)));
        assert!(names().contains(&"storageLocation.position".to_owned()));
        assert!(!names().contains(&"storageLocation".to_owned()));
    }
}
