//! Use cases around files: bytes arrive, are turned into renditions, belong to casks, and go.

mod attachment;
mod delete;
mod process;
mod receive;
mod sweep;
mod upload;

use domain::id::{FileId, TenantId};
pub use receive::{Arriving, ReceiveError, Received};
pub use upload::Upload;

/// Below this are the objects of all files.
const FILES: &str = "files";
/// The bytes as they came.
pub const ORIGINAL: &str = "original";

/// Where the objects of one file are.
fn folder(tenant: TenantId, file: FileId) -> String {
    format!("{FILES}/{tenant}/{file}")
}

/// Where one of them is: the bytes as they came, or a rendition by its name.
pub fn object(tenant: TenantId, file: FileId, what: &str) -> String {
    format!("{}/{what}", folder(tenant, file))
}
