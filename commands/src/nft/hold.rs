//! An operator holds a mint back, and lets it go on.

use domain::id::WhiskeyId;
use domain::nft::{HoldMint, Nft, ReleaseMint};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn hold_mint(
        &self,
        asked: &Asked,
        mint: WhiskeyId,
        reason: String,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let hold = HoldMint { detail: reason };
        self.execute::<Nft, _, _>(asked, &mint.to_string(), &hold, mint).await
    }

    pub async fn release_mint(
        &self,
        asked: &Asked,
        mint: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        self.execute::<Nft, _, _>(asked, &mint.to_string(), &ReleaseMint, mint).await
    }
}
