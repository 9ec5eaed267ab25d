//! From a request to a nonce: publish the metadata, then assign.

use domain::command::Command;
use domain::id::WhiskeyId;
use domain::lane::{AssignNonce, Lane, LaneError};
use domain::nft::{AssignMint, Nft, PinMetadata, metadata};
use domain::whiskey::Whiskey;
use eventstore::{Context, Loaded, Recorded};

use super::{Minter, NAME};
use crate::error::CommandError;
use crate::execute::Asked;
use crate::reactions::ReactionError;

impl Minter {
    /// Brings a request to its nonce. Only then is the message done with: from there on the lane
    /// itself says what is left to do.
    pub(super) async fn take(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Ok(mint) = recorded.aggregate_id.parse::<WhiskeyId>() else {
            return Err(ReactionError::Failed("the stream has no cask's id".to_owned()));
        };
        let cause = format!("position:{}", recorded.position);
        let context =
            Context::system(recorded.tenant, NAME, &recorded.metadata.correlation_id, &cause);
        let asked = Asked::by(context);
        loop {
            let nft: Loaded<Nft> = self.load(recorded.tenant, mint).await?;
            match nft.state.as_ref() {
                Nft::Requested { order } | Nft::Pinned { order, .. }
                    if order.chain_id != self.chain.chain_id() =>
                {
                    let reason = format!("chain {} is not this worker's", order.chain_id);
                    return Err(ReactionError::NotYet(reason));
                }
                Nft::Requested { .. } => self.pin(&asked, mint).await?,
                Nft::Pinned { .. } => self.assign(&asked, mint).await?,
                Nft::Unrequested | Nft::Assigned { .. } | Nft::Confirmed { .. } | Nft::Failed => {
                    return Ok(());
                }
            }
        }
    }

    /// Publishes the metadata document and writes down that it did.
    async fn pin(&self, asked: &Asked, mint: WhiskeyId) -> Result<(), ReactionError> {
        let whiskey: Loaded<Whiskey> = self.load(asked.context.tenant(), mint).await?;
        let entry = whiskey.state.entry().map_err(CommandError::from)?;
        let document = metadata::document(entry);
        let cid = self.publish(mint, &document).await?;
        let digest = hex::encode(cid.hash().digest());
        let pin = PinMetadata { cid: cid.to_string(), digest, document };
        self.commands.execute::<Nft, _, _>(asked, &mint.to_string(), &pin, ()).await?;
        Ok(())
    }

    /// Gives the mint the lane's next nonce: one commit on both streams.
    async fn assign(&self, asked: &Asked, mint: WhiskeyId) -> Result<(), ReactionError> {
        let lane = self.lane().await?;
        let in_lane = self.in_lane(asked);
        let next = AssignNonce { tenant: asked.context.tenant(), mint };
        let nonce = match lane.state.as_ref() {
            Lane::Open { next_nonce, .. } => *next_nonce,
            Lane::Unopened => return Err(ReactionError::NotYet("the lane is not open".into())),
        };
        let numbered = next.decide(&lane.state);
        let numbered = match numbered {
            Ok(events) => events,
            Err(LaneError::Full) => return Err(ReactionError::NotYet(LaneError::Full.to_string())),
            Err(error) => return Err(ReactionError::Failed(error.to_string())),
        };
        let give = AssignMint {
            network: self.chain.network().to_owned(),
            signer: self.chain.signer(),
            nonce,
        };
        let (nft, given) = self.commands.decide::<Nft, _>(asked, &mint.to_string(), &give).await?;
        let commit = self.commands.begin(&in_lane).append(&lane, numbered).append(&nft, given);
        self.commands.commit(&in_lane, &(), commit).await?;
        tracing::info!(%mint, nonce, network = self.chain.network(), "nonce assigned");
        self.assigned.notify_one();
        Ok(())
    }
}
