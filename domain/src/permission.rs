//! Who acts, and what they must be allowed to do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{SessionId, TenantId, UserId};

/// A permission code, `resource.action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Permission(&'static str);

impl Permission {
    /// Needs nothing: registration, sign-in, answering a mailed question.
    pub const PUBLIC: Self = Self("public");
    /// What everybody may who is signed in: look after their own account.
    pub const OWN_ACCOUNT: Self = Self("account.own");
    /// Only the platform's own processes: reactions, start-up.
    pub const SYSTEM: Self = Self("system");
    pub const REGISTER_WHISKEY: Self = Self("whiskey.register");
    pub const APPROVE_WHISKEY: Self = Self("whiskey.approve");
    pub const READ_WHISKEY: Self = Self("whiskey.read");
    /// The warehouse: records of casks whoever owns them.
    pub const KEEP_WHISKEY: Self = Self("whiskey.keep");
    pub const GENERATE_NFT: Self = Self("nft.generate");
    /// Mints in trouble: holding, releasing, giving up; pausing a network.
    pub const OPERATE_MINTS: Self = Self("nft.operate");
    pub const MANAGE_PROJECTIONS: Self = Self("projection.manage");

    pub const MANAGE_USERS: Self = Self("user.manage");
    pub const MANAGE_TENANT: Self = Self("tenant.manage");
    pub const READ_SECURITY: Self = Self("security.read");
    pub const MANAGE_SECURITY: Self = Self("security.manage");
    /// Who did what, and the events themselves. What is personal in them needs more.
    pub const READ_AUDIT: Self = Self("audit.read");

    /// Everything a role can grant.
    pub const GRANTABLE: &'static [Self] = &[
        Self::REGISTER_WHISKEY,
        Self::APPROVE_WHISKEY,
        Self::READ_WHISKEY,
        Self::KEEP_WHISKEY,
        Self::GENERATE_NFT,
        Self::OPERATE_MINTS,
        Self::MANAGE_PROJECTIONS,
        Self::MANAGE_USERS,
        Self::MANAGE_TENANT,
        Self::READ_SECURITY,
        Self::MANAGE_SECURITY,
        Self::READ_AUDIT,
    ];

    pub const fn code(self) -> &'static str {
        self.0
    }

    /// The permission with this code, if there is one.
    pub fn named(code: &str) -> Option<Self> {
        Self::GRANTABLE.iter().copied().find(|p| p.0 == code)
    }
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody we know.
    Anonymous { tenant: TenantId },
    /// A person with a token.
    User { tenant: TenantId, user: UserId, session: SessionId, permissions: BTreeSet<Permission> },
    /// One of our own processes, by name.
    System { tenant: TenantId, name: &'static str },
}

/// The actor's type as it stands in every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorType {
    Anonymous,
    User,
    System,
}

impl Actor {
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Anonymous { tenant }
            | Self::User { tenant, .. }
            | Self::System { tenant, .. } => *tenant,
        }
    }

    pub fn actor_type(&self) -> ActorType {
        match self {
            Self::Anonymous { .. } => ActorType::Anonymous,
            Self::User { .. } => ActorType::User,
            Self::System { .. } => ActorType::System,
        }
    }

    /// The actor's name in an event: a user's id, a process's name. Never personal data.
    pub fn name(&self) -> String {
        match self {
            Self::Anonymous { .. } => "anonymous".to_owned(),
            Self::User { user, .. } => user.to_string(),
            Self::System { name, .. } => (*name).to_owned(),
        }
    }

    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User { user, .. } => Some(*user),
            Self::Anonymous { .. } | Self::System { .. } => None,
        }
    }

    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::User { session, .. } => Some(*session),
            Self::Anonymous { .. } | Self::System { .. } => None,
        }
    }

    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Anonymous { .. } => permission == Permission::PUBLIC,
            Self::User { permissions, .. } => {
                [Permission::PUBLIC, Permission::OWN_ACCOUNT].contains(&permission)
                    || permissions.contains(&permission)
            }
            Self::System { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(permissions: &[Permission]) -> Actor {
        Actor::User {
            tenant: TenantId::PLATFORM,
            user: UserId::new(1),
            session: SessionId::new(2),
            permissions: permissions.iter().copied().collect(),
        }
    }

    #[test]
    fn a_person_may_what_a_role_grants_and_never_what_only_the_system_may() {
        let every = person(Permission::GRANTABLE);
        assert!(every.may(Permission::APPROVE_WHISKEY));
        assert!(!every.may(Permission::SYSTEM));
        assert!(!person(&[]).may(Permission::APPROVE_WHISKEY));
        assert!(person(&[]).may(Permission::PUBLIC) && person(&[]).may(Permission::OWN_ACCOUNT));
        let nobody = Actor::Anonymous { tenant: TenantId::PLATFORM };
        assert!(nobody.may(Permission::PUBLIC) && !nobody.may(Permission::OWN_ACCOUNT));
    }

    #[test]
    fn the_special_permissions_cannot_be_named_into_a_token() {
        assert_eq!(Permission::named("system"), None);
        assert_eq!(Permission::named("public"), None);
        assert_eq!(Permission::named("whiskey.approve"), Some(Permission::APPROVE_WHISKEY));
    }
}
