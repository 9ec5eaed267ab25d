//! What we write to people, in every language they read. The texts are Project Fluent files beside
//! this one: a translator needs no Rust, and a test holds them to what the letters bring along.

mod letter;
mod said;
mod texts;

pub use letter::Letter;
pub use texts::{Written, written};
