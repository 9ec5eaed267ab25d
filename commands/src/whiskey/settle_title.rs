//! The title to a cask follows its token.

use domain::command::Command;
use domain::id::{UserId, WhiskeyId};
use domain::nft::{Nft, RecordTitle};
use domain::user::{User, UserError};
use domain::whiskey::{SettleTitle, Whiskey};

use super::person;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    /// To whoever has shown the key of the address that holds the token, and can sign in. One commit on
    /// the cask and on its token, which must not have moved meanwhile. Gives the owner.
    pub async fn settle_title(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
    ) -> Result<Done<UserId>, CommandError> {
        asked.must_be_allowed(<SettleTitle as Command<Whiskey>>::REQUIRES)?;
        let (by, id) = (person(asked)?, whiskey.to_string());
        self.once(asked, || async {
            let nft = self.loaded::<Nft>(asked, &id).await?;
            let to = nft.state.shown_holder().map_err(CommandError::refused)?;
            let user = self.loaded::<User>(asked, &to.to_string()).await?;
            user.state.stay().map_err(|_| UserError::Absent)?;
            let (cask, settled) =
                self.decide::<Whiskey, _>(asked, &id, &SettleTitle { by, to }).await?;
            let sequence = cask.sequence + i64::try_from(settled.len()).unwrap_or_default();
            let recorded = match settled.is_empty() {
                true => Vec::new(),
                false => {
                    RecordTitle { owner: to }.decide(&nft.state).map_err(CommandError::refused)?
                }
            };
            let commit = self.begin(asked).expecting(&user);
            let commit = match recorded.is_empty() {
                true => commit.expecting(&nft),
                false => commit.append(&nft, recorded),
            };
            self.commit_at(asked, Some(sequence), &to, commit.append(&cask, settled)).await
        })
        .await
    }
}
