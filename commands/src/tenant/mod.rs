//! Use cases around tenants.

mod create;
