//! Asking again for a mint that failed: the same order, by the cask's owner or by an operator.

use domain::id::WhiskeyId;
use domain::nft::{Nft, RetryMint};
use domain::permission::Permission;
use domain::whiskey::{StartTokenisation, StartTokenisationForOwner, Whiskey, WhiskeyEvent};
use eventstore::Loaded;

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn retry_mint(
        &self,
        asked: &Asked,
        mint: WhiskeyId,
    ) -> Result<Done<WhiskeyId>, CommandError> {
        asked.must_be_allowed(Permission::GENERATE_NFT)?;
        let id = mint.to_string();
        self.once(asked, || async {
            let cask = self.loaded::<Whiskey>(asked, &id).await?;
            // Without a cask there is no owner, and no token either.
            let owner = cask.state.entry().ok().map(|entry| entry.owner);
            let owner = owner.or(asked.context.actor.user());
            let owner = owner.ok_or(CommandError::Forbidden(Permission::GENERATE_NFT))?;
            let before = self.loaded::<Nft>(asked, &id).await?;
            let network = before.state.order().map(|order| order.network.clone());
            let policy = network.as_deref().and_then(|name| self.mint_policies.of(Some(name)));
            let tenant = self.tenant(asked).await?;
            let settings = tenant.state.settings()?;
            // The worker holds what is for a network that is configured no more.
            let proven_by = policy.map(|policy| self.proven_contract(settings, policy));
            let proven_by = proven_by.transpose()?.flatten();
            let retry = RetryMint { whiskey: mint, owner, proven_by };
            let (nft, requested) = self.decide::<Nft, _>(asked, &id, &retry).await?;
            let (cask, started) = self.start_again(asked, &id, network.unwrap_or_default()).await?;
            let commit = self.begin(asked).expecting(&tenant);
            let commit = commit.append(&cask, started).append(&nft, requested);
            self.commit(asked, &mint, commit).await
        })
        .await
    }

    async fn start_again(
        &self,
        asked: &Asked,
        id: &str,
        network: String,
    ) -> Result<(Loaded<Whiskey>, Vec<WhiskeyEvent>), CommandError> {
        let actor = &asked.context.actor;
        if actor.may(Permission::OPERATE_MINTS) {
            return self.decide(asked, id, &StartTokenisationForOwner { network }).await;
        }
        let by = actor.user().ok_or(CommandError::Forbidden(Permission::GENERATE_NFT))?;
        self.decide(asked, id, &StartTokenisation { by, network }).await
    }
}
