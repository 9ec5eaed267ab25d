//! Giving a mint up: at once while it has no nonce; by asking the worker to spend the nonce on nothing
//! once it has one.

use domain::command::Command;
use domain::id::WhiskeyId;
use domain::lane::RequestCancel;
use domain::nft::{AbandonMint, Nft};
use domain::permission::Permission;
use domain::whiskey::{GiveUpTokenisation, Whiskey};
use eventstore::Loaded;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

/// What became of a mint that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GivenUp {
    /// It has failed: nothing was ever signed for it.
    AtOnce,
    /// The chain decides: what was signed before may still be faster.
    Asked,
}

impl Commands {
    pub async fn cancel_mint(
        &self,
        asked: &Asked,
        mint: WhiskeyId,
    ) -> Result<Done<GivenUp>, CommandError> {
        asked.must_be_allowed(Permission::OPERATE_MINTS)?;
        self.once(asked, || async {
            let nft = self.loaded::<Nft>(asked, &mint.to_string()).await?;
            match (nft.state.as_ref(), nft.state.order()) {
                (Nft::Assigned { .. }, Some(order)) => {
                    self.ask_to_cancel(asked, &nft, mint, order.chain_id).await
                }
                _ => self.abandon(asked, &nft, mint).await,
            }
        })
        .await
    }

    /// One commit on the token and on the cask, which has none under way any more.
    async fn abandon(
        &self,
        asked: &Asked,
        nft: &Loaded<Nft>,
        mint: WhiskeyId,
    ) -> Result<Done<GivenUp>, CommandError> {
        let failed = AbandonMint.decide(&nft.state).map_err(CommandError::refused)?;
        let network = nft.state.order().map(|order| order.network.clone()).unwrap_or_default();
        let give_up = GiveUpTokenisation { network };
        let (cask, given_up) =
            self.decide::<Whiskey, _>(asked, &mint.to_string(), &give_up).await?;
        let commit = self.begin(asked).append(nft, failed).append(&cask, given_up);
        self.commit(asked, &GivenUp::AtOnce, commit).await
    }

    async fn ask_to_cancel(
        &self,
        asked: &Asked,
        nft: &Loaded<Nft>,
        mint: WhiskeyId,
        chain_id: u64,
    ) -> Result<Done<GivenUp>, CommandError> {
        for lane in self.lanes(chain_id).await? {
            let Some((nonce, _)) = lane.loaded.state.slot_of(mint) else { continue };
            let cancel = RequestCancel { nonce, mint: Some(mint) };
            let events = cancel.decide(&lane.loaded.state).map_err(CommandError::refused)?;
            let commit = self.begin(asked).append(&lane.loaded, events).expecting(nft);
            return self.commit(asked, &GivenUp::Asked, commit).await;
        }
        // It was settled, or its slot lost, between the two looks.
        Err(CommandError::Conflict)
    }
}
