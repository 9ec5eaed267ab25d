//! After the database was restored: what the log has lost is found out by what others have of it, and
//! nobody is left to go on from a history that is no more.

use std::path::PathBuf;

use commands::Asked;
use domain::id::TenantId;
use domain::ledger::RecordRestore;
use domain::user::User;
use eventstore::database::{self, Role};
use eventstore::journal::Journal;
use eventstore::lost::{Lost, Remains};
use eventstore::{Context, stream};
use sqlx::Executor;

use super::lost::{Again, keep};
use super::name::Name;
use super::outcome::Outcome;
use crate::config::Config;
use crate::ledger::head_file;
use crate::read_models::Output;
use crate::wiring::{Platform, StartError, required};

#[derive(clap::Args)]
pub struct Arguments {
    /// Where events that were published and are lost are kept, one to a line, in their order;
    /// lost-events-<from>-<to>.jsonl if left out.
    #[arg(long)]
    lost_to: Option<PathBuf>,
    /// The stream is gone, too: what was lost, and who of it had been erased, cannot be found out.
    #[arg(long)]
    without_stream: bool,
    /// No head of this log was ever signed, since no sequencer ever ran.
    #[arg(long)]
    never_signed: bool,
    #[arg(long, default_value = "text")]
    output: Output,
}

/// The stream as it was before the restore.
enum Seen {
    Gone,
    Empty,
    Compared(Box<Remains>, Option<Lost>),
}

pub async fn run(config: Config, arguments: &Arguments) -> Result<(), StartError> {
    let url = required(&config.database_url, "database_url")?;
    nobody_else_is_there(&url).await?;
    let owner = config.database_owner_url.as_ref().or(config.database_url.as_ref()).cloned();
    let writing = writing(config)?;
    crate::serve::migrate(&writing).await?;
    // Before anybody makes a stream where there is none.
    let seen = seen(&writing).await?;
    let platform = Platform::start(&writing, &[]).await?;
    let name = Name {
        ledger: &platform.ledger,
        commands: &platform.commands,
        origin: &writing.ledger.origin,
        head_file: head_file(&writing),
        never_signed: arguments.never_signed,
    };
    let finish = Finish { platform: &platform, name, seen, arguments };
    let outcome = finish.finish().await;
    platform.stop().await;
    outcome?;
    open_for_writing(&required(&owner, "database_url")?).await
}

/// Whoever lived through the restore remembers what was never so.
async fn nobody_else_is_there(url: &str) -> Result<(), StartError> {
    let database = database::plain(url).await?;
    let (others,): (i64,) = sqlx::query_as(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name like 'caskchain\\_%'",
    )
    .fetch_one(&database)
    .await?;
    if others == 0 {
        return Ok(());
    }
    let what =
        format!("{others} connections of the platform are open: stop all its processes first");
    Err(StartError::Other(what))
}

/// The same configuration, for a database in which only we may write.
fn writing(mut config: Config) -> Result<Config, StartError> {
    let allow = |url: String| {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}options[default_transaction_read_only]=off")
    };
    let url = required(&config.database_url, "database_url")?;
    config.database_url = Some(allow(url).into());
    if config.database_owner_url.is_some() {
        let url = required(&config.database_owner_url, "database_owner_url")?;
        config.database_owner_url = Some(allow(url).into());
    }
    Ok(config)
}

async fn seen(config: &Config) -> Result<Seen, StartError> {
    let log = database::pool(&required(&config.database_url, "database_url")?, Role::Log, 1)?;
    let nats = stream::connect(&required(&config.nats_url, "nats_url")?).await;
    let jetstream = stream::jetstream(nats.map_err(StartError::of)?);
    let remains = Remains::find(jetstream, Journal::new(log)).await.map_err(StartError::of)?;
    let Some(remains) = remains else { return Ok(Seen::Gone) };
    if remains.is_empty().await.map_err(StartError::of)? {
        return Ok(Seen::Empty);
    }
    let lost = remains.lost().await.map_err(StartError::of)?;
    Ok(Seen::Compared(Box::new(remains), lost))
}

/// Takes back what `restore cluster` has set, if it was it that made this database.
async fn open_for_writing(owner: &str) -> Result<(), StartError> {
    let database = database::plain(owner).await?;
    let (is_closed,): (bool,) = sqlx::query_as(
        "select reset_val = 'on' from pg_settings where name = 'default_transaction_read_only'",
    )
    .fetch_one(&database)
    .await?;
    if !is_closed {
        return Ok(());
    }
    let reset = ["alter system reset default_transaction_read_only", "select pg_reload_conf()"];
    for statement in reset {
        (&database).execute(statement).await.map_err(|error| {
            let left = reset.join("; ");
            let what = format!("all is done but this, as a superuser: {left} ({error})");
            StartError::Other(what)
        })?;
    }
    Ok(())
}

struct Finish<'a> {
    platform: &'a Platform,
    name: Name<'a>,
    seen: Seen,
    arguments: &'a Arguments,
}

impl Finish<'_> {
    async fn finish(self) -> Result<(), StartError> {
        let timeline = self.platform.journal.timeline().await.map_err(StartError::of)?;
        let next = self.platform.ledger.next_position().await.map_err(StartError::of)?;
        self.may_go_without_a_stream(timeline, next).await?;
        let lost = match &self.seen {
            Seen::Compared(_, lost) => *lost,
            Seen::Gone | Seen::Empty => None,
        };
        let from = lost.map_or(next, |lost| lost.from.cast_unsigned());
        let parted = from.cast_signed();
        let (from, signed) = self.name.ended(from).await?;
        let mut outcome = Outcome { from, signed, stream: self.seen.name(), ..Outcome::default() };
        let again = self.keep(&mut outcome).await?;
        let restore = RecordRestore {
            timeline,
            from,
            signed: outcome.signed.clone(),
            published: lost.map(|lost| lost.published.cast_unsigned()),
        };
        let asked = asked(TenantId::PLATFORM);
        self.platform.commands.record_restore(&asked, &restore).await.map_err(StartError::of)?;
        self.do_again(again, &mut outcome).await?;
        outcome.events = self.platform.ledger.next_position().await.map_err(StartError::of)?;
        // What is told here is found by nobody any more once the stream is gone.
        outcome.tell(self.arguments.output);
        self.name.begin(from).await?;
        self.make_room_for_the_stream(parted).await
    }

    /// A stream that is not there may be one that was not looked for in the right place.
    async fn may_go_without_a_stream(&self, timeline: u32, next: u64) -> Result<(), StartError> {
        let is_there = matches!(self.seen, Seen::Compared(..));
        if is_there || next == 0 || self.arguments.without_stream {
            return Ok(());
        }
        // This restore was finished before, and nobody has published yet.
        let told = self.platform.commands.is_restore_told(timeline).await;
        if told.map_err(StartError::of)? {
            return Ok(());
        }
        let what = format!(
            "the stream is {}: what was lost, and who of it had been erased, cannot be found out. Is this \
             the right NATS? If the stream is lost, add --without-stream",
            self.seen.name()
        );
        Err(StartError::Other(what))
    }

    /// Keeps the lost events in a file. Gives what has to be done again.
    async fn keep(&self, outcome: &mut Outcome) -> Result<Again, StartError> {
        // Nothing is proven as long as nothing is there to prove it.
        outcome.proven = outcome.signed.as_ref().map(|_| false);
        let Seen::Compared(remains, Some(lost)) = &self.seen else {
            return Ok(Again::default());
        };
        let path = self.arguments.lost_to.clone().unwrap_or_else(|| {
            format!("lost-events-{}-{}.jsonl", lost.from, lost.published).into()
        });
        let size = outcome.from.min(lost.from.cast_unsigned());
        let edge = self.platform.ledger.edge_over(size).await.map_err(StartError::of)?;
        let found = keep(remains, *lost, (edge, outcome.signed.clone()), &path).await?;
        outcome.proven = outcome.proven.map(|_| found.proven);
        outcome.lost = found.counts;
        outcome.lost_to = Some(path);
        Ok(found.again)
    }

    async fn do_again(&self, again: Again, outcome: &mut Outcome) -> Result<(), StartError> {
        let commands = &self.platform.commands;
        for (tenant, session) in again.sessions {
            let ended = commands.end_open_session(&asked(tenant), session).await;
            outcome.ended_sessions += u64::from(ended.map_err(StartError::of)?);
        }
        for (tenant, user) in again.erased {
            let here = commands.store.load_fresh::<User>(tenant, &user.to_string()).await;
            if here.map_err(StartError::of)?.state.account().is_err() {
                continue;
            }
            commands.erase_user(&asked(tenant), user).await.map_err(StartError::of)?;
            outcome.erased_again += 1;
        }
        Ok(())
    }

    /// A stream of what is no more is removed, and reactions begin where they had come to before the log
    /// was cut.
    async fn make_room_for_the_stream(self, parted: i64) -> Result<(), StartError> {
        let progress = self.platform.commands.store.progress();
        progress.cut(parted).await.map_err(StartError::of)?;
        let Seen::Compared(remains, Some(_)) = self.seen else {
            return Ok(());
        };
        for (reaction, position) in remains.progress().await.map_err(StartError::of)? {
            let position = position.min(parted - 1);
            progress.note(&reaction, position).await.map_err(StartError::of)?;
        }
        remains.remove().await.map_err(StartError::of)
    }
}

impl Seen {
    fn name(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Empty => "empty",
            Self::Compared(..) => "compared",
        }
    }
}

fn asked(tenant: TenantId) -> Asked {
    Asked::by(Context::system(tenant, "restore", "restore", "restore"))
}
