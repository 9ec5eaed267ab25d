//! The system roles: what a person may do by holding one.

use serde::{Deserialize, Serialize};

use crate::permission::Permission;

/// Roles that exist in every tenant and cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everybody who has verified an e-mail address.
    Member,
    /// Approves casks and looks after the tenant.
    Administrator,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Administrator => "administrator",
        }
    }

    pub const fn grants(self) -> &'static [Permission] {
        match self {
            Self::Member => {
                &[Permission::REGISTER_WHISKEY, Permission::READ_WHISKEY, Permission::GENERATE_NFT]
            }
            Self::Administrator => Permission::GRANTABLE,
        }
    }
}
