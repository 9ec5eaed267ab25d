//! Use cases around casks.

mod approve;
mod register;
mod reject;
