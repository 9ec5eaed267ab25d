//! The ledger, for strangers' tools: signed heads and tiles as C2SP has them, and proofs.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use commands::Commands;
use domain::id::TenantId;
use domain::permission::{Actor, ActorType, Permission};
use domain::violation::Violation;
use eventstore::Recorded;
use eventstore::journal::Journal;
use eventstore::ledger::hash::Hash;
use eventstore::ledger::leaf;
use eventstore::ledger::read::{Head, Ledger, LedgerError, Which};
use eventstore::ledger::tile::Asked;
use poem::http::{HeaderValue, header};
use poem::web::Data;
use poem::{IntoResponse, Response, handler};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::PlainText;
use poem_openapi::{ApiResponse, Object, OpenApi};
use projections::{PastError, Readers};

use super::Tag;
use crate::http::authentication::{Caller, Visitor, must_be_allowed};
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::{PATIENCE, position};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
const NOT_KEPT: &str = "no-cache";
const LOOK_EVERY: Duration = Duration::from_millis(25);

pub struct LedgerProofs {
    pub ledger: Ledger,
    pub commands: Commands,
    pub journal: Journal,
    pub readers: Readers,
}

/// A text for programs, in no envelope.
#[derive(ApiResponse)]
enum Text {
    /// As it stands in the specification.
    #[oai(status = 200, content_type = "text/plain; charset=utf-8")]
    Plain(PlainText<String>, #[oai(header = "Cache-Control")] String),
}

/// That an event is in the tree.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Inclusion {
    position: String,
    /// Of the tree, in entries.
    size: String,
    /// From the leaf up, in base64.
    hashes: Vec<String>,
    /// The last head, or the one whose size was asked for if that is it.
    #[oai(skip_serializing_if_is_none)]
    checkpoint: Option<String>,
}

/// That one tree continues another.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Consistency {
    from: String,
    to: String,
    /// In base64.
    hashes: Vec<String>,
}

/// The keys of the log.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct LedgerKeys {
    /// Verifier keys (C2SP signed-note), the one that signs today first. Who trusts nobody has them
    /// from elsewhere.
    keys: Vec<String>,
}

#[OpenApi(tag = "Tag::Ledger")]
impl LedgerProofs {
    /// The last signed head of the log
    ///
    /// A signed note (C2SP tlog-checkpoint, Ed25519): the log's name, how many events there are, and
    /// the root of their Merkle tree (RFC 6962). Tiles are at `/ledger/tile/<level>/<number>` and
    /// `/ledger/tile/entries/<number>` beside it (C2SP tlog-tiles).
    #[oai(path = "/ledger/checkpoint", method = "get", operation_id = "ledger_checkpoint")]
    async fn ledger_checkpoint(
        &self,
        /// The last one that a witness signed, too.
        witnessed: Query<Option<bool>>,
    ) -> Result<Text, Problem> {
        let is_witnessed = witnessed.0.unwrap_or(false);
        let which = if is_witnessed { Which::Witnessed } else { Which::Newest };
        let head = self.head(which).await?;
        Ok(Text::Plain(PlainText(head.note.to_string()), NOT_KEPT.to_owned()))
    }

    /// The keys that sign the log's heads
    #[oai(path = "/ledger/keys", method = "get", operation_id = "ledger_keys")]
    async fn ledger_keys(&self) -> Result<Found<LedgerKeys>, Problem> {
        let keys = self.commands.ledger_keys().await.map_err(commands::CommandError::from)?;
        Ok(Found::new(LedgerKeys { keys }))
    }

    /// The proof that an event is in the log
    ///
    /// RFC 6962, section 2.1.1. The entry at a position is the 68 bytes that `docs/ledger.md`
    /// describes.
    #[oai(path = "/ledger/proof/inclusion", method = "get", operation_id = "inclusion_proof")]
    async fn inclusion_proof(
        &self,
        #[oai(name = "position")] at: Query<String>,
        /// Of the tree, in entries: the last signed one's if left out.
        size: Query<Option<String>>,
    ) -> Result<Found<Inclusion>, Problem> {
        let head = self.head(Which::Newest).await?;
        let size = self.size("size", size.0, &head)?;
        let at = number("position", &at.0)?;
        if at >= size {
            return Err(beyond("position", size));
        }
        let hashes = self.ledger.inclusion(at, size).await?;
        Ok(Found::new(Inclusion {
            position: at.to_string(),
            size: size.to_string(),
            hashes: written(&hashes),
            checkpoint: (size == head.size).then(|| head.note.to_string()),
        }))
    }

    /// The proof that the log was only added to
    ///
    /// RFC 6962, section 2.1.2.
    #[oai(path = "/ledger/proof/consistency", method = "get", operation_id = "consistency_proof")]
    async fn consistency_proof(
        &self,
        /// How many entries the earlier tree has.
        from: Query<String>,
        /// How many the later one has: the last signed one's if left out.
        to: Query<Option<String>>,
    ) -> Result<Found<Consistency>, Problem> {
        let head = self.head(Which::Newest).await?;
        let to = self.size("to", to.0, &head)?;
        let from = number("from", &from.0)?;
        if from > to {
            return Err(beyond("from", to + 1));
        }
        let hashes = self.ledger.consistency(from, to).await?;
        Ok(Found::new(Consistency {
            from: from.to_string(),
            to: to.to_string(),
            hashes: written(&hashes),
        }))
    }

    /// The receipt of an event of one's own tenant
    ///
    /// What a command answered as `X-Position`, proven to stand in the log, as a file
    /// (C2SP tlog-proof) that can be checked offline with the log's key alone; `extra` is the entry.
    /// Waits up to two seconds for the head that covers it, if the position is in the log.
    #[oai(path = "/ledger/receipts/:position", method = "get", operation_id = "ledger_receipt")]
    async fn ledger_receipt(
        &self,
        caller: Caller,
        #[oai(name = "position")] at: Path<String>,
    ) -> Result<Text, Problem> {
        let absent = || Problem::new(ErrorCode::NotFound);
        let at = number("position", &at.0)?;
        let head = self.head_over(at).await?;
        let receipt = self.ledger.receipt(at, head).await?.ok_or_else(absent)?;
        // Another tenant's events are not there.
        if leaf::tenant(&receipt.entry) != Some(caller.0.tenant()) {
            return Err(absent());
        }
        Ok(Text::Plain(PlainText(receipt.to_string()), NOT_KEPT.to_owned()))
    }

    /// The event that a receipt is of
    ///
    /// Its stored text, byte for byte: the SHA-256 of it is the end of the receipt's entry. What is
    /// personal in it is sealed. For whoever caused it, for the owner of the cask it happened to, and for
    /// auditors.
    #[oai(path = "/ledger/receipts/:position/event", method = "get", operation_id = "ledger_event")]
    async fn ledger_event(
        &self,
        caller: Caller,
        #[oai(name = "position")] at: Path<String>,
    ) -> Result<Text, Problem> {
        let (actor, at) = (caller.0, position("position", &at.0)?);
        let events = self.journal.after(at - 1, 1).await.map_err(PastError::from)?;
        // Another tenant's events are not there.
        let is_it = |event: &Recorded| event.position == at && event.tenant == actor.tenant();
        let event = events.into_iter().find(is_it);
        let event = event.ok_or_else(|| Problem::new(ErrorCode::NotFound))?;
        if !self.has_to_do_with(&actor, &event).await? {
            must_be_allowed(&actor, Permission::READ_AUDIT)?;
        }
        Ok(Text::Plain(PlainText(event.envelope), "private, no-store".to_owned()))
    }
}

impl LedgerProofs {
    /// Whether it is of the caller's own doing, or happened to a cask of theirs.
    async fn has_to_do_with(&self, actor: &Actor, event: &Recorded) -> Result<bool, Problem> {
        let Some(user) = actor.user() else { return Ok(false) };
        let by = &event.metadata;
        if by.actor_type == ActorType::User && by.actor == user.to_string() {
            return Ok(true);
        }
        // A token has its cask's id.
        if !["whiskey", "nft"].contains(&event.aggregate_type.as_str()) {
            return Ok(false);
        }
        let Ok(cask) = event.aggregate_id.parse() else { return Ok(false) };
        let cask = self.readers.whiskey(actor.tenant(), cask).await?;
        Ok(cask.is_some_and(|cask| cask.owner == user.value()))
    }

    async fn head(&self, which: Which) -> Result<Head, Problem> {
        let head = self.ledger.head(which).await?;
        head.ok_or_else(|| Problem::new(ErrorCode::NotFound))
    }

    /// A head that covers the position: the last one a witness signed if it does, or else the last
    /// one, which may be about to be signed.
    async fn head_over(&self, position: u64) -> Result<Head, Problem> {
        let covers = |head: &Head| head.size > position;
        if let Some(head) = self.ledger.head(Which::Witnessed).await?.filter(covers) {
            return Ok(head);
        }
        // Nobody waits for what has no position yet.
        if position >= self.ledger.next_position().await? {
            return Err(Problem::new(ErrorCode::NotFound));
        }
        let waiting = async {
            loop {
                if let Some(head) = self.ledger.head(Which::Newest).await?.filter(covers) {
                    return Ok(head);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = |_| Err(Problem::new(ErrorCode::ProjectionBehind));
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(late)
    }

    /// A size that was asked for. More than was signed is not there.
    fn size(&self, name: &str, text: Option<String>, head: &Head) -> Result<u64, Problem> {
        match text {
            None => Ok(head.size),
            Some(text) => match number(name, &text)? {
                size if size <= head.size => Ok(size),
                _ => Err(beyond(name, head.size + 1)),
            },
        }
    }
}

/// A tile, for ever the same. Hashes tell nothing but how many there are. Entries tell whose events
/// came when, so they are for the platform's own auditors.
#[handler]
pub async fn tile(
    ledger: Data<&Ledger>,
    visitor: Visitor,
    path: poem::web::Path<String>,
) -> Result<Response, Problem> {
    let absent = || Problem::new(ErrorCode::NotFound);
    let asked = Asked::parse(&path.0).ok_or_else(absent)?;
    if asked.level.is_none() {
        let reader = visitor.0.ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        must_be_allowed(&reader, Permission::READ_AUDIT)?;
        if reader.tenant() != TenantId::PLATFORM {
            return Err(Problem::new(ErrorCode::PermissionDenied));
        }
    }
    let bytes = ledger.tile(asked).await?.ok_or_else(absent)?;
    let mut response = bytes.with_content_type("application/octet-stream").into_response();
    // What not everybody may read is kept by nobody between.
    let kept = if asked.level.is_some() { FOR_EVER } else { PRIVATE };
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}

fn number(name: &str, text: &str) -> Result<u64, Problem> {
    Ok(u64::try_from(position(name, text)?).unwrap_or_default())
}

fn beyond(name: &str, end: u64) -> Problem {
    let last = end.saturating_sub(1).to_string();
    Problem::invalid_field(name, Violation::OutOfRange("0".to_owned(), last))
}

fn written(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Database(reason) => {
                tracing::warn!(%reason, "the ledger was not read");
                Self::new(ErrorCode::DatabaseUnavailable)
            }
            LedgerError::Broken(_) | LedgerError::Note(_) => Self::internal(&error),
        }
    }
}
