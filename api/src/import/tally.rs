//! What became of the lines of a file, for people and for programs.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use commands::whiskey::Imported;
use serde::Serialize;

use super::LineError;

/// So many are told; the file of errors has them all.
const TOLD: usize = 1_000;
/// So many are shown to people.
const SHOWN: usize = 20;

/// What was done so far.
pub struct Tally {
    lines: u64,
    registered: u64,
    registered_before: u64,
    refused: u64,
    last_position: Option<i64>,
    told: Vec<LineError>,
    all: Option<csv::Writer<File>>,
    began: Instant,
    /// Of the lines done when progress was shown last.
    shown: (u64, Instant),
    of: u64,
}

/// The end of an import. JSON for programs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whether every line was looked at.
    pub complete: bool,
    /// Those with a cask, or what should be one.
    pub lines: u64,
    pub registered: u64,
    /// By an earlier run.
    pub registered_before: u64,
    pub refused: u64,
    pub seconds: f64,
    pub casks_per_second: f64,
    /// Whoever sends it as `X-Min-Position` sees all that was registered.
    pub last_position: Option<i64>,
    /// The first thousand.
    pub errors: Vec<LineError>,
}

impl Tally {
    /// `of` is how many lines there are about. All errors go into the file, if one is named.
    pub fn new(of: u64, errors: Option<&Path>) -> io::Result<Self> {
        let all = errors.map(File::create).transpose()?.map(csv::Writer::from_writer);
        let now = Instant::now();
        Ok(Self {
            lines: 0,
            registered: 0,
            registered_before: 0,
            refused: 0,
            last_position: None,
            told: Vec::new(),
            all,
            began: now,
            shown: (0, now),
            of,
        })
    }

    pub fn imported(&mut self, imported: Imported) {
        self.lines += 1;
        match imported {
            Imported::Registered(position) => {
                self.registered += 1;
                self.last_position = self.last_position.max(Some(position));
            }
            Imported::Before => self.registered_before += 1,
        }
    }

    /// A line was refused, for one reason or several.
    pub fn refused(&mut self, errors: Vec<LineError>) -> io::Result<()> {
        self.lines += 1;
        self.refused += 1;
        self.wrong(errors)
    }

    /// Notes what is wrong without counting a cask.
    pub fn wrong(&mut self, errors: Vec<LineError>) -> io::Result<()> {
        for error in errors {
            if let Some(all) = &mut self.all {
                all.serialize(&error).map_err(io::Error::other)?;
            }
            if self.told.len() < TOLD {
                self.told.push(error);
            }
        }
        Ok(())
    }

    /// A line about how far it has come.
    pub fn progress(&mut self) -> String {
        let (lines, at) = std::mem::replace(&mut self.shown, (self.lines, Instant::now()));
        let per_s = per_second(self.lines - lines, at.elapsed());
        let Self { lines, of, registered, registered_before, refused, .. } = self;
        format!(
            "{lines} of about {of} lines: {registered} registered, {registered_before} before, \
             {refused} refused; {per_s:.0} lines/s"
        )
    }

    pub fn finish(mut self, complete: bool) -> io::Result<Summary> {
        if let Some(all) = &mut self.all {
            all.flush()?;
        }
        self.told.sort_by_key(|error| error.line);
        let took = self.began.elapsed();
        Ok(Summary {
            complete,
            lines: self.lines,
            registered: self.registered,
            registered_before: self.registered_before,
            refused: self.refused,
            seconds: took.as_secs_f64(),
            casks_per_second: per_second(self.registered, took),
            last_position: self.last_position,
            errors: self.told,
        })
    }
}

impl Summary {
    /// In words, with the first of what was wrong.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for LineError { line, field, message, code } in self.errors.iter().take(SHOWN) {
            text.push_str(&format!("line {line}: {field} {message} ({code})\n"));
        }
        if self.errors.len() > SHOWN {
            text.push_str("… and more; --errors FILE has them all\n");
        }
        let Self { lines, registered, registered_before, refused, seconds, .. } = self;
        let per_s = self.casks_per_second;
        text + &format!(
            "{lines} lines in {seconds:.1} s: {registered} registered ({per_s:.0}/s), \
             {registered_before} by an earlier run, {refused} refused"
        )
    }
}

fn per_second(count: u64, took: Duration) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    f64::from(count) / took.as_secs_f64().max(0.001)
}
