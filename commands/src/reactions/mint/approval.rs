//! The approval of a cask, as the contract wants it proven where it mints nothing else. The contract puts the
//! beginning of the stored text together itself, so it is given in parts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::id::WhiskeyId;
use eventstore::Recorded;
use serde::Deserialize;

use super::anchor::unread;
use super::lane::LaneWorker;
use crate::outside::chain::ApprovalProof;
use crate::reactions::ReactionError;

/// From here on the envelope's text is taken as it is.
const REST: &str = "\"schemaVersion\"";

impl LaneWorker {
    /// The last approval of a cask.
    pub(super) async fn approval(&self, mint: WhiskeyId) -> Result<Recorded, ReactionError> {
        let journal = self.commands.store.journal();
        let found = journal.last("whiskey", &mint.to_string(), "whiskey.approved").await;
        let found = found.map_err(|error| ReactionError::NotYet(error.to_string()))?;
        found.ok_or_else(|| ReactionError::Failed(format!("{mint} was never approved")))
    }

    /// That it stands in the anchored head of this size.
    pub(super) async fn approval_proof(
        &self,
        mint: WhiskeyId,
        size: u64,
    ) -> Result<ApprovalProof, ReactionError> {
        let approval = self.approval(mint).await?;
        let broken = || ReactionError::Failed(format!("the approval of {mint} cannot be proven"));
        let parts = parts(&approval, size).ok_or_else(broken)?;
        let path = self.ledger.inclusion(parts.position, size).await.map_err(unread)?;
        Ok(ApprovalProof { path, ..parts })
    }
}

/// What of an envelope the contract does not write itself.
#[derive(Deserialize)]
struct Salted {
    salt: String,
}

/// All but the path.
fn parts(approval: &Recorded, tree_size: u64) -> Option<ApprovalProof> {
    let Salted { salt } = serde_json::from_str(&approval.envelope).ok()?;
    let salt = URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?;
    let (_, rest) = approval.envelope.split_at_checked(approval.envelope.find(REST)?)?;
    Some(ApprovalProof {
        salt,
        tenant: u64::try_from(approval.tenant.value()).ok()?,
        sequence: u64::try_from(approval.sequence).ok()?,
        rest: rest.as_bytes().to_vec(),
        tenant_position: u64::try_from(approval.tenant_position).ok()?,
        recorded_at: approval.recorded_at.unix_ms(),
        position: u64::try_from(approval.position).ok()?,
        tree_size,
        path: Vec::new(),
    })
}
