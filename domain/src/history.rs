//! Every event version ever written has one recorded sample in `history/` and decodes today.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cqrs_es::DomainEvent;
use cqrs_es::persist::SerializedEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::contract::ContractEvent;
use crate::deployment::DeploymentEvent;
use crate::devices::DevicesEvent;
use crate::file::FileEvent;
use crate::id::{DeviceId, FileId};
use crate::lane::LaneEvent;
use crate::language::Language;
use crate::ledger::LedgerEvent;
use crate::moment::Moment;
use crate::nft::NftEvent;
use crate::notices::{NoticesEvent, Topic};
use crate::personal::SealedRef;
use crate::role::Role;
use crate::session::{EndReason, SessionEvent};
use crate::shelf::ShelfEvent;
use crate::sign_in_codes::SignInCodesEvent;
use crate::sign_in_guard::{Letter, SignInGuardEvent};
use crate::sign_ins::SignInsEvent;
use crate::tenant::{PasswordPolicy, TenantEvent};
use crate::user::{Name, Status, UserEvent};
use crate::whiskey::WhiskeyEvent;
use crate::{
    contract, deployment, devices, file, lane, ledger, nft, notices, personal, session,
    sign_in_codes, sign_ins, upcast, user, whiskey,
};

const AT: Moment = Moment::from_unix_ms(1_800_000);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("history")
}

/// One sample of each event as it is written today, as stored: `type`, `schemaVersion`, `data`.
fn samples() -> Vec<Value> {
    let mut all = Vec::new();
    push(
        &mut all,
        vec![
            TenantEvent::TenantCreated { name: "Islay Casks".into() },
            TenantEvent::SettingsChanged { sign_in_code: true, reveal_existing_email: false },
            TenantEvent::ProvenMintsChanged { proven_mints: true },
            TenantEvent::PasswordPolicyChanged { policy: PasswordPolicy::default() },
        ],
    );
    push(
        &mut all,
        vec![
            user::samples::registered(),
            UserEvent::EmailVerified {},
            UserEvent::RegistrationAttempted { email: user::samples::email() },
            UserEvent::RoleAssigned { role: Role::Administrator },
            UserEvent::EmailVerificationRequested {
                email: user::samples::email(),
                challenge: user::samples::CHALLENGE,
            },
            user::samples::reset_requested(),
            UserEvent::PasswordReset {
                password_hash: user::samples::password_hash(),
                at: Some(AT),
            },
            UserEvent::PasswordChanged {
                password_hash: user::samples::password_hash(),
                at: Some(AT),
            },
            UserEvent::PasswordExpiryAnnounced { until: AT },
            UserEvent::ProfileChanged {
                username: None,
                full_name: None,
                phone: None,
                language: Some(Language::TraditionalChinese),
            },
            UserEvent::NameWithdrawn { name: Name::Username },
            UserEvent::PasswordRehashed { password_hash: user::samples::password_hash() },
            UserEvent::UserStatusChanged { status: Status::Suspended },
            UserEvent::AccountLocked { email: user::samples::email(), until: AT },
            UserEvent::AccountUnlocked {},
            UserEvent::UserErased {},
        ],
    );
    push(
        &mut all,
        vec![
            session::samples::opened(false),
            session::samples::refreshed(1, 600),
            session::samples::reused(0),
            session::samples::revoked(EndReason::SignedOut),
        ],
    );
    push(
        &mut all,
        vec![
            SignInGuardEvent::AttemptCounted { number: 1, at: AT },
            SignInGuardEvent::AttemptFailed {
                user: Some(devices::samples::MOIRA),
                address: devices::samples::text("203.0.113.7"),
                user_agent: None,
            },
            SignInGuardEvent::GuardLocked { until: AT },
            SignInGuardEvent::GuardOpened {},
            SignInGuardEvent::LetterAsked { letter: Letter::PasswordReset, at: AT },
        ],
    );
    push(
        &mut all,
        vec![
            devices::samples::added(1, true),
            DevicesEvent::DeviceTrusted { device: DeviceId::new(1) },
            DevicesEvent::DeviceDistrusted { device: DeviceId::new(1) },
            devices::samples::blocked(1),
            devices::samples::forgotten(1),
        ],
    );
    push(
        &mut all,
        vec![
            file::samples::uploaded(),
            file::samples::ordered(),
            file::samples::made(),
            file::samples::refused(),
            file::samples::attached(),
            file::samples::detached(),
            file::samples::deleted(),
        ],
    );
    push(
        &mut all,
        vec![
            ShelfEvent::FileShelved { file: FileId::new(1), size: 2 },
            ShelfEvent::FileTakenOff { file: FileId::new(1) },
        ],
    );
    push(&mut all, vec![notices::samples::chosen(Topic::Transfer, true, true)]);
    push(
        &mut all,
        vec![
            sign_in_codes::samples::asked(1, 0),
            sign_in_codes::samples::asked_again(1, 1, 1),
            sign_in_codes::samples::tried(1, 1, 1),
            sign_in_codes::samples::accepted(1),
            SignInCodesEvent::CodesWithdrawn {},
        ],
    );
    push(&mut all, vec![sign_ins::samples::added(1, 7_200_000), sign_ins::samples::removed(1)]);
    push(
        &mut all,
        vec![
            whiskey::samples::registered(),
            whiskey::samples::approved(),
            whiskey::samples::rejected(),
            whiskey::samples::corrected(),
            whiskey::samples::resubmitted(),
            whiskey::samples::revalued(),
            whiskey::samples::regauged(),
            whiskey::samples::moved(),
            whiskey::samples::reported(),
            whiskey::samples::offered(),
            whiskey::samples::withdrawn(),
            whiskey::samples::accepted(),
            whiskey::samples::title_settled(),
            whiskey::samples::attached(),
            whiskey::samples::detached(),
            whiskey::samples::retired(),
            whiskey::samples::tokenising(),
            whiskey::samples::tokenised(),
            whiskey::samples::not_tokenised(),
        ],
    );
    push(
        &mut all,
        vec![
            nft::samples::requested(),
            nft::samples::pinned(),
            nft::samples::assigned(),
            nft::samples::submitted(),
            nft::samples::included(),
            NftEvent::MintReorged { inclusion: nft::samples::inclusion() },
            nft::samples::confirmed(),
            nft::samples::failed(),
            nft::samples::adopted(),
            nft::samples::title_settled(),
            nft::samples::held(),
            NftEvent::MintReleased {},
            nft::samples::slot_lost(),
            nft::samples::transferred(),
            NftEvent::TokenBurned { from: nft::samples::holder(), at: nft::samples::log_place() },
            nft::samples::ownership_verified(),
        ],
    );
    push(
        &mut all,
        vec![
            lane::samples::opened(),
            lane::samples::assigned(3),
            lane::samples::signed(3, 0xaa),
            LaneEvent::CancelRequested { nonce: 3, mint: Some(crate::lane::samples::mint(3)) },
            lane::samples::lost(3),
            lane::samples::quarantined(),
            lane::samples::paused(),
            LaneEvent::LaneResumed { next_nonce: 5 },
            LaneEvent::SlotSettled {
                nonce: 3,
                winner: "0xaa".into(),
                block_number: 9,
                block_hash: "0xb9".into(),
            },
        ],
    );
    push(
        &mut all,
        vec![
            contract::samples::followed(9),
            contract::samples::deployed(),
            contract::samples::anchor_assigned(),
            contract::samples::anchor_slot_lost(),
            contract::samples::anchor_confirmed(),
            contract::samples::anchor_failed(),
        ],
    );
    push(
        &mut all,
        vec![
            deployment::samples::requested(),
            deployment::samples::assigned(),
            deployment::samples::slot_lost(),
            deployment::samples::confirmed(),
            deployment::samples::failed(),
        ],
    );
    push(
        &mut all,
        vec![
            ledger::samples::announced("log.example/1+0a1b2c3d+AQ=="),
            ledger::samples::restored(2),
        ],
    );
    all
}

fn push<E: DomainEvent + Serialize>(all: &mut Vec<Value>, events: Vec<E>) {
    for event in events {
        let mut stored = serde_json::to_value(&event).unwrap();
        seal(&mut stored);
        stored["schemaVersion"] = json!(event.event_version().parse::<u32>().unwrap());
        all.push(stored);
    }
}

/// What the codec does with personal data, with a reference of the right shape.
fn seal(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(clear) = map.get(personal::CLEAR_KEY) {
                let reference = SealedRef {
                    subject: serde_json::from_value(clear["subject"].clone()).unwrap(),
                    purpose: serde_json::from_value(clear["purpose"].clone()).unwrap(),
                    salt: "A".repeat(43),
                    hash: "cd".repeat(32),
                    commitment: "ef".repeat(32),
                };
                *value = json!({ (personal::SEALED_KEY): reference });
            } else {
                map.values_mut().for_each(seal);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(seal),
        _ => {}
    }
}

fn file_name(sample: &Value) -> String {
    format!("{}.v{}.json", sample["type"].as_str().unwrap(), sample["schemaVersion"])
}

/// Decodes as the log does: upcast, then read by the aggregate the name begins with.
fn decode(sample: &Value) -> Value {
    let stored = SerializedEvent::new(
        "1".into(),
        1,
        String::new(),
        sample["type"].as_str().unwrap().to_owned(),
        sample["schemaVersion"].to_string(),
        sample["data"].clone(),
        json!({}),
    );
    fn read<E: DeserializeOwned + DomainEvent + Serialize>(stored: SerializedEvent) -> Value {
        let event: E = upcast::decode(stored).unwrap();
        serde_json::to_value(event).unwrap()
    }
    match stored.event_type.split('.').next().unwrap() {
        "tenant" => read::<TenantEvent>(stored),
        "user" => read::<UserEvent>(stored),
        "session" => read::<SessionEvent>(stored),
        "sign_in_guard" => read::<SignInGuardEvent>(stored),
        "devices" => read::<DevicesEvent>(stored),
        "sign_in_codes" => read::<SignInCodesEvent>(stored),
        "sign_ins" => read::<SignInsEvent>(stored),
        "whiskey" => read::<WhiskeyEvent>(stored),
        "notices" => read::<NoticesEvent>(stored),
        "file" => read::<FileEvent>(stored),
        "shelf" => read::<ShelfEvent>(stored),
        "nft" => read::<NftEvent>(stored),
        "lane" => read::<LaneEvent>(stored),
        "contract" => read::<ContractEvent>(stored),
        "deployment" => read::<DeploymentEvent>(stored),
        "ledger" => read::<LedgerEvent>(stored),
        other => panic!("no aggregate is called {other}"),
    }
}

/// Run with `CASKCHAIN_RECORD_HISTORY=1` after adding an event or a version; recorded files are
/// never overwritten.
#[test]
fn every_event_written_today_is_recorded() {
    let record = std::env::var_os("CASKCHAIN_RECORD_HISTORY").is_some();
    for sample in samples() {
        let path = folder().join(file_name(&sample));
        if record && !path.exists() {
            fs::write(&path, serde_json::to_string_pretty(&sample).unwrap() + "\n").unwrap();
        }
        let recorded = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("{} is not recorded", path.display()));
        let recorded: Value = serde_json::from_str(&recorded).unwrap();
        assert_eq!(recorded, sample, "{}: the shape changed without a new version", path.display());
    }
}

#[test]
fn every_declared_type_has_a_sample() {
    let sampled: BTreeSet<_> = samples().iter().map(file_name).collect();
    let declared: BTreeSet<_> = crate::catalogue::types()
        .map(|(name, version)| format!("{name}.v{version}.json"))
        .collect();
    assert_eq!(sampled, declared);
}

#[test]
fn every_recorded_version_still_decodes() {
    let mut recorded = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), file_name(&sample));
        let decoded = decode(&sample);
        assert!(decoded["type"].is_string(), "{}", path.display());
        recorded.insert(file_name(&sample));
    }
    for (name, newest) in crate::catalogue::types() {
        for version in 1..=newest {
            let file = format!("{name}.v{version}.json");
            assert!(recorded.contains(&file), "{file} is gone: it is in somebody's log");
        }
    }
}
