//! What a nonce is spent on, put together from what was ordered.

use domain::nft::Nft;
use domain::nft::address::EvmAddress;
use eventstore::Loaded;

use super::ready::mint_of;
use crate::outside::chain::{ApprovalProof, Mint, Spending};
use crate::reactions::ReactionError;

/// These mints in one transaction.
pub(super) fn mints(nfts: &[Loaded<Nft>]) -> Result<Spending, ReactionError> {
    let mints = nfts.iter().map(mint).collect::<Result<_, _>>()?;
    Ok(Spending::Mints { contract: contract(nfts)?, mints })
}

/// The only one of them, with the proof of its approval.
pub(super) fn approved(
    nfts: &[Loaded<Nft>],
    proof: ApprovalProof,
) -> Result<Spending, ReactionError> {
    let [nft] = nfts else { return Err(broken("one proof is for one mint".to_owned())) };
    Ok(Spending::ApprovedMint {
        contract: contract(nfts)?,
        mint: mint(nft)?,
        proof: Box::new(proof),
    })
}

fn contract(nfts: &[Loaded<Nft>]) -> Result<EvmAddress, ReactionError> {
    let order = nfts.first().and_then(|nft| nft.state.order());
    order.map(|order| order.contract).ok_or_else(|| broken("a slot is for nothing".to_owned()))
}

/// What was ordered, with the digest of what was published.
fn mint(nft: &Loaded<Nft>) -> Result<Mint, ReactionError> {
    let (Nft::Assigned { order, digest: published, .. }
    | Nft::Pinned { order, digest: published, .. }) = nft.state.as_ref()
    else {
        return Err(broken(format!("{} is not to be minted", nft.id)));
    };
    let mut digest = [0; 32];
    hex::decode_to_slice(published, &mut digest)
        .map_err(|_| broken(format!("{} has no digest", nft.id)))?;
    Ok(Mint { recipient: order.recipient, token: mint_of(nft), digest })
}

fn broken(reason: String) -> ReactionError {
    ReactionError::Failed(reason)
}
