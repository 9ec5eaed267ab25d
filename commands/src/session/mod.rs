//! Use cases around sessions.

mod door;
mod end;
mod refresh;
mod sign_in;

pub(crate) use door::Attempt;
pub use end::{Ended, Which};
pub use sign_in::{SignIn, SignedIn};
