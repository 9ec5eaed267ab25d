//! An operator takes a token that is on the chain for the one that waits here.

use domain::id::WhiskeyId;
use domain::nft::{AdoptMint, Nft, RecordTransfer};
use domain::permission::Permission;
use domain::whiskey::{CompleteTokenisation, Whiskey};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::chain::Transfer;

impl Commands {
    /// One commit on the token and on its cask, which is tokenised now.
    pub async fn adopt_mint(
        &self,
        asked: &Asked,
        mint: WhiskeyId,
        adopt: &AdoptMint,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(Permission::OPERATE_MINTS)?;
        let id = mint.to_string();
        self.once(asked, || async {
            let (nft, adopted) = self.decide::<Nft, _>(asked, &id, adopt).await?;
            let network = nft.state.order().map(|order| order.network.clone()).unwrap_or_default();
            let complete = CompleteTokenisation { network };
            let (cask, completed) = self.decide::<Whiskey, _>(asked, &id, &complete).await?;
            let commit = self.begin(asked).append(&nft, adopted).append(&cask, completed);
            self.commit(asked, &mint, commit).await
        })
        .await
    }

    /// Writes down a movement of a token, unless it is in the log.
    pub async fn record_transfer(
        &self,
        asked: &Asked,
        Transfer { token, from, to, at }: Transfer,
    ) -> Result<(), CommandError> {
        let record = RecordTransfer { from, to, at };
        self.execute::<Nft, _, _>(asked, &token.to_string(), &record, ()).await?;
        Ok(())
    }
}
