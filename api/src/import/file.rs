//! A file of casks: what it is known by, and its lines, one at a time and none too long.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use domain::violation::Violation;
use thiserror::Error;

/// In bytes. A description has four thousand characters, and nothing else is as long.
const LONGEST_LINE: usize = 64 * 1024;
/// Ids for so many are reserved at once.
const MOST_LINES: u64 = 10_000_000;
const CHUNK: usize = 1024 * 1024;

#[derive(Debug, Error)]
pub enum FileError {
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("the file is empty")]
    Empty,
    #[error("the file is not UTF-8 but UTF-16; save it as UTF-8")]
    Utf16,
    #[error("the file has more than {MOST_LINES} lines; cut it into several")]
    TooManyLines,
}

/// An opened file.
pub struct CaskFile {
    file: File,
    /// SHA-256 of all that stands in it.
    pub digest: Vec<u8>,
    /// At least as many as it has.
    pub lines: u64,
}

/// A line with its number, from 1, or why it cannot be read.
pub type Line = (u64, Result<String, Violation>);

impl CaskFile {
    /// Reads all of it once.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut file = File::open(path)?;
        let (mut context, mut lines, mut chunk) = (Context::new(&SHA256), 1, vec![0; CHUNK]);
        let mut is_empty = true;
        loop {
            let length = file.read(&mut chunk)?;
            let read = chunk.get(..length).unwrap_or_default();
            if read.is_empty() {
                break;
            }
            if is_empty && (read.starts_with(&[0xff, 0xfe]) || read.starts_with(&[0xfe, 0xff])) {
                return Err(FileError::Utf16);
            }
            is_empty = false;
            context.update(read);
            lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        if is_empty {
            return Err(FileError::Empty);
        }
        if lines > MOST_LINES {
            return Err(FileError::TooManyLines);
        }
        file.rewind()?;
        Ok(Self { file, digest: context.finish().as_ref().to_vec(), lines })
    }

    /// Its lines, without those that are empty.
    pub fn lines(self) -> impl Iterator<Item = io::Result<Line>> + Send {
        lines(BufReader::with_capacity(CHUNK, self.file))
    }
}

fn lines<F: BufRead + Send>(mut from: F) -> impl Iterator<Item = io::Result<Line>> + Send {
    let mut numbers = 1..;
    let read = std::iter::from_fn(move || next_line(&mut from, numbers.next()?).transpose());
    read.filter(|line| !matches!(line, Ok((_, Ok(text))) if text.trim().is_empty()))
}

fn next_line(from: &mut impl BufRead, number: u64) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let limit = LONGEST_LINE as u64 + 1;
    if from.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() > LONGEST_LINE && bytes.last() != Some(&b'\n') {
        skip_line(from)?;
        return Ok(Some((number, Err(Violation::TooLong(LONGEST_LINE)))));
    }
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    let Ok(mut text) = String::from_utf8(bytes) else {
        return Ok(Some((number, Err(Violation::WrongType("UTF-8 text")))));
    };
    if number == 1 && text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(Some((number, Ok(text))))
}

/// What is too long is not kept, either.
fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (length, is_over) = (buffer.len(), buffer.is_empty() || end.is_some());
        from.consume(end.map_or(length, |at| at + 1));
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<Line> {
        lines(bytes).map(Result::unwrap).collect()
    }

    #[test]
    fn lines_end_in_either_way_and_keep_their_numbers() {
        let read = read("\u{feff}name\r\n\n  \nArd\u{e8}g\nlast".as_bytes());
        let texts: Vec<_> =
            read.iter().map(|(number, text)| (*number, text.as_deref().unwrap())).collect();
        assert_eq!(texts, [(1, "name"), (4, "Ard\u{e8}g"), (5, "last")]);
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_harms_no_other() {
        let mut bytes = b"\xff\xe9\n".to_vec();
        bytes.extend(vec![b'x'; 3 * LONGEST_LINE]);
        bytes.extend(b"\ngood\n");
        let read = read(&bytes);
        assert_eq!(read[0], (1, Err(Violation::WrongType("UTF-8 text"))));
        assert_eq!(read[1], (2, Err(Violation::TooLong(LONGEST_LINE))));
        assert_eq!(read[2], (3, Ok("good".to_owned())));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn the_longest_line_is_not_too_long() {
        let longest = "x".repeat(LONGEST_LINE);
        let read = read(format!("{longest}\n{longest}").as_bytes());
        assert!(read.iter().all(|(_, text)| text.as_deref() == Ok(&longest)) && read.len() == 2);
    }
}
