//! As much of protocol buffers as nodes are written in: numbers, and bytes with their length.

use thiserror::Error;

#[derive(Debug, PartialEq, Eq, Error)]
#[error("not a message")]
pub struct Malformed;

#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

const NUMBER: u64 = 0;
const BYTES: u64 = 2;

pub fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, (field << 3) | NUMBER);
    put_varint(out, value);
}

pub fn put_bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    put_varint(out, (field << 3) | BYTES);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// The fields of a message, in the order they stand in.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            // Nobody can tell where the next one begins.
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            NUMBER => Value::Number(self.varint()?),
            BYTES => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (value, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(value)
            }
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            value |= bits << shift;
            if byte & 0x80 == 0 {
                // What does not fit would be lost in silence.
                return ((bits << shift) >> shift == bits).then_some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, bytes: Vec<u8>, field in 1_u64..1000) {
            let mut out = Vec::new();
            put_number(&mut out, field, number);
            put_bytes(&mut out, field + 1, &bytes);
            let read: Result<Vec<_>, _> = Fields(&out).collect();
            let expected = vec![(field, Value::Number(number)), (field + 1, Value::Bytes(&bytes))];
            prop_assert_eq!(read, Ok(expected));
        }

        #[test]
        fn anything_is_read_to_an_end(bytes: Vec<u8>) {
            prop_assert!(Fields(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn what_breaks_off_or_does_not_fit_is_malformed() {
        let too_long = [&[0x08][..], &[0xff; 10]].concat();
        let too_big = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        for bad in [&[0x08][..], &[0x12, 0x02, 0x00], &[0x0d, 0, 0, 0, 0], &too_long, &too_big] {
            assert_eq!(Fields(bad).last(), Some(Err(Malformed)), "{bad:x?}");
        }
    }
}
