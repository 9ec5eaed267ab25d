//! The question: a message for the wallet, good for five minutes and one answer. What is kept of it is
//! a digest of who asked and of every letter of it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use domain::id::WhiskeyId;
use domain::moment::Moment;
use domain::nft::Nft;
use domain::nft::address::EvmAddress;
use domain::permission::Permission;
use serde::{Deserialize, Serialize};

use super::message::OwnershipMessage;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

const LIFE: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipQuestion {
    /// What the wallet is to sign, byte for byte.
    pub message: String,
    pub expires_at: Moment,
}

impl Commands {
    /// Asks the wallet for a signature that it holds the token.
    pub async fn ask_ownership(
        &self,
        asked: &Asked,
        token: WhiskeyId,
        wallet: EvmAddress,
    ) -> Result<Done<OwnershipQuestion>, CommandError> {
        asked.must_be_allowed(Permission::READ_WHISKEY)?;
        self.once(asked, || async {
            let nft = self.loaded::<Nft>(asked, &token.to_string()).await?;
            let order = nft.state.owned().map_err(CommandError::refused)?;
            let issued_at = self.store.clock().now();
            let nonce = self.entropy.bytes::<16>().map_err(unmade)?;
            let message = OwnershipMessage {
                site: self.site.as_ref().clone(),
                wallet,
                chain_id: order.chain_id,
                nonce: hex::encode(nonce),
                issued_at,
                expires_at: issued_at.plus(LIFE),
                contract: order.contract,
                token,
            };
            let (text, expires_at) = (message.to_string(), message.expires_at);
            let digest = question_digest(asked, &text);
            self.store.questions().ask(&digest, LIFE).await?;
            let question = OwnershipQuestion { message: text, expires_at };
            self.commit(asked, &question, self.begin(asked)).await
        })
        .await
    }
}

/// Names a question: somebody else's answer, or one to other words, is to another question.
pub(super) fn question_digest(asked: &Asked, message: &str) -> [u8; 32] {
    let (tenant, who) = (asked.context.tenant(), asked.context.actor.name());
    let named = format!("ownership/{tenant}/{who}/{message}");
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, named.as_bytes()).as_ref());
    name
}

fn unmade(error: impl std::fmt::Display) -> CommandError {
    CommandError::Broken(error.to_string())
}
