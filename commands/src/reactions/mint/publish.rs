//! Making sure that a token will point to something: its metadata is stored, read back and kept
//! elsewhere where that is configured, all before it gets a nonce.

use bytes::Bytes;
use cid::Cid;
use domain::id::WhiskeyId;

use super::Minter;
use crate::outside::content_store::ContentError;
use crate::outside::pins::{Content, PinError};
use crate::reactions::ReactionError;
use crate::unixfs::{Block, Profile};

impl Minter {
    /// Publishes a metadata document: one raw block, so that its identifier is the digest the contract
    /// has, whoever computes it. Doing it again does no harm.
    pub(super) async fn publish(
        &self,
        mint: WhiskeyId,
        document: &str,
    ) -> Result<Cid, ReactionError> {
        // Others would cut a longer one and find another identifier.
        if document.len() > Profile::KUBO.chunk {
            return Err(ReactionError::Failed(format!("the metadata of {mint} is too long")));
        }
        let block = Block::raw(Bytes::copy_from_slice(document.as_bytes()));
        self.content.put_block(&block).await?;
        if self.content.block(block.cid()).await?.as_ref() != Some(&block) {
            return Err(ReactionError::NotYet("the metadata is not there after storing it".into()));
        }
        let (cid, bytes) = (*block.cid(), block.bytes().clone());
        self.pins.pin(&Content { cid, name: mint.to_string(), bytes }).await?;
        Ok(cid)
    }
}

impl From<ContentError> for ReactionError {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Unavailable(_) => Self::NotYet(error.to_string()),
            ContentError::Corrupt(_)
            | ContentError::Missing(_)
            | ContentError::Unreadable(_)
            | ContentError::Source(_) => Self::Failed(error.to_string()),
        }
    }
}

impl From<PinError> for ReactionError {
    fn from(error: PinError) -> Self {
        match error {
            PinError::Unavailable(why) => Self::NotYet(why),
            PinError::Refused(why) => Self::Failed(why),
        }
    }
}
