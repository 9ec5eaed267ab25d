//! Use cases around a person's account.

mod assign_role;
mod change_password;
mod change_profile;
mod change_status;
mod confirm;
mod create_administrator;
mod erase;
mod letters;
mod lock;
mod names;
mod new_password;
mod notices;
mod register;
mod reset_password;
mod strength;
mod verify_email;

pub use change_profile::{Profile, ProfileChanged};
pub use create_administrator::Created;
pub use register::{Registered, Registration};
