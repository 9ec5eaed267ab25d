//! Writing the metadata down, before a nonce is assigned: a token must never point to nothing.

use super::{Nft, NftError, NftEvent};
use crate::command::Command;
use crate::permission::Permission;

pub struct PinMetadata {
    /// CIDv1 of the document as one raw block.
    pub cid: String,
    /// SHA-256 of the document, hex: what the contract stores.
    pub digest: String,
    pub document: String,
}

impl Command<Nft> for PinMetadata {
    const REQUIRES: Permission = Permission::SYSTEM;

    fn decide(&self, nft: &Nft) -> Result<Vec<NftEvent>, NftError> {
        match nft {
            Nft::Requested { .. } => Ok(vec![NftEvent::MetadataPinned {
                cid: self.cid.clone(),
                digest: self.digest.clone(),
                document: self.document.clone(),
            }]),
            _ => Err(nft.illegal("pin metadata")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::command::scenario::given;

    #[test]
    fn metadata_is_pinned_once() {
        let command = || PinMetadata {
            cid: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy".into(),
            digest: "ab".repeat(32),
            document: "{}".into(),
        };
        given::<Nft>(until(&requested())).when(command()).then_expect_events(vec![pinned()]);
        given::<Nft>(until(&pinned()))
            .when(command())
            .then_expect_error(NftError::IllegalState { state: "PINNED", command: "pin metadata" });
        given::<Nft>(vec![]).when(command()).then_expect_error(NftError::Absent);
    }
}
