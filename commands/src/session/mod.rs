//! Use cases around sessions.

mod code;
mod door;
mod end;
mod open;
mod refresh;
mod sign_in;

pub use code::CodeResent;
pub(crate) use door::Attempt;
pub use end::{Ended, Which};
pub use open::SignedIn;
pub use sign_in::{CodeAsked, DeviceInfo, Entered, SignIn};
