//! From a request to where it waits for a nonce: its metadata is published and written down. Only
//! then is the message done with: from there on the log says what is left to do.

use domain::id::{TenantId, WhiskeyId};
use domain::nft::{Nft, PinMetadata, metadata};
use domain::whiskey::Whiskey;
use eventstore::{Loaded, Recorded};

use super::{Minter, asked};
use crate::error::CommandError;
use crate::execute::Asked;
use crate::reactions::ReactionError;

impl Minter {
    pub(super) async fn take(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Ok(mint) = recorded.aggregate_id.parse::<WhiskeyId>() else {
            return Err(ReactionError::Failed("the stream has no cask's id".to_owned()));
        };
        let cause = format!("position:{}", recorded.position);
        let asked = asked(recorded.tenant, &recorded.metadata.correlation_id, &cause);
        self.prepare(&asked, recorded.tenant, mint).await
    }

    /// Brings a mint to where it waits. Done again, it does no harm.
    pub(super) async fn prepare(
        &self,
        asked: &Asked,
        tenant: TenantId,
        mint: WhiskeyId,
    ) -> Result<(), ReactionError> {
        loop {
            let nft: Loaded<Nft> = self.commands.mint_state(tenant, mint).await?;
            match nft.state.as_ref() {
                Nft::Requested { .. } => self.pin(asked, mint).await?,
                Nft::Pinned { order, .. } => {
                    let chain_id = order.chain_id;
                    let network =
                        self.networks.iter().find(|it| it.network.chain.chain_id() == chain_id);
                    let Some(served) = network else {
                        let reason = format!("chain {chain_id} is not this worker's");
                        return Err(ReactionError::NotYet(reason));
                    };
                    served.waiting.add(tenant, mint);
                    return Ok(());
                }
                Nft::Unrequested
                | Nft::Assigned { .. }
                | Nft::Confirmed { .. }
                | Nft::Burned { .. }
                | Nft::Failed { .. } => return Ok(()),
            }
        }
    }

    /// Publishes the metadata document and writes down that it did.
    async fn pin(&self, asked: &Asked, mint: WhiskeyId) -> Result<(), ReactionError> {
        let whiskey: Loaded<Whiskey> =
            self.commands.mint_state(asked.context.tenant(), mint).await?;
        let entry = whiskey.state.entry().map_err(CommandError::from)?;
        let document = metadata::document(entry);
        let cid = self.publish(mint, &document).await?;
        let digest = hex::encode(cid.hash().digest());
        let pin = PinMetadata { cid: cid.to_string(), digest, document };
        self.commands.execute::<Nft, _, _>(asked, &mint.to_string(), &pin, ()).await?;
        Ok(())
    }
}
