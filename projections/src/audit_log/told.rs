//! What an event says of the thing it is about, in the words of the API. What is personal stays
//! sealed.

use domain::deployment::{Deployment, DeploymentEvent};
use domain::devices::{Devices, DevicesEvent};
use domain::file::{File, FileEvent};
use domain::id::DeviceId;
use domain::lane::{Lane, LaneEvent};
use domain::nft::{Inclusion, Nft, NftEvent};
use domain::notices::{Notices, NoticesEvent};
use domain::personal::Personal;
use domain::session::{Session, SessionEvent};
use domain::sign_in_guard::{SignInGuard, SignInGuardEvent};
use domain::tenant::{Tenant, TenantEvent};
use domain::user::{Name, User, UserEvent};
use domain::whiskey::{Stage, Whiskey, WhiskeyEvent};
use eventstore::Recorded;
use eventstore::recorded::Undecodable;
use serde_json::{Value, json};

/// An entity, and the fields an event gave it.
pub(super) struct Told {
    pub entity_type: &'static str,
    pub entity_id: String,
    /// An object.
    pub fields: Value,
    /// Where it came from, if the event says so itself.
    pub address: Option<Personal<String>>,
    pub user_agent: Option<Personal<String>>,
}

impl Told {
    fn of(entity_type: &'static str, event: &Recorded, fields: Value) -> Self {
        let entity_id = event.aggregate_id.clone();
        Self { entity_type, entity_id, fields, address: None, user_agent: None }
    }

    fn with_origin(
        self,
        address: Option<Personal<String>>,
        user_agent: Option<Personal<String>>,
    ) -> Self {
        Self { address, user_agent, ..self }
    }
}

/// What stands in the audit log of an event. None: it belongs to how things are done, not to what
/// was done, and stands in the log of events only.
pub(super) fn told(event: &Recorded) -> Result<Option<Told>, Undecodable> {
    if let Some(happened) = event.event::<User>()? {
        return Ok(Some(Told::of("user", event, user(happened))));
    }
    if let Some(happened) = event.event::<Whiskey>()? {
        return Ok(Some(Told::of("whiskey", event, whiskey(happened))));
    }
    if let Some(happened) = event.event::<Nft>()? {
        return Ok(Some(Told::of("nft", event, nft(happened))));
    }
    if let Some(happened) = event.event::<Deployment>()? {
        return Ok(Some(Told::of("deployment", event, deployment(happened))));
    }
    if let Some(happened) = event.event::<Lane>()? {
        return Ok(lane(happened).map(|fields| Told::of("lane", event, fields)));
    }
    if let Some(happened) = event.event::<Tenant>()? {
        return Ok(Some(Told::of("tenant", event, tenant(happened))));
    }
    if let Some(happened) = event.event::<Devices>()? {
        return Ok(Some(device(event, happened)));
    }
    if let Some(happened) = event.event::<Session>()? {
        return Ok(session(event, happened));
    }
    if let Some(happened) = event.event::<File>()? {
        return Ok(file(happened).map(|fields| Told::of("file", event, fields)));
    }
    if let Some(NoticesEvent::NoticesChosen { topic, ways }) = event.event::<Notices>()? {
        let fields = json!({ format!("notices.{}", topic.word()): ways });
        return Ok(Some(Told::of("user", event, fields)));
    }
    match event.event::<SignInGuard>()? {
        Some(happened) => Ok(guard(event, happened)),
        None => Ok(None),
    }
}

fn user(happened: UserEvent) -> Value {
    match happened {
        UserEvent::UserRegistered { email, username, full_name, phone, language, .. } => json!({
            "status": "PENDING", "email": email, "username": username, "fullName": full_name,
            "phone": phone, "language": language.tag(),
        }),
        UserEvent::EmailVerified {} => json!({ "status": "ACTIVE", "roles.member": true }),
        UserEvent::RoleAssigned { role } => json!({ format!("roles.{}", role.name()): true }),
        UserEvent::ProfileChanged { username, full_name, phone, language } => given(json!({
            "username": username, "fullName": full_name, "phone": phone,
            "language": language.map(domain::language::Language::tag),
        })),
        UserEvent::NameWithdrawn { name: Name::Username } => json!({ "username": null }),
        UserEvent::NameWithdrawn { name: Name::Phone } => json!({ "phone": null }),
        UserEvent::UserStatusChanged { status } => json!({ "status": status.name() }),
        UserEvent::AccountLocked { until, .. } => json!({ "lockedUntil": until }),
        UserEvent::AccountUnlocked {} | UserEvent::PasswordReset { .. } => {
            json!({ "lockedUntil": null })
        }
        UserEvent::UserErased {} => json!({
            "status": "ERASED", "email": null, "username": null, "fullName": null, "phone": null,
            "lockedUntil": null,
        }),
        UserEvent::RegistrationAttempted { .. }
        | UserEvent::EmailVerificationRequested { .. }
        | UserEvent::PasswordResetRequested { .. }
        | UserEvent::PasswordChanged { .. }
        | UserEvent::PasswordExpiryAnnounced { .. }
        | UserEvent::PasswordRehashed { .. } => json!({}),
    }
}

/// Without what was left as it is.
fn given(mut fields: Value) -> Value {
    if let Value::Object(fields) = &mut fields {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}

fn whiskey(happened: WhiskeyEvent) -> Value {
    match happened {
        WhiskeyEvent::WhiskeyRegistered { owner, details, original_litres_of_alcohol } => {
            let mut fields = json!(details);
            fields["owner"] = json!(owner);
            fields["status"] = json!(Stage::Pending.name());
            fields["originalLitresOfAlcohol"] = json!(original_litres_of_alcohol);
            fields
        }
        WhiskeyEvent::WhiskeyCorrected { details, original_litres_of_alcohol } => {
            let mut fields = json!(details);
            fields["originalLitresOfAlcohol"] = json!(original_litres_of_alcohol);
            fields
        }
        WhiskeyEvent::WhiskeyApproved { .. } => {
            json!({ "status": Stage::Approved.name(), "rejectionReason": null })
        }
        WhiskeyEvent::WhiskeyRejected { reason, .. } => {
            json!({ "status": Stage::Rejected.name(), "rejectionReason": reason })
        }
        WhiskeyEvent::WhiskeyResubmitted {} => {
            json!({ "status": Stage::Pending.name(), "rejectionReason": null })
        }
        WhiskeyEvent::WhiskeyRevalued { value } => json!({ "marketValue": value }),
        WhiskeyEvent::WhiskeyRegauged { volume, alcohol_content, litres_of_alcohol } => json!({
            "volume": volume, "alcoholContent": alcohol_content,
            "regaugedLitresOfAlcohol": litres_of_alcohol,
        }),
        WhiskeyEvent::WhiskeyMoved { location } => json!({ "storageLocation": location }),
        WhiskeyEvent::ConditionReported { condition } => json!({ "condition": condition }),
        WhiskeyEvent::TransferOffered { to } => json!({ "offeredTo": to }),
        WhiskeyEvent::TransferWithdrawn {} => json!({ "offeredTo": null }),
        WhiskeyEvent::TransferAccepted { to, .. } => json!({ "owner": to, "offeredTo": null }),
        WhiskeyEvent::TitleSettled { to, .. } => json!({ "owner": to }),
        WhiskeyEvent::FileAttached { file, role } => {
            json!({ format!("attachments.{file}"): role })
        }
        WhiskeyEvent::FileDetached { file } => json!({ format!("attachments.{file}"): null }),
        WhiskeyEvent::WhiskeyRetired { reason } => json!({
            "status": Stage::Retired.name(), "retireReason": reason.word(), "rejectionReason": null,
        }),
        WhiskeyEvent::TokenisationStarted { network } => {
            json!({ "status": Stage::Tokenising.name(), "network": network })
        }
        WhiskeyEvent::TokenisationFailed { .. } => {
            json!({ "status": Stage::Approved.name(), "network": null })
        }
        WhiskeyEvent::TokenisationCompleted { network } => {
            json!({ "status": Stage::Tokenised.name(), "network": network })
        }
    }
}

fn nft(happened: NftEvent) -> Value {
    let at = |status: &str, Inclusion { tx_hash, block_number, block_hash }: Inclusion| {
        json!({
            "status": status, "transaction.hash": tx_hash,
            "transaction.blockNumber": block_number, "transaction.blockHash": block_hash,
        })
    };
    match happened {
        NftEvent::MintRequested { owner, order, .. } => json!({
            "status": "REQUESTED", "owner": owner, "network": order.network,
            "contract": order.contract.to_string(), "recipient": order.recipient.to_string(),
        }),
        NftEvent::MetadataPinned { cid, .. } => json!({ "status": "PINNED", "metadataCid": cid }),
        NftEvent::MintAssigned { signer, nonce, .. } => json!({
            "status": "ASSIGNED", "transaction.signer": signer.to_string(),
            "transaction.nonce": nonce,
        }),
        NftEvent::MintSubmitted { tx_hash } => {
            json!({ "status": "SUBMITTED", "transaction.hash": tx_hash })
        }
        NftEvent::MintIncluded { inclusion } => at("INCLUDED", inclusion),
        NftEvent::MintReorged { inclusion } => json!({
            "status": "SUBMITTED", "transaction.hash": inclusion.tx_hash,
            "transaction.blockNumber": null, "transaction.blockHash": null,
        }),
        NftEvent::MintConfirmed { inclusion, .. } => at("CONFIRMED", inclusion),
        NftEvent::MintAdopted { inclusion, recipient, .. } => {
            let mut fields = at("CONFIRMED", inclusion);
            fields["recipient"] = json!(recipient.to_string());
            fields
        }
        NftEvent::MintFailed { evidence, class, reason, .. } => {
            let mut fields = evidence
                .map_or_else(|| json!({ "status": "FAILED" }), |evidence| at("FAILED", evidence));
            fields["failure"] = json!(class.word());
            fields["reason"] = json!(reason);
            fields
        }
        NftEvent::MintSlotLost { .. } => json!({
            "status": "PINNED", "transaction.hash": null, "transaction.signer": null,
            "transaction.nonce": null,
        }),
        NftEvent::MintHeld { reason, detail } => {
            json!({ "status": "HELD", "hold": reason.word(), "holdDetail": detail })
        }
        NftEvent::MintReleased {} => json!({ "hold": null, "holdDetail": null }),
        NftEvent::TokenTransferred { to, .. } => json!({ "holder": to.to_string() }),
        NftEvent::TokenBurned { .. } => json!({ "status": "BURNED", "holder": null }),
        NftEvent::TitleSettled { owner } => json!({ "owner": owner }),
        NftEvent::OwnershipVerified { address, block_number, .. } => json!({
            "ownership.address": address.to_string(), "ownership.blockNumber": block_number,
        }),
    }
}

fn deployment(happened: DeploymentEvent) -> Value {
    match happened {
        DeploymentEvent::DeploymentRequested { plan } => json!({
            "status": "REQUESTED",
            "network": plan.network,
            "name": plan.name,
            "symbol": plan.symbol,
            "admin": plan.admin.to_string(),
        }),
        DeploymentEvent::DeploymentAssigned { address, .. } => {
            json!({ "status": "ASSIGNED", "address": address.to_string() })
        }
        DeploymentEvent::DeploymentSlotLost { .. } => {
            json!({ "status": "REQUESTED", "address": null })
        }
        DeploymentEvent::DeploymentConfirmed { .. } => json!({ "status": "CONFIRMED" }),
        DeploymentEvent::DeploymentFailed { class, .. } => {
            json!({ "status": "FAILED", "failure": class.word() })
        }
    }
}

/// None: what the worker does with a nonce is told of the mint.
fn lane(happened: LaneEvent) -> Option<Value> {
    match happened {
        LaneEvent::LanePaused { reason } => Some(json!({ "gate": "paused", "reason": reason })),
        LaneEvent::LaneQuarantined { reason } => {
            Some(json!({ "gate": "quarantined", "reason": reason }))
        }
        LaneEvent::LaneResumed { .. } => Some(json!({ "gate": "open", "reason": null })),
        LaneEvent::CancelRequested { nonce, .. } => {
            Some(json!({ format!("cancelling.{nonce}"): true }))
        }
        LaneEvent::LaneOpened { .. }
        | LaneEvent::NonceAssigned { .. }
        | LaneEvent::AttemptSigned { .. }
        | LaneEvent::SlotSettled { .. }
        | LaneEvent::SlotLost { .. } => None,
    }
}

fn tenant(happened: TenantEvent) -> Value {
    match happened {
        TenantEvent::TenantCreated { name } => json!({ "name": name }),
        TenantEvent::SettingsChanged { sign_in_code, reveal_existing_email } => {
            json!({ "otpLogin": sign_in_code, "revealExistingEmail": reveal_existing_email })
        }
        TenantEvent::PasswordPolicyChanged { policy } => json!({ "passwordPolicy": policy }),
        TenantEvent::ProvenMintsChanged { proven_mints } => json!({ "provenMints": proven_mints }),
    }
}

/// A device of its own, though all of a person stand in one stream.
fn device(event: &Recorded, happened: DevicesEvent) -> Told {
    let told = |device: DeviceId, fields: Value| Told {
        entity_id: device.to_string(),
        ..Told::of("device", event, fields)
    };
    match happened {
        DevicesEvent::DeviceAdded { device, name, user_agent, address, .. } => {
            let fields = json!({
                "userId": event.aggregate_id, "name": name, "trusted": false, "blocked": false,
            });
            told(device, fields).with_origin(address, user_agent)
        }
        DevicesEvent::DeviceTrusted { device } => told(device, json!({ "trusted": true })),
        DevicesEvent::DeviceDistrusted { device } => told(device, json!({ "trusted": false })),
        DevicesEvent::DeviceBlocked { device } => {
            told(device, json!({ "blocked": true, "trusted": false }))
        }
        DevicesEvent::DeviceForgotten { device } => told(device, json!({ "forgotten": true })),
    }
}

/// None: what is made of a file is nobody's deed.
fn file(happened: FileEvent) -> Option<Value> {
    match happened {
        FileEvent::FileUploaded { owner, kind, size, sha256, name, public } => Some(json!({
            "owner": owner, "kind": kind.name(), "size": size, "sha256": sha256, "name": name,
            "public": public,
        })),
        FileEvent::RenditionsOrdered { .. } | FileEvent::RenditionMade { .. } => None,
        FileEvent::ImageRefused { reason } => Some(json!({ "refused": reason.name() })),
        FileEvent::FileAttached { whiskey } => Some(json!({ "attachedTo": whiskey })),
        FileEvent::FileDetached { .. } => Some(json!({ "attachedTo": null })),
        FileEvent::FileDeleted { .. } => Some(json!({ "deleted": true })),
    }
}

fn session(event: &Recorded, happened: SessionEvent) -> Option<Told> {
    match happened {
        SessionEvent::SessionOpened { user, device, address, user_agent, remember_me, .. } => {
            let fields = json!({
                "status": "OPEN", "userId": user, "deviceId": device, "rememberMe": remember_me,
            });
            Some(Told::of("session", event, fields).with_origin(address, user_agent))
        }
        // Every quarter of an hour, by a program.
        SessionEvent::TokensRefreshed { .. } => None,
        SessionEvent::RefreshTokenReuseDetected { .. } => {
            Some(Told::of("session", event, json!({})))
        }
        SessionEvent::SessionRevoked { reason, .. } => {
            let fields = json!({ "status": "ENDED", "endReason": reason });
            Some(Told::of("session", event, fields))
        }
    }
}

/// A failed attempt is told of the account it was made on, if there is one.
fn guard(event: &Recorded, happened: SignInGuardEvent) -> Option<Told> {
    let told = Told::of("sign_in_guard", event, json!({}));
    match happened {
        SignInGuardEvent::AttemptFailed { user: Some(user), address, user_agent } => {
            let told = Told { entity_type: "user", entity_id: user.to_string(), ..told };
            Some(told.with_origin(address, user_agent))
        }
        SignInGuardEvent::AttemptFailed { user: None, address, user_agent } => {
            Some(told.with_origin(address, user_agent))
        }
        SignInGuardEvent::GuardLocked { .. } => Some(told),
        SignInGuardEvent::AttemptCounted { .. }
        | SignInGuardEvent::GuardOpened {}
        | SignInGuardEvent::LetterAsked { .. } => None,
    }
}
