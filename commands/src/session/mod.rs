//! Use cases around sessions.

mod sign_in;

pub use sign_in::{SignIn, SignedIn};
