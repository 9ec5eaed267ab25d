//! `caskchain import`: registers the casks of a CSV file, many at once, each once however often the
//! file is imported.

mod columns;
mod file;
mod tally;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use commands::whiskey::Import;
use commands::{Asked, CommandError, Commands};
use domain::id::{TenantId, UserId};
use domain::whiskey::details::Details;
use eventstore::Context;
use futures::StreamExt;
use futures::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::interval;

use self::columns::Columns;
use self::file::{CaskFile, Line};
pub use self::tally::Summary;
use self::tally::Tally;
use crate::config::Config;
use crate::http::problem::FieldViolation;
use crate::wiring::{Platform, StartError};

/// How many casks are on their way into the log at once: some batches of the appender.
const AT_ONCE: usize = 1_024;
/// How many lines are handed over at once, and how many such chunks wait.
const CHUNK: usize = 256;
const CHUNKS: usize = 8;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct Arguments {
    /// A CSV file, UTF-8, with commas; its first line names the columns.
    file: PathBuf,
    /// Whose casks they are: the id of somebody active.
    #[arg(long)]
    owner: String,
    /// The owner's tenant.
    #[arg(long, default_value = "1")]
    tenant: String,
    /// What is printed at the end.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    /// A file for everything that is wrong with lines, as CSV: line, field, code, message.
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A sentence.
    Text,
    /// One JSON object.
    Json,
}

/// The end of `--help`.
pub fn help() -> String {
    format!(
        "Example: caskchain import casks.csv --owner 29488301056000005 --errors errors.csv\n\n\
         Columns: {}.\n\n\
         Lines that are wrong are told and do not stop the others. An import that was interrupted \
         is gone on with by importing the same file again: what was registered is not registered \
         again. A file in which anything was changed is another file: put corrected lines into one \
         of their own.",
        columns::names().join(", ")
    )
}

/// What is imported for whom.
pub struct Request<'a> {
    pub file: &'a Path,
    pub tenant: TenantId,
    pub owner: UserId,
    pub errors: Option<&'a Path>,
}

/// Something that is wrong with a line.
#[derive(Clone, Debug, Serialize)]
pub struct LineError {
    pub line: u64,
    pub field: String,
    pub code: &'static str,
    pub message: String,
}

/// A line that was read, numbered from 1.
type Read = (u64, Result<Details, Vec<FieldViolation>>);

/// Imports a file and says what became of it.
pub async fn run(config: &Config, arguments: &Arguments) -> Result<(), StartError> {
    let Arguments { file, owner, tenant, output, errors } = arguments;
    let id = |what: &str, wrong| StartError::Other(format!("{what} {wrong}"));
    let request = Request {
        file,
        tenant: tenant.parse().map_err(|wrong| id("tenant", wrong))?,
        owner: owner.parse().map_err(|wrong| id("owner", wrong))?,
        errors: errors.as_deref(),
    };
    let platform = Platform::start(config, &[]).await?;
    let outcome = import(&platform.commands, &request, |line| eprintln!("{line}")).await;
    platform.stop().await;
    let (summary, stopped) = outcome?;
    match output {
        Output::Text => println!("{}", summary.text()),
        Output::Json => println!("{}", serde_json::to_string(&summary).map_err(StartError::of)?),
    }
    match stopped {
        Some(reason) => Err(StartError::Other(format!("{reason}; import the file again to go on"))),
        None if !summary.complete => Err(StartError::Other("nothing was imported".to_owned())),
        None if summary.refused > 0 => {
            Err(StartError::Other(format!("{} lines were refused", summary.refused)))
        }
        None => Ok(()),
    }
}

/// Imports a file; tells every second how far it has come. Gives also what stopped it half-way.
pub async fn import(
    commands: &Commands,
    request: &Request<'_>,
    tell: impl Fn(&str),
) -> Result<(Summary, Option<CommandError>), StartError> {
    must_differ(request)?;
    let path = request.file.to_owned();
    let file = blocking(move || CaskFile::open(&path)).await?.map_err(StartError::of)?;
    let (digest, count) = (file.digest.clone(), file.lines);
    let mut tally = Tally::new(count, request.errors).map_err(StartError::of)?;
    let mut lines = file.lines();
    let (columns, lines) = blocking(move || (header(&mut lines), lines)).await?;
    let columns = match columns.map_err(StartError::of)? {
        Ok(columns) => columns,
        Err(violations) => {
            tally.wrong(errors_of(1, violations)).map_err(StartError::of)?;
            return Ok((tally.finish(false).map_err(StartError::of)?, None));
        }
    };
    let asked = asked(request.tenant, &digest);
    let count = i64::try_from(count).map_err(StartError::of)?;
    let begun = commands.begin_import(&asked, request.owner, &digest, count).await;
    let refused = |error| StartError::Other(format!("the import cannot begin: {error}"));
    let import = begun.map_err(refused)?;
    let (chunks, read) = mpsc::channel(CHUNKS);
    let reading = tokio::task::spawn_blocking(move || read_all(&columns, lines, &chunks));
    let registered = register_all(commands, &asked, import, read, &mut tally, tell).await;
    let stopped = registered.map_err(StartError::of)?;
    reading.await.map_err(StartError::of)?.map_err(StartError::of)?;
    let summary = tally.finish(stopped.is_none()).map_err(StartError::of)?;
    Ok((summary, stopped))
}

fn header(
    lines: &mut impl Iterator<Item = io::Result<Line>>,
) -> io::Result<Result<Columns, Vec<FieldViolation>>> {
    Ok(match lines.next().transpose()? {
        Some((_, Ok(text))) => Columns::read(&text),
        Some((_, Err(violation))) => Err(vec![of_line(violation)]),
        None => Columns::read(""),
    })
}

/// Reads lines and hands them over, as fast as they are taken.
fn read_all(
    columns: &Columns,
    lines: impl Iterator<Item = io::Result<Line>>,
    chunks: &mpsc::Sender<Vec<Read>>,
) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK);
    for line in lines {
        let (number, text) = line?;
        let cask = text.map_err(|violation| vec![of_line(violation)]);
        chunk.push((number, cask.and_then(|text| columns.cask(&text))));
        if chunk.len() == CHUNK && chunks.blocking_send(std::mem::take(&mut chunk)).is_err() {
            // Nobody takes them any more: the import has stopped.
            return Ok(());
        }
    }
    let _ = chunks.blocking_send(chunk);
    Ok(())
}

/// Registers what was read. Gives what stopped it: nothing, if all was looked at.
async fn register_all(
    commands: &Commands,
    asked: &Asked,
    import: Import,
    read: mpsc::Receiver<Vec<Read>>,
    tally: &mut Tally,
    tell: impl Fn(&str),
) -> io::Result<Option<CommandError>> {
    let register = |(number, cask): Read| async move {
        let line = i64::try_from(number).unwrap_or(i64::MAX);
        (
            number,
            match cask {
                Ok(details) => Ok(commands.import_whiskey(asked, import, line, details).await),
                Err(violations) => Err(violations),
            },
        )
    };
    let outcomes = one_by_one(read).map(register).buffer_unordered(AT_ONCE).ready_chunks(CHUNK);
    let mut outcomes = std::pin::pin!(outcomes);
    let mut progress = interval(PROGRESS_EVERY);
    progress.tick().await;
    loop {
        let done = tokio::select! {
            _ = progress.tick() => {
                tell(&tally.progress());
                continue;
            }
            done = outcomes.next() => done,
        };
        let Some(done) = done else {
            return Ok(None);
        };
        for (number, outcome) in done {
            match outcome {
                Ok(Ok(imported)) => tally.imported(imported),
                Ok(Err(CommandError::Refused { code, message, .. })) => {
                    let field = String::new();
                    tally.refused(vec![LineError { line: number, field, code, message }])?;
                }
                Ok(Err(stopped)) => return Ok(Some(stopped)),
                Err(violations) => tally.refused(errors_of(number, violations))?,
            }
        }
    }
}

fn one_by_one(read: mpsc::Receiver<Vec<Read>>) -> impl Stream<Item = Read> {
    let chunks = stream::unfold(read, |mut read| async move { Some((read.recv().await?, read)) });
    chunks.flat_map(stream::iter)
}

/// What is written must not take the place of what is read.
fn must_differ(request: &Request<'_>) -> Result<(), StartError> {
    let Some(errors) = request.errors else {
        return Ok(());
    };
    let same = errors.canonicalize().ok().zip(request.file.canonicalize().ok());
    if same.is_some_and(|(errors, file)| errors == file) {
        return Err(StartError::Other("errors cannot be written into the file itself".to_owned()));
    }
    Ok(())
}

/// Everything an import writes is found by the beginning of its file's digest.
fn asked(tenant: TenantId, digest: &[u8]) -> Asked {
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Asked::by(Context::system(tenant, "import", &format!("import:{digits}"), "import"))
}

fn of_line(violation: domain::violation::Violation) -> FieldViolation {
    FieldViolation { field: "line".to_owned(), violation }
}

fn errors_of(line: u64, violations: Vec<FieldViolation>) -> Vec<LineError> {
    let error = |FieldViolation { field, violation }: FieldViolation| {
        let (code, message) = (violation.code(), violation.to_string());
        LineError { line, field, code, message }
    };
    violations.into_iter().map(error).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(StartError::of)
}
