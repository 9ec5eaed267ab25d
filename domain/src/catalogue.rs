//! The catalogue of everything the platform can write.

/// Every event type the platform can write, with its current schema version.
pub fn types() -> impl Iterator<Item = (&'static str, u32)> {
    [
        crate::tenant::TenantEvent::TYPES,
        crate::user::UserEvent::TYPES,
        crate::session::SessionEvent::TYPES,
        crate::devices::DevicesEvent::TYPES,
        crate::sign_in_codes::SignInCodesEvent::TYPES,
        crate::sign_in_guard::SignInGuardEvent::TYPES,
        crate::sign_ins::SignInsEvent::TYPES,
        crate::whiskey::WhiskeyEvent::TYPES,
        crate::notices::NoticesEvent::TYPES,
        crate::file::FileEvent::TYPES,
        crate::shelf::ShelfEvent::TYPES,
        crate::nft::NftEvent::TYPES,
        crate::lane::LaneEvent::TYPES,
        crate::contract::ContractEvent::TYPES,
        crate::deployment::DeploymentEvent::TYPES,
        crate::ledger::LedgerEvent::TYPES,
    ]
    .into_iter()
    .flatten()
    .copied()
}
