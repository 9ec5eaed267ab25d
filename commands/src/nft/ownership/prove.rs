//! The answer, judged: a message of ours for this token, not too old, signed by the wallet it names,
//! which holds the token in a final block; and the question is still open. Whatever is wrong, the
//! refusal is the same.

use domain::id::WhiskeyId;
use domain::moment::Moment;
use domain::nft::address::EvmAddress;
use domain::nft::{Nft, Order, RecordOwnership};
use domain::permission::Permission;
use domain::refusal::Kind;
use serde::{Deserialize, Serialize};

use super::ask::question_digest;
use super::message::{OwnershipMessage, Site};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::nft::chains::unreachable_chain;
use crate::outside::ethers::{signer_of, text_hash};
use crate::outside::readable_chain::{Holding, ReadableChain};

/// What is said to prove it.
pub struct OwnershipAnswer {
    pub message: String,
    pub signature: Vec<u8>,
}

/// It was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    pub token: WhiskeyId,
    pub wallet: String,
    /// Who holds the token in the final block: the wallet.
    pub owner: String,
    pub block_number: u64,
    pub block_hash: String,
    /// In the newest block, which may yet go away, somebody else has it.
    pub pending_transfer: bool,
}

impl Commands {
    pub async fn prove_ownership(
        &self,
        asked: &Asked,
        answer: &OwnershipAnswer,
    ) -> Result<Done<Ownership>, CommandError> {
        asked.must_be_allowed(Permission::READ_WHISKEY)?;
        if let Some(done) = self.answered_before(asked).await? {
            return Ok(done);
        }
        let (message, order) = self.question_of(asked, &answer.message).await?;
        let chain = &self.chains.of(order.chain_id)?.chain;
        let hash = text_hash(&answer.message);
        let holding = chain.holding(order.contract, message.token).await;
        let holding = holding.map_err(unreachable_chain)?;
        must_hold(&holding, message.wallet)?;
        let (block, signature) = (holding.block_number, &answer.signature);
        must_be_signed(chain.as_ref(), &message, hash, signature, block).await?;
        // Last, so that a question is not used up while the chain cannot be asked.
        let digest = question_digest(asked, &answer.message);
        if !self.store.questions().answer(&digest).await? {
            // Of the same request twice at once, the second may be answered as the first.
            return self.answered_before(asked).await?.ok_or_else(|| not_proven("not open"));
        }
        self.record(asked, &message, hash, holding).await
    }

    /// What the message asks, if it is one of ours about a token that is there.
    async fn question_of(
        &self,
        asked: &Asked,
        text: &str,
    ) -> Result<(OwnershipMessage, Order), CommandError> {
        let message = OwnershipMessage::read(text).ok_or_else(|| not_proven("not a message"))?;
        let nft = self.loaded::<Nft>(asked, &message.token.to_string()).await?;
        let order = nft.state.owned().map_err(|_| not_proven("not a token"))?.clone();
        must_be_ours(&message, &self.site, &order, self.store.clock().now())?;
        Ok((message, order))
    }

    async fn record(
        &self,
        asked: &Asked,
        message: &OwnershipMessage,
        hash: [u8; 32],
        holding: Holding,
    ) -> Result<Done<Ownership>, CommandError> {
        let wallet = message.wallet;
        let record = RecordOwnership {
            user: asked.context.actor.user(),
            address: wallet,
            message_hash: format!("0x{}", hex::encode(hash)),
            block_number: holding.block_number,
            block_hash: holding.block_hash.clone(),
        };
        let proven = Ownership {
            token: message.token,
            wallet: wallet.to_string(),
            owner: wallet.to_string(),
            block_number: holding.block_number,
            block_hash: holding.block_hash,
            pending_transfer: holding.latest_owner != Some(wallet),
        };
        self.execute::<Nft, _, _>(asked, &message.token.to_string(), &record, proven).await
    }
}

fn must_be_ours(
    message: &OwnershipMessage,
    site: &Site,
    order: &Order,
    now: Moment,
) -> Result<(), CommandError> {
    let checks = [
        (message.site == *site, "another site"),
        (message.chain_id == order.chain_id, "another chain"),
        (message.contract == order.contract, "another contract"),
        (message.issued_at <= now, "not yet issued"),
        (now < message.expires_at, "expired"),
    ];
    match checks.into_iter().find(|(holds, _)| !holds) {
        Some((_, reason)) => Err(not_proven(reason)),
        None => Ok(()),
    }
}

fn must_hold(holding: &Holding, wallet: EvmAddress) -> Result<(), CommandError> {
    if holding.owner == Some(wallet) { Ok(()) } else { Err(not_proven("not the holder")) }
}

/// By the wallet's own key, or, where the wallet is a contract, by its word. The key first: an account
/// that has code has its key all the same.
async fn must_be_signed(
    chain: &dyn ReadableChain,
    message: &OwnershipMessage,
    hash: [u8; 32],
    signature: &[u8],
    block: u64,
) -> Result<(), CommandError> {
    if signer_of(hash, signature) == Some(message.wallet) {
        return Ok(());
    }
    let stands_by = chain.stands_by(message.wallet, hash, signature, block).await;
    match stands_by.map_err(unreachable_chain)? {
        true => Ok(()),
        false => Err(not_proven("not signed by the wallet")),
    }
}

/// The reason is for our log: whoever tries is told nothing.
fn not_proven(reason: &'static str) -> CommandError {
    tracing::info!(reason, "ownership was not proven");
    CommandError::Refused {
        kind: Kind::Forbidden,
        code: "OWNERSHIP_NOT_PROVEN",
        message: "ownership is not proven".to_owned(),
        state: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_795_000_000_000);

    fn order() -> Order {
        Order {
            network: "development".to_owned(),
            chain_id: 31_337,
            contract: EvmAddress::from_bytes([7; 20]),
            recipient: EvmAddress::from_bytes([8; 20]),
        }
    }

    fn site() -> Site {
        Site::of("https://casks.example").unwrap()
    }

    fn message() -> OwnershipMessage {
        OwnershipMessage {
            site: site(),
            wallet: EvmAddress::from_bytes([8; 20]),
            chain_id: 31_337,
            nonce: "0123456789abcdef".to_owned(),
            issued_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(300)),
            contract: EvmAddress::from_bytes([7; 20]),
            token: WhiskeyId::new(7_300_003),
        }
    }

    fn is_ours(message: &OwnershipMessage, now: Moment) -> bool {
        must_be_ours(message, &site(), &order(), now).is_ok()
    }

    #[test]
    fn a_message_is_for_one_site_one_chain_and_one_contract() {
        assert!(is_ours(&message(), NOW));
        let other = Site::of("https://cask.example").unwrap();
        let domain = Site { domain: other.domain.clone(), ..site() };
        let uri = Site { uri: other.uri, ..site() };
        for site in [domain, uri] {
            assert!(!is_ours(&OwnershipMessage { site, ..message() }, NOW));
        }
        assert!(!is_ours(&OwnershipMessage { chain_id: 1, ..message() }, NOW));
        let contract = EvmAddress::from_bytes([9; 20]);
        assert!(!is_ours(&OwnershipMessage { contract, ..message() }, NOW));
    }

    #[test]
    fn a_message_is_good_from_when_it_was_issued_until_it_expires() {
        let after = |ms| NOW.plus(Duration::from_millis(ms));
        assert!(is_ours(&message(), after(299_999)));
        assert!(!is_ours(&message(), after(300_000)));
        assert!(!is_ours(&message(), NOW.minus(Duration::from_millis(1))));
    }

    #[test]
    fn only_who_holds_it_in_a_final_block_has_it() {
        let wallet = EvmAddress::from_bytes([8; 20]);
        let holding = |owner, latest_owner| Holding {
            block_number: 9,
            block_hash: "0xb9".to_owned(),
            owner,
            latest_owner,
        };
        let other = Some(EvmAddress::from_bytes([9; 20]));
        assert!(must_hold(&holding(Some(wallet), Some(wallet)), wallet).is_ok());
        assert!(must_hold(&holding(Some(wallet), other), wallet).is_ok());
        assert!(must_hold(&holding(other, Some(wallet)), wallet).is_err());
        assert!(must_hold(&holding(None, Some(wallet)), wallet).is_err());
    }
}
