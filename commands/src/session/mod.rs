//! Use cases around sessions.

mod door;
mod end;
mod refresh;
mod sign_in;

pub use end::{Ended, Which};
pub use sign_in::{SignIn, SignedIn};
