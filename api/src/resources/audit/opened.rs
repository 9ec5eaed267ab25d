//! What is personal in the audit log, opened for who may see it, while there is something to open.

use std::collections::BTreeMap;

use domain::id::TenantId;
use domain::permission::{Actor, Permission};
use domain::personal::{Purpose, SEALED_KEY, SealedRef};
use eventstore::vault::{Vault, VaultError};
use serde_json::{Value, json};

/// Turns every reference into `{"personal": "contact"}`, with the `value` for who may see it, and
/// `"erased": true` once there is none any more.
pub async fn open(
    vault: &Vault,
    tenant: TenantId,
    reader: &Actor,
    values: &mut [&mut Value],
) -> Result<(), VaultError> {
    let mut wanted = Vec::new();
    for value in &*values {
        collect(value, &mut wanted);
    }
    wanted.retain(|reference| may_see(reader, reference.purpose));
    let texts = vault.open_texts(tenant, &wanted).await?;
    let seen = wanted.into_iter().map(|reference| reference.hash).zip(texts).collect();
    for value in values {
        show(value, &seen);
    }
    Ok(())
}

fn may_see(reader: &Actor, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Contact => reader.may(Permission::MANAGE_USERS),
        Purpose::Security => reader.may(Permission::READ_SECURITY),
        Purpose::Excise => false,
    }
}

fn reference(value: &Value) -> Option<SealedRef> {
    let sealed = value.as_object()?.get(SEALED_KEY)?;
    serde_json::from_value(sealed.clone()).ok()
}

fn collect(value: &Value, into: &mut Vec<SealedRef>) {
    if let Some(reference) = reference(value) {
        into.push(reference);
    } else if let Value::Object(fields) = value {
        fields.values().for_each(|inner| collect(inner, into));
    }
}

fn show(value: &mut Value, seen: &BTreeMap<String, Option<String>>) {
    if let Some(reference) = reference(value) {
        let personal = reference.purpose.name();
        *value = match seen.get(&reference.hash) {
            Some(Some(text)) => json!({ "personal": personal, "value": text }),
            Some(None) => json!({ "personal": personal, "erased": true }),
            None => json!({ "personal": personal }),
        };
    } else if let Value::Object(fields) = value {
        fields.values_mut().for_each(|inner| show(inner, seen));
    }
}
