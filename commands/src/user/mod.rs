//! Use cases around a person's account.

mod assign_role;
mod register;
mod verify_email;

pub use register::{Registered, Registration};
