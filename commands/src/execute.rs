//! Executing commands: permission, load, decide, commit; and doing once what is asked twice.

use std::future::Future;
use std::sync::Arc;

use domain::command::{Command, Root};
use domain::id::TenantId;
use domain::permission::{Actor, Permission};
use eventstore::ids::Ids;
use eventstore::{Commit, Context, Entropy, IdempotencyKey, Loaded, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::claims::ClaimDigests;
use crate::error::CommandError;
use crate::nft::ownership::Site;
use crate::nft::{Chains, MintPolicies};
use crate::outside::challenges::Challenges;
use crate::outside::device_tokens::DeviceTokens;
use crate::outside::objects::Objects;
use crate::outside::passwords::Passwords;
use crate::outside::refresh_tokens::RefreshTokens;
use crate::outside::sign_in_codes::SignInCodes;
use crate::outside::tokens::Tokens;

/// How often a command that lost against a concurrent one is decided again.
const ATTEMPTS: usize = 4;
/// How often one is that must not be outrun: the end of sessions that somebody keeps busy.
const STUBBORN_ATTEMPTS: usize = 200;

/// The write side of one process.
#[derive(Clone)]
pub struct Commands {
    pub store: Store,
    pub ids: Ids,
    pub entropy: Entropy,
    pub passwords: Passwords,
    pub tokens: Arc<Tokens>,
    pub challenges: Arc<Challenges>,
    pub refresh_tokens: Arc<RefreshTokens>,
    pub device_tokens: Arc<DeviceTokens>,
    pub sign_in_codes: Arc<SignInCodes>,
    pub claim_digests: Arc<ClaimDigests>,
    pub mint_policies: Arc<MintPolicies>,
    pub chains: Arc<Chains>,
    /// Who wallets are told they sign for.
    pub site: Arc<Site>,
    pub objects: Objects,
    /// Places for uploads: each holds some MiB.
    pub uploads: Arc<Semaphore>,
}

/// A command with its circumstances.
#[derive(Clone, Debug)]
pub struct Asked {
    pub context: Context,
    pub key: Option<IdempotencyKey>,
    /// The sequence the caller last saw of what it wants to change.
    pub if_match: Option<i64>,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Done<T> {
    pub answer: T,
    /// The position a reader has to have seen to see this.
    pub position: i64,
    /// The sequence its stream is at now, where the command was about one stream.
    pub sequence: Option<i64>,
    /// Asked before: this is the answer of then.
    pub repeated: bool,
}

impl<T> Done<T> {
    /// The same deed, told in other words.
    pub(crate) fn with<U>(self, answer: U) -> Done<U> {
        let Self { position, sequence, repeated, .. } = self;
        Done { answer, position, sequence, repeated }
    }
}

impl Asked {
    pub fn by(context: Context) -> Self {
        Self { context, key: None, if_match: None }
    }

    /// The same, for an account in a tenant the caller need not name.
    pub(crate) fn for_tenant(&self, tenant: TenantId) -> Self {
        let mut asked = self.clone();
        if let Actor::Anonymous { tenant: named } = &mut asked.context.actor {
            *named = tenant;
        }
        asked
    }

    /// The same, done by one of our processes on behalf of another tenant.
    pub(crate) fn in_tenant(&self, tenant: TenantId) -> Self {
        let mut asked = self.clone();
        if let Actor::System { tenant: named, .. } = &mut asked.context.actor {
            *named = tenant;
        }
        asked
    }

    pub(crate) fn must_be_allowed(&self, permission: Permission) -> Result<(), CommandError> {
        if self.context.actor.may(permission) {
            Ok(())
        } else {
            Err(CommandError::Forbidden(permission))
        }
    }

    /// What `If-Match` demands.
    pub(crate) fn must_match<A>(&self, loaded: &Loaded<A>) -> Result<(), CommandError> {
        match self.if_match {
            Some(expected) if expected != loaded.sequence => {
                Err(CommandError::PreconditionFailed { expected, actual: loaded.sequence })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Commands {
    /// One command on one stream.
    pub(crate) async fn execute<A, C, T>(
        &self,
        asked: &Asked,
        id: &str,
        command: &C,
        answer: T,
    ) -> Result<Done<T>, CommandError>
    where
        A: Root,
        C: Command<A> + Sync,
        T: Serialize + DeserializeOwned + Clone + Sync,
    {
        asked.must_be_allowed(C::REQUIRES)?;
        self.once(asked, || async {
            let (loaded, events) = self.decide::<A, C>(asked, id, command).await?;
            let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or_default();
            let commit = self.begin(asked).append(&loaded, events);
            self.commit_at(asked, Some(sequence), &answer, commit).await
        })
        .await
    }

    /// One command that begins a stream.
    pub(crate) async fn execute_first<A, C, T>(
        &self,
        asked: &Asked,
        id: &str,
        command: &C,
        answer: T,
    ) -> Result<Done<T>, CommandError>
    where
        A: Root,
        C: Command<A> + Sync,
        T: Serialize + DeserializeOwned + Clone + Sync,
    {
        asked.must_be_allowed(C::REQUIRES)?;
        self.once(asked, || async {
            let (loaded, events) = self.decide_first::<A, C>(asked, id, command)?;
            let sequence = i64::try_from(events.len()).unwrap_or_default();
            let commit = self.begin(asked).append(&loaded, events);
            self.commit_at(asked, Some(sequence), &answer, commit).await
        })
        .await
    }

    /// Loads and decides. A remembered state may only say yes: before it refuses, or finds nothing
    /// to do, the log is asked.
    pub(crate) async fn decide<A, C>(
        &self,
        asked: &Asked,
        id: &str,
        command: &C,
    ) -> Result<(Loaded<A>, Vec<A::Event>), CommandError>
    where
        A: Root,
        C: Command<A>,
    {
        let tenant = asked.context.tenant();
        let loaded = match self.store.load::<A>(tenant, id).await {
            // Another tenant's is refused in the words of one that does not exist.
            Err(StoreError::Foreign) => self.store.unwritten::<A>(tenant, id),
            loaded => loaded?,
        };
        let remembered = asked
            .must_match(&loaded)
            .and_then(|()| command.decide(&loaded.state).map_err(CommandError::refused));
        match remembered {
            Ok(events) if !events.is_empty() || loaded.fresh => Ok((loaded, events)),
            Err(refusal) if loaded.fresh => Err(refusal),
            Ok(_) | Err(_) => {
                let loaded = self.store.load_fresh::<A>(tenant, id).await?;
                asked.must_match(&loaded)?;
                let events = command.decide(&loaded.state).map_err(CommandError::refused)?;
                Ok((loaded, events))
            }
        }
    }

    /// A stream as the log has it now. Another tenant's is as one that does not exist.
    pub(crate) async fn loaded<A: Root>(
        &self,
        asked: &Asked,
        id: &str,
    ) -> Result<Loaded<A>, CommandError> {
        let tenant = asked.context.tenant();
        match self.store.load_fresh::<A>(tenant, id).await {
            Err(StoreError::Foreign) => Ok(self.store.unwritten::<A>(tenant, id)),
            loaded => Ok(loaded?),
        }
    }

    /// Loads and decides, in the same time whether or not anybody wrote to the stream lately.
    pub(crate) async fn decide_evenly<A, C>(
        &self,
        asked: &Asked,
        id: &str,
        command: &C,
    ) -> Result<(Loaded<A>, Vec<A::Event>), CommandError>
    where
        A: Root,
        C: Command<A>,
    {
        let loaded = self.store.load_evenly::<A>(asked.context.tenant(), id).await?;
        let events = command.decide(&loaded.state).map_err(CommandError::refused)?;
        Ok((loaded, events))
    }

    /// Decides on what was loaded a moment ago, for a commit that checks whether it is still so. It
    /// may only say yes, too; to decide again after a lost commit, nothing is `seen`.
    pub(crate) async fn decide_on<A, C>(
        &self,
        asked: &Asked,
        seen: Option<&Loaded<A>>,
        id: &str,
        command: &C,
    ) -> Result<(Loaded<A>, Vec<A::Event>), CommandError>
    where
        A: Root,
        C: Command<A>,
    {
        match seen.map(|seen| (seen, command.decide(&seen.state))) {
            Some((seen, Ok(events))) => Ok((seen.clone(), events)),
            Some((_, Err(_))) | None => self.decide::<A, C>(asked, id, command).await,
        }
    }

    /// Decides on a stream under an id that was made just now.
    pub(crate) fn decide_first<A, C>(
        &self,
        asked: &Asked,
        id: &str,
        command: &C,
    ) -> Result<(Loaded<A>, Vec<A::Event>), CommandError>
    where
        A: Root,
        C: Command<A>,
    {
        let loaded = self.store.unwritten::<A>(asked.context.tenant(), id);
        let events = command.decide(&loaded.state).map_err(CommandError::refused)?;
        Ok((loaded, events))
    }

    pub(crate) fn begin<'a>(&self, asked: &'a Asked) -> Commit<'a> {
        self.store.begin(&asked.context)
    }

    /// Commits with the answer that a repetition of the request will get.
    pub(crate) async fn commit<T: Serialize + Clone>(
        &self,
        asked: &Asked,
        answer: &T,
        commit: Commit<'_>,
    ) -> Result<Done<T>, CommandError> {
        self.commit_at(asked, None, answer, commit).await
    }

    /// The same, for a command about one stream that will be at `sequence`.
    pub(crate) async fn commit_at<T: Serialize + Clone>(
        &self,
        asked: &Asked,
        sequence: Option<i64>,
        answer: &T,
        commit: Commit<'_>,
    ) -> Result<Done<T>, CommandError> {
        let told = serde_json::to_string(&Told { answer, sequence })
            .map_err(|error| CommandError::Broken(error.to_string()))?;
        let committed = self.store.commit(commit.answering(asked.key.clone(), told)).await?;
        let position = committed.position;
        Ok(Done { answer: answer.clone(), position, sequence, repeated: false })
    }

    /// Does the work at most once per idempotency key, and again when a concurrent write won.
    pub(crate) async fn once<T, F>(
        &self,
        asked: &Asked,
        work: impl Fn() -> F,
    ) -> Result<Done<T>, CommandError>
    where
        T: DeserializeOwned,
        F: Future<Output = Result<Done<T>, CommandError>>,
    {
        self.at_most(ATTEMPTS, asked, work).await
    }

    /// The same for what has to win in the end.
    pub(crate) async fn once_stubbornly<T, F>(
        &self,
        asked: &Asked,
        work: impl Fn() -> F,
    ) -> Result<Done<T>, CommandError>
    where
        T: DeserializeOwned,
        F: Future<Output = Result<Done<T>, CommandError>>,
    {
        self.at_most(STUBBORN_ATTEMPTS, asked, work).await
    }

    async fn at_most<T, F>(
        &self,
        attempts: usize,
        asked: &Asked,
        work: impl Fn() -> F,
    ) -> Result<Done<T>, CommandError>
    where
        T: DeserializeOwned,
        F: Future<Output = Result<Done<T>, CommandError>>,
    {
        if let Some(done) = self.answered_before(asked).await? {
            return Ok(done);
        }
        let mut attempt = 1;
        loop {
            match work().await {
                Err(CommandError::Conflict) if attempt < attempts => attempt += 1,
                Err(repeated @ CommandError::Repeated { .. }) => return repeat(repeated),
                Err(error) => return self.first_answer(asked, error).await,
                done => return done,
            }
        }
    }

    /// A repetition that overtook the first request's answer is refused by what that one did: it
    /// gets the first answer instead.
    async fn first_answer<T: DeserializeOwned>(
        &self,
        asked: &Asked,
        error: CommandError,
    ) -> Result<Done<T>, CommandError> {
        self.answered_before(asked).await?.ok_or(error)
    }

    /// What was answered to this request, if it is a repetition.
    pub(crate) async fn answered_before<T: DeserializeOwned>(
        &self,
        asked: &Asked,
    ) -> Result<Option<Done<T>>, CommandError> {
        let Some(key) = &asked.key else {
            return Ok(None);
        };
        match self.store.answered(&asked.context, key).await? {
            Some(known) => repeat(known.into()).map(Some),
            None => Ok(None),
        }
    }
}

/// What is kept for a repetition of the request.
#[derive(Serialize, Deserialize)]
struct Told<T> {
    answer: T,
    sequence: Option<i64>,
}

/// The answer of then, if that is what the error is.
fn repeat<T: DeserializeOwned>(error: CommandError) -> Result<Done<T>, CommandError> {
    match error {
        CommandError::Repeated { answer, position } => {
            let told: Told<T> = serde_json::from_str(&answer)
                .map_err(|error| CommandError::Broken(error.to_string()))?;
            Ok(Done { answer: told.answer, position, sequence: told.sequence, repeated: true })
        }
        other => Err(other),
    }
}
