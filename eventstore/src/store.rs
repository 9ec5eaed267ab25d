//! Streams as aggregates: load one, commit what was decided.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use cqrs_es::{Aggregate, EventEnvelope};
use domain::command::Root;
use domain::id::TenantId;
use postgres_es::PostgresEventRepository;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::appender::{Appender, Job, Row};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::commit::{Commit, CommitError, Committed, Draft, IdempotencyKey};
use crate::connections::Connections;
use crate::entropy::Entropy;
use crate::envelope::{self, Metadata};
use crate::ids::{IdRange, IdsError};
use crate::progress::Progress;
use crate::questions::Questions;
use crate::recorded::{Undecodable, decode};
use crate::snapshots::Name;
use crate::vault::{self, Drawer, Vault};
use crate::{journal, snapshots};

/// The event store of one process.
#[derive(Clone)]
pub struct Store {
    log: Connections,
    appender: Appender,
    cache: Cache,
    vault: Vault,
    entropy: Entropy,
    clock: Clock,
    streams: Arc<PostgresEventRepository>,
}

/// Whose, as of which sequence, the state then, and the events since.
pub(crate) type Cold<A> = (Option<TenantId>, i64, Arc<A>, Vec<SerializedEvent>);

/// An aggregate as it was read.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub tenant: TenantId,
    pub id: String,
    /// How many events made it: 0, there is no such stream.
    pub sequence: i64,
    pub state: Arc<A>,
    /// Read from the log just now, and not remembered.
    pub fresh: bool,
}

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the event store does not answer")]
    Unavailable(#[from] sqlx::Error),
    #[error("the stream cannot be read: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    #[error("the stream belongs to another tenant")]
    Foreign,
}

impl Store {
    pub fn new(
        log: Connections,
        appender: Appender,
        vault: Vault,
        entropy: Entropy,
        clock: Clock,
    ) -> Self {
        let streams = PostgresEventRepository::new(log.pool().clone())
            .with_tables("eventstore.streams", "eventstore.snapshots");
        let (cache, streams) = (Cache::new(), Arc::new(streams));
        Self { log, appender, cache, vault, entropy, clock, streams }
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The log in its order.
    pub fn journal(&self) -> journal::Journal {
        journal::Journal::new(self.log.pool().clone())
    }

    /// Questions that may be answered once.
    pub fn questions(&self) -> Questions {
        Questions::new(self.log.pool().clone())
    }

    /// How far reactions have come.
    pub fn progress(&self) -> Progress {
        Progress::new(self.log.pool().clone())
    }

    /// Ids for so many things that are numbered already.
    pub async fn reserve_ids(&self, count: i64) -> Result<IdRange, IdsError> {
        IdRange::reserve(self.log.pool(), &self.clock, count).await
    }

    /// A commit to be filled and handed to `commit`.
    pub fn begin<'a>(&self, context: &'a envelope::Context) -> Commit<'a> {
        Commit::new(context, self.clock.now())
    }

    /// A stream under an id that was made just now, so that nobody can have written to it. Not
    /// read: the append judges here, too.
    pub fn unwritten<A: Root>(&self, tenant: TenantId, id: &str) -> Loaded<A> {
        Loaded { tenant, id: id.to_owned(), sequence: 0, state: Arc::default(), fresh: true }
    }

    /// The aggregate, perhaps as it was a moment ago. Fit to decide yes, since the append judges;
    /// a no is to be decided again from `load_fresh`.
    pub async fn load<A: Root>(&self, tenant: TenantId, id: &str) -> Result<Loaded<A>, StoreError> {
        match self.cache.get::<A>(id) {
            Some((owner, sequence, state)) => {
                Loaded { tenant: owner, id: id.to_owned(), sequence, state, fresh: false }
                    .for_tenant(tenant)
            }
            None => self.load_fresh(tenant, id).await,
        }
    }

    /// The aggregate as the log has it now.
    pub async fn load_fresh<A: Root>(
        &self,
        tenant: TenantId,
        id: &str,
    ) -> Result<Loaded<A>, StoreError> {
        let (owner, sequence, state, events) = match self.cache.start::<A>(id) {
            Some((owner, sequence, state)) => {
                let events = journal::stream_after::<A>(&self.log, id, sequence).await?;
                (Some(owner), sequence, state, events)
            }
            None => self.cold::<A>(id).await?,
        };
        self.read_on(tenant, id, (owner, sequence, state, events))
    }

    /// The same, by one question whether or not there is such a stream and whether or not it is
    /// remembered: how long it takes tells nobody.
    pub async fn load_evenly<A: Root>(
        &self,
        tenant: TenantId,
        id: &str,
    ) -> Result<Loaded<A>, StoreError> {
        let read = snapshots::read_with_events::<A>(&self.log, id).await?;
        self.read_evenly(tenant, id, read).await
    }

    /// What stands behind a name, by one question whether or not anybody holds it: two streams of
    /// its holder, and others under these ids.
    pub async fn load_behind<A: Root, B: Root, C: Root>(
        &self,
        name: &Name<'_>,
        ids: &[&str],
    ) -> Result<(Loaded<A>, Loaded<B>, Vec<Loaded<C>>), StoreError> {
        let (holder, one, other, read) = snapshots::read_behind(&self.log, name, ids).await?;
        let one = self.read_evenly(name.tenant, &holder, one).await?;
        let other = self.read_evenly(name.tenant, &holder, other).await?;
        let mut others = Vec::with_capacity(ids.len());
        for (id, read) in ids.iter().zip(read) {
            others.push(self.read_evenly(name.tenant, id, read).await?);
        }
        Ok((one, other, others))
    }

    async fn read_evenly<A: Root>(
        &self,
        tenant: TenantId,
        id: &str,
        read: Option<Cold<A>>,
    ) -> Result<Loaded<A>, StoreError> {
        let cold = match read {
            Some(cold) => cold,
            // A snapshot that cannot be read: rare, and worth a second question.
            None => self.cold::<A>(id).await?,
        };
        self.read_on(tenant, id, cold)
    }

    /// Folds what is not in the state yet.
    fn read_on<A: Root>(
        &self,
        tenant: TenantId,
        id: &str,
        (owner, mut sequence, mut state, events): Cold<A>,
    ) -> Result<Loaded<A>, StoreError> {
        if !events.is_empty() {
            let folding: &mut A = Arc::make_mut(&mut state);
            for stored in events {
                sequence = i64::try_from(stored.sequence).unwrap_or(i64::MAX);
                folding.apply(decode::<<A as Aggregate>::Event>(stored)?);
            }
        }
        if let Some(owner) = owner {
            self.cache.put(owner, id, sequence, Arc::clone(&state));
        }
        Loaded { tenant: owner.unwrap_or(tenant), id: id.to_owned(), sequence, state, fresh: true }
            .for_tenant(tenant)
    }

    /// A stream of which nothing is remembered: from its snapshot, or whole, through postgres-es.
    async fn cold<A: Root>(&self, id: &str) -> Result<Cold<A>, StoreError> {
        if let Some((owner, sequence, state)) = snapshots::read::<A>(&self.log, id).await? {
            let events = journal::stream_after::<A>(&self.log, id, sequence).await?;
            return Ok((Some(owner), sequence, Arc::new(state), events));
        }
        let unreadable = |error: PersistenceError| StoreError::Unreadable(error.to_string());
        let events = self.streams.get_events::<A>(id).await.map_err(unreadable)?;
        let owner = events.first().map(owner_of).transpose()?;
        Ok((owner, 0, Arc::default(), events))
    }

    /// A stream's events in today's shape, as `cqrs-es` hands them around.
    pub(crate) async fn envelopes<A: Root>(
        &self,
        tenant: TenantId,
        id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, StoreError> {
        let stored = journal::stream_after::<A>(&self.log, id, 0).await?;
        if let Some(first) = stored.first()
            && owner_of(first)? != tenant
        {
            return Err(StoreError::Foreign);
        }
        stored
            .into_iter()
            .map(|event| {
                Ok(EventEnvelope {
                    aggregate_id: event.aggregate_id.clone(),
                    sequence: event.sequence,
                    metadata: HashMap::new(),
                    payload: decode(event)?,
                })
            })
            .collect()
    }

    /// Who holds a claimed name, asked of the claims themselves and never of a read model.
    pub async fn holder_of(
        &self,
        tenant: TenantId,
        kind: &str,
        digest: &[u8],
    ) -> Result<Option<String>, StoreError> {
        let question = sqlx::query_as(
            "select holder from eventstore.claims where tenant = $1 and kind = $2 and digest = $3",
        )
        .bind(tenant.value())
        .bind(kind)
        .bind(digest);
        let row: Option<(String,)> = self.log.optional(question).await?;
        Ok(row.map(|(holder,)| holder))
    }

    /// What was answered to this key within the last day: the error the append would give, too.
    pub async fn answered(
        &self,
        context: &envelope::Context,
        key: &IdempotencyKey,
    ) -> Result<Option<CommitError>, StoreError> {
        let question = sqlx::query_as(
            "select request_digest, answer, position from eventstore.idempotency
             where tenant = $1 and actor = $2 and key = $3
                 and recorded_at > now() - interval '24 hours'",
        )
        .bind(context.tenant().value())
        .bind(context.actor.name())
        .bind(&key.key);
        let row: Option<(Vec<u8>, String, i64)> = self.log.optional(question).await?;
        Ok(row.map(|(request_digest, answer, position)| {
            if request_digest == key.request_digest {
                CommitError::Repeated { answer, position }
            } else {
                CommitError::Mismatched
            }
        }))
    }

    /// Writes what was decided, whole or not at all.
    pub async fn commit(&self, commit: Commit<'_>) -> Result<Committed, CommitError> {
        let Commit { context, now, parts, conditions, claims, key, erased } = commit;
        if parts.is_empty() && claims.is_empty() && key.is_none() {
            // Nothing to write: what was decided upon is in the log already.
            return self.nothing_to_write().await;
        }
        let metadata = Metadata::of(context, key.as_ref().map(|(key, _)| key.key.clone()), now);
        let mut job = Job {
            tenant: context.tenant(),
            actor: context.actor.name(),
            written: Vec::with_capacity(parts.len()),
            read: conditions,
            rows: Vec::new(),
            claims,
            key,
            data_keys: Vec::new(),
            sealed: Vec::new(),
            erased: erased.clone(),
        };
        let mut stored = Vec::with_capacity(parts.len());
        for part in &parts {
            let condition = part.condition();
            let mut changed = Vec::new();
            for (draft, sequence) in part.drafts()?.into_iter().zip(condition.expected + 1..) {
                let (draft, sealed) = self.seal(part.tenant(), draft, &mut job).await?;
                changed.push(sealed.then(|| draft.data.clone()));
                let row = self.row(part.tenant(), &condition, sequence, draft, &metadata)?;
                job.rows.push(row);
            }
            stored.push(changed);
            job.written.push(condition);
        }
        let read = job.read.clone();
        let drawers: Vec<Drawer> = job.sealed.iter().map(|sealed| sealed.drawer).collect();
        let position = self.appender.append(job).await.inspect_err(|error| {
            // Lost, or of unknown outcome: what is remembered may be behind the log.
            if matches!(error, CommitError::Stale | CommitError::Unavailable) {
                let written = parts.iter().map(|part| part.condition());
                written.chain(read).for_each(|expected| self.cache.lost(&expected));
                // Its keys may have been destroyed.
                self.vault.forget(&drawers);
            }
        })?;
        self.vault.forget(&erased);
        for (part, changed) in parts.into_iter().zip(stored) {
            if let Some(take_snapshot) = part.settle(changed, &self.cache).snapshot {
                take_snapshot(self.log.pool().clone());
            }
        }
        Ok(Committed { position })
    }

    async fn nothing_to_write(&self) -> Result<Committed, CommitError> {
        let head = journal::Journal::new(self.log.pool().clone()).head().await;
        head.map(|position| Committed { position }).map_err(|_| CommitError::Unavailable)
    }

    /// Moves personal data out of the draft. Says whether there was any.
    async fn seal(
        &self,
        tenant: TenantId,
        draft: Draft,
        job: &mut Job,
    ) -> Result<(Draft, bool), CommitError> {
        if !vault::holds_clear(draft.data.get()) {
            return Ok((draft, false));
        }
        let unreadable = |error: serde_json::Error| CommitError::Refused(error.to_string());
        let mut data = serde_json::from_str(draft.data.get()).map_err(unreadable)?;
        let keys = self.keys_for(&vault::drawers_of(tenant, &data)?, job).await?;
        job.sealed.extend(vault::seal(&self.entropy, tenant, &keys, &mut data)?);
        let data = RawValue::from_string(data.to_string()).map_err(unreadable)?;
        Ok((Draft { data, ..draft }, true))
    }

    /// Data keys, reusing those this very commit is about to make.
    async fn keys_for(
        &self,
        drawers: &[Drawer],
        job: &mut Job,
    ) -> Result<Vec<(Drawer, [u8; 32])>, CommitError> {
        let mut keys = Vec::new();
        for drawer in drawers {
            if let Some(fresh) = job.data_keys.iter().find(|key| key.drawer == *drawer) {
                keys.push((*drawer, self.vault.reopen(fresh)?));
                continue;
            }
            let (known, fresh) = self.vault.data_key(*drawer).await?;
            keys.push((*drawer, known));
            job.data_keys.extend(fresh);
        }
        Ok(keys)
    }

    fn row(
        &self,
        tenant: TenantId,
        condition: &crate::commit::Condition,
        sequence: i64,
        draft: Draft,
        metadata: &Metadata,
    ) -> Result<Row, CommitError> {
        let salt = self.entropy.text::<16>().map_err(vault::VaultError::from)?;
        let envelope = envelope::Draft {
            salt: &salt,
            tenant,
            aggregate_type: condition.aggregate_type,
            aggregate_id: &condition.aggregate_id,
            sequence,
            event_type: &draft.event_type,
            schema_version: draft.schema_version,
            data: &draft.data,
            metadata,
        };
        let envelope = envelope.to_text().map_err(|e| CommitError::Refused(e.to_string()))?;
        Ok(Row {
            tenant,
            aggregate_type: condition.aggregate_type,
            aggregate_id: condition.aggregate_id.clone(),
            sequence,
            first: sequence == condition.expected + 1,
            event_type: draft.event_type,
            schema_version: draft.schema_version,
            envelope,
        })
    }
}

impl<A> Loaded<A> {
    /// Another tenant's stream is not there, whoever asks.
    fn for_tenant(self, tenant: TenantId) -> Result<Self, StoreError> {
        if self.tenant == tenant { Ok(self) } else { Err(StoreError::Foreign) }
    }
}

pub(crate) fn owner_of(event: &SerializedEvent) -> Result<TenantId, StoreError> {
    let tenant = event.metadata["tenant"].as_str().and_then(|text| text.parse().ok());
    tenant.ok_or_else(|| StoreError::Unreadable("an event names no tenant".to_owned()))
}
