//! The past: what a read model would have shown at a position of the log, folded anew from one
//! stream. Nothing of it is stored.

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::Aggregate;
use domain::command::Root;
use domain::id::{TenantId, UserId, WhiskeyId};
use domain::moment::Moment;
use domain::nft::Nft;
use domain::user::{User, UserEvent};
use domain::whiskey::Whiskey;
use eventstore::Recorded;
use eventstore::journal::{Journal, JournalError};
use eventstore::recorded::Undecodable;
use eventstore::vault::{Vault, VaultError};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::nfts::NftRow;
use crate::users::{Person, UserRow};
use crate::whiskeys::WhiskeyRow;

/// How many events of a stream are read at once.
const BATCH: i64 = 500;
/// How many streams are folded at once.
const AT_ONCE: usize = 4;

/// The way to what was.
#[derive(Clone)]
pub struct Past {
    journal: Journal,
    vault: Vault,
    /// Of a long past there is much to fold, and the present needs the processor, too.
    places: Arc<Semaphore>,
}

#[derive(Debug, Error)]
pub enum PastError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What was there at a position of the log.
#[derive(Clone, Debug)]
pub struct Then<T> {
    pub row: T,
    /// The position up to which the log was read.
    pub position: i64,
    /// Where the events stand that it was made of.
    pub events: Vec<i64>,
}

/// What somebody could do at a position of the log.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    pub account: User,
    /// The positions of the events that made it so.
    pub by: Vec<i64>,
}

impl Authority {
    fn after(then: Option<Self>, event: &Recorded, happened: UserEvent) -> Option<Self> {
        let mut authority = then.unwrap_or_default();
        let counts = matches!(
            happened,
            UserEvent::UserRegistered { .. }
                | UserEvent::EmailVerified {}
                | UserEvent::RoleAssigned { .. }
                | UserEvent::UserStatusChanged { .. }
                | UserEvent::UserErased {}
        );
        if counts {
            authority.by.push(event.position);
        }
        authority.account.apply(happened);
        Some(authority)
    }
}

/// How a row changes by an event.
type Step<T, E> = fn(Option<T>, &Recorded, E) -> Result<Option<T>, Undecodable>;

impl Past {
    pub fn new(journal: Journal, vault: Vault) -> Self {
        Self { journal, vault, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The last position there is.
    pub async fn head(&self) -> Result<i64, PastError> {
        Ok(self.journal.head().await?)
    }

    /// The last position recorded at a moment or before it; -1 if there was none yet.
    pub async fn position_at(&self, moment: Moment) -> Result<i64, PastError> {
        Ok(self.journal.position_at(moment.plus(Duration::from_millis(1))).await? - 1)
    }

    /// A cask as it was.
    async fn whiskey(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
        position: i64,
    ) -> Result<Option<Then<WhiskeyRow>>, PastError> {
        self.fold::<Whiskey, _>(tenant, whiskey.to_string(), position, WhiskeyRow::after).await
    }

    /// A cask as it was, with its token as it was then. The events are those of both.
    pub async fn whiskey_beside(
        &self,
        tenant: TenantId,
        whiskey: WhiskeyId,
        position: i64,
    ) -> Result<Option<(Then<WhiskeyRow>, Option<NftRow>)>, PastError> {
        let Some(mut cask) = self.whiskey(tenant, whiskey, position).await? else {
            return Ok(None);
        };
        let token = self.nft(tenant, whiskey, position).await?;
        let token = token.map(|token| {
            cask.events.extend(token.events);
            token.row
        });
        Ok(Some((cask, token)))
    }

    /// A token as it was.
    pub async fn nft(
        &self,
        tenant: TenantId,
        token: WhiskeyId,
        position: i64,
    ) -> Result<Option<Then<NftRow>>, PastError> {
        self.fold::<Nft, _>(tenant, token.to_string(), position, NftRow::after).await
    }

    /// A person as they were, as far as they have not been erased since.
    pub async fn user(
        &self,
        tenant: TenantId,
        user: UserId,
        position: i64,
    ) -> Result<Option<Then<UserRow>>, PastError> {
        let person =
            self.fold::<User, _>(tenant, user.to_string(), position, Person::after).await?;
        match person {
            Some(Then { row, position, events }) => {
                let row = row.opened(&self.vault, tenant).await?;
                Ok(Some(Then { row, position, events }))
            }
            None => Ok(None),
        }
    }

    /// What somebody could do. Whoever was nobody then is none.
    pub async fn authority(
        &self,
        tenant: TenantId,
        user: UserId,
        position: i64,
    ) -> Result<Option<Then<Authority>>, PastError> {
        let step: Step<Authority, UserEvent> =
            |then, event, happened| Ok(Authority::after(then, event, happened));
        let then = self.fold::<User, _>(tenant, user.to_string(), position, step).await?;
        // What else happened to them did not make it so.
        Ok(then.map(|then| Then { events: then.row.by.clone(), ..then }))
    }

    async fn fold<A: Root, T>(
        &self,
        tenant: TenantId,
        id: String,
        position: i64,
        step: Step<T, A::Event>,
    ) -> Result<Option<Then<T>>, PastError> {
        let _place = self.places.acquire().await;
        let (mut row, mut used, mut after) = (None, Vec::new(), 0);
        loop {
            let stream = (A::TYPE, id.as_str());
            let span = (after, position);
            let events = self.journal.stream_until(tenant, stream, span, BATCH).await?;
            let Some(last) = events.last() else {
                return Ok(row.map(|row| Then { row, position, events: used }));
            };
            after = last.sequence;
            for event in &events {
                if let Some(happened) = event.event::<A>()? {
                    row = step(row, event, happened)?;
                    used.push(event.position);
                }
            }
        }
    }
}
