//! The record of an event in the tree: 68 bytes that commit to the stored envelope and to everything
//! the log adds to it. PostgreSQL makes it when the position is given (`eventstore.leaf`); whoever
//! verifies makes it again.

use domain::id::TenantId;

use super::hash::sha256;
use crate::recorded::Place;

/// Bytes of a leaf.
pub const LENGTH: usize = 68;
const MAGIC: &[u8; 8] = b"caskev1\0";

/// `"caskev1\0"`, flags (u32, none yet), tenant (u64), tenant position (u64), recordedAt in
/// milliseconds since 1970 (i64), all big-endian, and the SHA-256 of the envelope.
pub fn of(tenant: TenantId, place: &Place, envelope: &str) -> [u8; LENGTH] {
    let mut leaf = [0; LENGTH];
    leaf[..8].copy_from_slice(MAGIC);
    leaf[12..20].copy_from_slice(&tenant.value().to_be_bytes());
    leaf[20..28].copy_from_slice(&place.tenant_position.to_be_bytes());
    leaf[28..36].copy_from_slice(&place.recorded_at.unix_ms().to_be_bytes());
    leaf[36..].copy_from_slice(&sha256(envelope.as_bytes()));
    leaf
}

/// Whose event it is the leaf of.
pub fn tenant(leaf: &[u8]) -> Option<TenantId> {
    let bytes = leaf.get(12..20)?.try_into().ok()?;
    Some(TenantId::new(i64::from_be_bytes(bytes)))
}
