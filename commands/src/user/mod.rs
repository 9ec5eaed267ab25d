//! Use cases around a person's account.

mod assign_role;
mod create_administrator;
mod register;
mod verify_email;

pub use create_administrator::Created;
pub use register::{Registered, Registration};
