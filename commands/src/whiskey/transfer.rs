//! A cask changes hands.

use domain::command::Command;
use domain::id::{UserId, WhiskeyId};
use domain::user::User;
use domain::whiskey::{AcceptTransfer, OfferTransfer, Whiskey, WithdrawTransfer};
use eventstore::StoreError;

use super::person;
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    /// Offers a cask to somebody of the same tenant who can sign in. They must still be there when the
    /// offer is written.
    pub async fn offer_transfer(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
        to: UserId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(<OfferTransfer as Command<Whiskey>>::REQUIRES)?;
        let offer = OfferTransfer { by: person(asked)?, to };
        self.once(asked, || async {
            let (loaded, events) =
                self.decide::<Whiskey, _>(asked, &whiskey.to_string(), &offer).await?;
            let tenant = asked.context.tenant();
            let person = match self.store.load_fresh::<User>(tenant, &to.to_string()).await {
                // Another tenant's is nobody here.
                Err(StoreError::Foreign) => self.store.unwritten::<User>(tenant, &to.to_string()),
                loaded => loaded?,
            };
            person.state.stay().map_err(|_| domain::user::UserError::Absent)?;
            let sequence = loaded.sequence + i64::try_from(events.len()).unwrap_or_default();
            let commit = self.begin(asked).expecting(&person).append(&loaded, events);
            self.commit_at(asked, Some(sequence), &whiskey, commit).await
        })
        .await
    }

    pub async fn withdraw_transfer(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = WithdrawTransfer { by: person(asked)? };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }

    pub async fn accept_transfer(
        &self,
        asked: &Asked,
        whiskey: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        let command = AcceptTransfer { by: person(asked)? };
        self.execute::<Whiskey, _, _>(asked, &whiskey.to_string(), &command, whiskey).await
    }
}
