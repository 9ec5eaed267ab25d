//! Use cases around a tenant.

mod create;
mod settings;

pub use settings::TenantChanged;
