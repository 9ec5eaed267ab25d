//! After the database was restored: what the log has lost is found out by what others have of it, and
//! nobody is left to go on from a history that is no more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use commands::{Asked, CommandError};
use domain::id::{SessionId, TenantId, UserId};
use domain::ledger::{RecordRestore, SignedHead};
use domain::session::Session;
use domain::user::{User, UserEvent};
use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::hash;
use eventstore::ledger::keeper::Keeper;
use eventstore::ledger::leaf;
use eventstore::ledger::tree::Edge;
use eventstore::lost::{Lost, LostError, Remains};
use eventstore::recorded::Place;
use eventstore::{Context, Recorded, stream};
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use crate::backup::failed;
use crate::config::Config;
use crate::ledger::head_file;
use crate::read_models::Output;
use crate::wiring::{Platform, StartError, required};

#[derive(clap::Args)]
pub struct Arguments {
    /// Where events that were published and are lost are kept, one to a line, in their order.
    #[arg(long, default_value = "lost-events.jsonl")]
    lost_to: PathBuf,
    #[arg(long, default_value = "text")]
    output: Output,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    /// How many events the log has, the one that tells of the restore among them.
    events: u64,
    /// The first position at which other events may have stood once.
    from: u64,
    /// How many events are lost that were published, by type; they are in the file.
    lost: BTreeMap<String, u64>,
    /// The last head that was signed of what is lost.
    signed: Option<SignedHead>,
    /// Whether the file is shown to hold what that head was signed for.
    proven: Option<bool>,
    /// People who had been erased and were here again.
    erased_again: u64,
    /// People who would have to be erased again, and why that cannot be.
    not_erased: Vec<String>,
    /// Sessions that had been ended, or had gone on with other tokens than the log knows of.
    ended_sessions: u64,
}

/// Says whether all that was to be done again could be.
pub async fn run(config: Config, arguments: &Arguments) -> Result<bool, StartError> {
    let url = required(&config.database_url, "database_url")?;
    nobody_else_is_there(&url).await?;
    let owner = config.database_owner_url.as_ref().or(config.database_url.as_ref()).cloned();
    let writing = writing(config)?;
    crate::serve::migrate(&writing).await?;
    let platform = Platform::start(&writing, &[]).await?;
    let finished = Finish { config: &writing, platform: &platform, arguments };
    let outcome = finished.finish().await;
    platform.stop().await;
    let outcome = outcome?;
    open_for_writing(&required(&owner, "database_url")?).await?;
    match arguments.output {
        Output::Json => println!("{}", json!(outcome)),
        Output::Text => tell(&outcome, &arguments.lost_to),
    }
    Ok(outcome.not_erased.is_empty())
}

/// Whoever lived through the restore remembers what was never so.
async fn nobody_else_is_there(url: &str) -> Result<(), StartError> {
    let mut database = PgConnection::connect(url).await?;
    let (others,): (i64,) = sqlx::query_as(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name like 'caskchain\\_%'",
    )
    .fetch_one(&mut database)
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

/// Takes back what `restore cluster` has set, if it was it that made this database.
async fn open_for_writing(owner: &str) -> Result<(), StartError> {
    let mut database = PgConnection::connect(owner).await?;
    let (is_closed,): (bool,) = sqlx::query_as(
        "select reset_val = 'on' from pg_settings where name = 'default_transaction_read_only'",
    )
    .fetch_one(&mut database)
    .await?;
    if !is_closed {
        return Ok(());
    }
    let reset = ["alter system reset default_transaction_read_only", "select pg_reload_conf()"];
    for statement in reset {
        database.execute(statement).await.map_err(|error| {
            let what = format!(
                "everything is done but this, as a superuser: {}: {error}",
                reset.join("; ")
            );
            StartError::Other(what)
        })?;
    }
    Ok(())
}

struct Finish<'a> {
    config: &'a Config,
    platform: &'a Platform,
    arguments: &'a Arguments,
}

impl Finish<'_> {
    async fn finish(&self) -> Result<Outcome, StartError> {
        let jetstream = stream::jetstream(self.platform.nats.clone());
        let remains = Remains::find(jetstream, self.platform.journal.clone());
        let remains = remains.await.map_err(StartError::of)?;
        let lost = match &remains {
            Some(remains) => remains.lost().await.map_err(StartError::of)?,
            None => None,
        };
        let next = self.platform.ledger.next_position().await.map_err(StartError::of)?;
        let from = lost.map_or(next, |lost| unsigned(lost.from));
        let (from, signed) = self.signed(from).await?;
        let mut outcome = Outcome { from, signed, ..Outcome::default() };
        let mut again = Again::default();
        if let (Some(remains), Some(lost)) = (&remains, lost) {
            self.keep(remains, lost, &mut outcome, &mut again).await?;
        }
        self.record(&outcome, lost).await?;
        self.do_again(again, &mut outcome).await?;
        // Only now: until here, whoever was interrupted finds everything where it was.
        if let (Some(remains), Some(_)) = (remains, lost) {
            remains.remove().await.map_err(StartError::of)?;
        }
        self.put_away_the_head()?;
        outcome.events = self.platform.ledger.next_position().await.map_err(StartError::of)?;
        Ok(outcome)
    }

    /// The last head that was signed of events that are lost, and from where on they may be. A name that
    /// was used for them cannot be used for others.
    async fn signed(&self, from: u64) -> Result<(u64, Option<SignedHead>), StartError> {
        let origin = &self.config.ledger.origin;
        let kept = Keeper::new(head_file(self.config)).last().map_err(StartError::of)?;
        let Some(head) = kept else {
            return Ok((from, self.signed_by_the_database().await?));
        };
        let Checkpoint { size, root, .. } = head;
        let signed = SignedHead { origin: head.origin.clone(), size, root: hex::encode(root) };
        if size > from {
            if head.origin == *origin {
                return Err(StartError::Other(format!(
                    "the ledger {origin} was signed up to {size} events, and the restored log has {from} \
                     of them. No history but that one may carry its name: set another ledger.origin, \
                     and run this again"
                )));
            }
            return Ok((from, Some(signed)));
        }
        let edge = self.platform.ledger.edge_over(size).await.map_err(StartError::of)?;
        if edge.root() != root && head.origin == *origin {
            return Err(StartError::Other(format!(
                "the restored log is not the one whose head of {size} events was signed as {origin}. If \
                 this is the right backup all the same, set another ledger.origin, and run this again"
            )));
        }
        if edge.root() != root {
            // Where the two part nobody can say.
            return Ok((0, Some(signed)));
        }
        if head.origin != *origin {
            return Err(StartError::Other(format!(
                "nothing is lost that was signed: the ledger keeps its origin {}",
                head.origin
            )));
        }
        Ok((from, None))
    }

    /// Without the signer's own file nobody knows how far it went; that it went on is to be expected.
    async fn signed_by_the_database(&self) -> Result<Option<SignedHead>, StartError> {
        let head = self.platform.ledger.head(false).await.map_err(StartError::of)?;
        let Some(head) = head else { return Ok(None) };
        let head = Checkpoint::parse(&head.note.text).map_err(StartError::of)?;
        if head.origin == self.config.ledger.origin {
            return Err(StartError::Other(format!(
                "the signer's head file is gone, so nobody knows how much of {} was signed: set another \
                 ledger.origin, and run this again",
                head.origin
            )));
        }
        let Checkpoint { origin, size, root } = head;
        Ok(Some(SignedHead { origin, size, root: hex::encode(root) }))
    }

    /// Keeps the lost events in a file, and notes what has to be done again.
    async fn keep(
        &self,
        remains: &Remains,
        lost: Lost,
        outcome: &mut Outcome,
        again: &mut Again,
    ) -> Result<(), StartError> {
        let path = &self.arguments.lost_to;
        let draft = path.with_extension("draft");
        let file = std::fs::File::create(&draft).map_err(failed(&draft))?;
        let mut file = std::io::BufWriter::new(file);
        let edge = self.platform.ledger.edge_over(outcome.from).await.map_err(StartError::of)?;
        let mut proof = Proof { edge, head: outcome.signed.clone(), proven: false };
        let Outcome { lost: counts, .. } = outcome;
        let kept = remains.each(lost, |event| {
            *counts.entry(event.event_type.clone()).or_default() += 1;
            proof.add(&event);
            again.note(&event);
            writeln!(file, "{}", line(&event)).map_err(Interrupted::Io)
        });
        kept.await.map_err(StartError::of)?;
        let file = file.into_inner().map_err(|error| failed(&draft)(error.into_error()))?;
        file.sync_all().map_err(failed(&draft))?;
        std::fs::rename(&draft, path).map_err(failed(path))?;
        outcome.proven = proof.head.is_some().then_some(proof.proven);
        Ok(())
    }

    async fn record(&self, outcome: &Outcome, lost: Option<Lost>) -> Result<(), StartError> {
        let command = RecordRestore {
            timeline: self.platform.journal.timeline().await.map_err(StartError::of)?,
            from: outcome.from,
            signed: outcome.signed.clone(),
            published: lost.map(|lost| unsigned(lost.published)),
        };
        let asked = asked(TenantId::PLATFORM);
        self.platform.commands.record_restore(&asked, &command).await.map_err(StartError::of)
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
            match commands.erase_user(&asked(tenant), user).await {
                Ok(_) => outcome.erased_again += 1,
                Err(error @ CommandError::Refused { .. }) => {
                    outcome.not_erased.push(format!("user {user} of tenant {tenant}: {error}"));
                }
                Err(error) => return Err(StartError::of(error)),
            }
        }
        Ok(())
    }

    /// The signer begins anew under another name, beside what it signed under the old one.
    fn put_away_the_head(&self) -> Result<(), StartError> {
        let file = head_file(self.config);
        let Some(head) = Keeper::new(file.clone()).last().map_err(StartError::of)? else {
            return Ok(());
        };
        if head.origin == self.config.ledger.origin {
            return Ok(());
        }
        let away = file.with_extension(format!("lost-at-{}", head.size));
        std::fs::rename(&file, &away).map_err(failed(&away))
    }
}

/// What was done, is lost, and has to be so all the same.
#[derive(Default)]
struct Again {
    erased: BTreeSet<(TenantId, UserId)>,
    sessions: BTreeSet<(TenantId, SessionId)>,
}

impl Again {
    fn note(&mut self, event: &Recorded) {
        let Ok(id) = event.id() else { return };
        if matches!(event.event::<User>(), Ok(Some(UserEvent::UserErased {}))) {
            self.erased.insert((event.tenant, UserId::new(id)));
        }
        if matches!(event.event::<Session>(), Ok(Some(_))) {
            self.sessions.insert((event.tenant, SessionId::new(id)));
        }
    }
}

/// Goes on with the tree of what is left, by what is lost, up to where a head was signed.
struct Proof {
    edge: Edge,
    head: Option<SignedHead>,
    proven: bool,
}

impl Proof {
    fn add(&mut self, event: &Recorded) {
        if unsigned(event.position) != self.edge.size() {
            return;
        }
        let place = Place {
            position: event.position,
            tenant_position: event.tenant_position,
            recorded_at: event.recorded_at,
        };
        let leaf = leaf::of(event.tenant, &place, &event.envelope);
        self.edge.push(hash::leaf(&leaf), |_, _| {});
        self.proven |= self.head.as_ref().is_some_and(|head| {
            head.size == self.edge.size() && head.root == hex::encode(self.edge.root())
        });
    }
}

#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Lost(#[from] LostError),
    #[error("the lost events cannot be kept: {0}")]
    Io(std::io::Error),
}

/// As a bundle for auditors has it.
fn line(event: &Recorded) -> serde_json::Value {
    json!({
        "position": event.position,
        "tenantPosition": event.tenant_position,
        "recordedAt": event.recorded_at,
        "envelope": event.envelope,
    })
}

fn asked(tenant: TenantId) -> Asked {
    Asked::by(Context::system(tenant, "restore", "restore", "restore"))
}

fn unsigned(position: i64) -> u64 {
    u64::try_from(position).unwrap_or_default()
}

fn tell(outcome: &Outcome, lost_to: &Path) {
    println!("the log has {} events", outcome.events);
    let lost: u64 = outcome.lost.values().sum();
    if lost > 0 {
        println!("{lost} that were published are lost, from position {} on:", outcome.from);
        outcome.lost.iter().for_each(|(of_type, count)| println!("  {count:>8}  {of_type}"));
        println!("they are kept in {}", lost_to.display());
    }
    if let Some(SignedHead { origin, size, .. }) = &outcome.signed {
        println!("{origin} was signed up to {size} events, and ends here");
    }
    match outcome.proven {
        Some(true) => println!("the file has all that is lost of what was signed: it is proven"),
        Some(false) => println!("the file does not have all that is lost of what was signed"),
        None => {}
    }
    println!("{} people are erased again", outcome.erased_again);
    outcome.not_erased.iter().for_each(|who| println!("NOT erased again: {who}"));
    println!("{} sessions are ended", outcome.ended_sessions);
    println!(
        "next: caskchain contract reconcile for each network, and a base backup into a new folder"
    );
}
