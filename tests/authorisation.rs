//! Who may: every operation of the document is asked without a token, with one that is worth nothing,
//! with one that has run out or was ended, with another tenant's, and with too little permission.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Forger, Person, World, calm, cask, until};

/// An operation that wants a token.
struct Operation {
    id: String,
    method: Method,
    /// With `{…}` for each parameter.
    path: String,
}

async fn secured(visitor: &Person) -> Vec<Operation> {
    let document = visitor.get("/openapi.json").await.body;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
                operations.push(Operation {
                    id: operation["operationId"].as_str().unwrap().to_owned(),
                    method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                    path: format!("/api/v1{path}"),
                });
            }
        }
    }
    operations
}

impl Operation {
    fn has_parameter(&self) -> bool {
        self.path.contains('{')
    }

    /// The path with this id in the place of its parameter.
    fn of(&self, id: &str) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    async fn ask(&self, person: &Person, id: &str, body: &Value) -> Answer {
        let request = person.request(self.method.clone(), &self.of(id));
        Answer::of(if self.method == Method::GET { request } else { request.json(body) }).await
    }
}

#[tokio::test]
async fn nothing_is_done_for_who_has_no_token_or_one_that_is_worth_nothing() {
    let calm = calm().await;
    let server = &calm.server;
    let visitor = server.visitor();
    let ended = server.person("Isla").await;
    ended.post("/api/v1/auth/logout", json!({})).await.expect(200);
    until("the session is over", || async {
        (ended.get("/api/v1/users/me").await.status == 401).then_some(())
    })
    .await;
    let garbage = visitor.clone().with_token("eyJhbGciOiJub25lIn0.e30.");
    let forger = Forger::new(&calm.world, server).await;
    let mairi = server.person("Mairi").await;
    let same = forger.forged(mairi.token(), |_| {});
    mairi.clone().with_token(&same).get("/api/v1/users/me").await.expect(200);
    let late = forger.forged(mairi.token(), |claims| {
        claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 6);
    });
    let late = mairi.clone().with_token(&late);
    let operations = secured(&visitor).await;
    assert!(operations.len() >= 45, "{}", operations.len());
    let nothing = json!({});
    for operation in &operations {
        operation.ask(&visitor, "1", &nothing).await.refused(401, "UNAUTHORIZED");
        operation.ask(&garbage, "1", &nothing).await.refused(401, "TOKEN_INVALID");
        operation.ask(&ended, "1", &nothing).await.refused(401, "TOKEN_REVOKED");
        operation.ask(&late, "1", &nothing).await.refused(401, "TOKEN_EXPIRED");
    }
}

/// What only administrators may. Everything else everybody may who is signed in, with what is theirs.
const ADMINISTRATORS: [&str; 23] = [
    "users",
    "change_user_status",
    "erase_user",
    "lock_user",
    "unlock_user",
    "change_password_policy",
    "change_settings",
    "approve_whiskey",
    "settle_title",
    "reject_whiskey",
    "alerts",
    "audit_logs",
    "audit_events",
    "audit_export",
    "event_stream",
    // Of somebody else.
    "user_permissions",
    "hold_mint",
    "release_mint",
    "cancel_mint",
    "mint_nft",
    "deploy_contract",
    "pause_network",
    "resume_network",
];

/// What everybody may.
const EVERYBODY: [&str; 57] = [
    "contracts",
    "logout",
    "revoke_token",
    "change_password",
    "sessions",
    "end_all_sessions",
    "end_session",
    "devices",
    "trust_device",
    "distrust_device",
    "block_device",
    "forget_device",
    "login_history",
    "last_login",
    "me",
    "notifications",
    "choose_notifications",
    "change_me",
    "erase_me",
    "profile",
    "change_profile",
    "export_me",
    "user",
    "register_whiskey",
    "whiskeys",
    "search_whiskeys",
    "whiskey",
    "correct_whiskey",
    "resubmit_whiskey",
    "revalue_whiskey",
    "regauge_whiskey",
    "move_whiskey",
    "report_condition",
    "retire_whiskey",
    "offer_transfer",
    "withdraw_transfer",
    "accept_transfer",
    "whiskey_history",
    "attach_file",
    "detach_file",
    "upload_file",
    "files",
    "file_details",
    "delete_file",
    "process_image",
    "portfolio",
    "generate_nft",
    "retry_mint",
    "nft",
    "nfts_of_user",
    "ask_ownership",
    "verify_ownership",
    "networks",
    "gas_price",
    "transaction",
    "ledger_receipt",
    "ledger_event",
];

#[tokio::test]
async fn what_is_an_administrator_s_is_nobody_else_s() {
    let server = &calm().await.server;
    let (isla, other) = (server.person("Isla").await, server.person("Finlay").await);
    let (user, whiskey) = (other.id().await, other.cask("P-1").await);
    let operations = secured(&server.visitor()).await;
    let known: BTreeSet<_> = ADMINISTRATORS.iter().chain(&EVERYBODY).copied().collect();
    let there: BTreeSet<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(there, known, "who may do what is new?");
    for operation in &operations {
        let name = operation.id.as_str();
        if ADMINISTRATORS.contains(&name) {
            let id = match operation.path.split('/').nth(3) {
                Some("whiskeys") => &whiskey,
                Some("tenants") => "1",
                Some("nfts") => &whiskey,
                Some("blockchain") => "development",
                _ => &user,
            };
            let answer = operation.ask(&isla, id, &valid_body(name)).await;
            answer.refused(403, "PERMISSION_DENIED");
        }
    }
    other.get("/api/v1/users/me").await.expect(200);
}

/// An account of the chain.
const NOBODY: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

/// A body the operation would take.
fn valid_body(operation: &str) -> Value {
    let policy = json!({
        "minLength": 8, "upperCase": true, "lowerCase": true, "digit": true,
        "specialCharacter": true, "minStrength": 2, "history": 5, "lifeDays": 90,
    });
    match operation {
        "change_user_status" => json!({ "status": "SUSPENDED" }),
        "change_password_policy" => policy,
        "reject_whiskey" | "retire_whiskey" => json!({ "reason": "lost" }),
        "correct_whiskey" => cask("P-2"),
        "revalue_whiskey" => json!({ "value": { "amount": "1", "currency": "GBP" } }),
        "regauge_whiskey" => json!({ "volume": "1", "alcoholContent": "40" }),
        "move_whiskey" => json!({ "storageLocation": { "warehouse": "W1" } }),
        "report_condition" => json!({ "condition": "sound" }),
        "offer_transfer" => json!({ "to": "1" }),
        "attach_file" => json!({ "fileId": "1", "role": "image" }),
        "hold_mint" | "pause_network" => json!({ "reason": "because" }),
        "ask_ownership" => json!({ "address": NOBODY }),
        "deploy_contract" => json!({ "name": "Casks", "symbol": "CASK", "admin": NOBODY }),
        "mint_nft" => json!({ "whiskeyId": "1", "recipient": NOBODY }),
        _ => json!({}),
    }
}

/// Whatever is somebody's of another tenant is not there: for that tenant's administrator, who may
/// do everything at home.
#[tokio::test]
async fn another_tenant_s_things_are_not_there() {
    let world = World::new().await;
    let server = world.server().await;
    let isla = server.person("Isla").await;
    let keeper = server.administrator().await;
    let (user, whiskey) = (isla.id().await, isla.cask("T-1").await);
    let file = isla.upload("a.pdf", b"%PDF-1.7 a certificate".to_vec()).await.expect(201);
    let file = file.data()["id"].as_str().unwrap().to_owned();
    let approve = format!("/api/v1/whiskeys/{whiskey}/approve");
    keeper.put(&approve).await.expect(200);
    let session = isla.get("/api/v1/auth/sessions").await.expect(200);
    let session = session.data()[0]["id"].as_str().unwrap().to_owned();
    let stranger = server.administrator_elsewhere(&world).await;
    let at_home = stranger.cask("T-2").await;
    stranger.get(&format!("/api/v1/whiskeys/{at_home}/history")).await;

    let unknown = format!("0x{}", "ab".repeat(32));
    let mut met = BTreeSet::new();
    let before = world.log().await.len();
    for operation in secured(&isla).await.iter().filter(|operation| operation.has_parameter()) {
        let id = match operation.path.split('/').nth(3).unwrap() {
            "users" => &user,
            "nfts" if operation.path.contains("/user/") => &user,
            "blockchain" if operation.path.contains("/transaction/") => &unknown,
            // The networks are everybody's: see the stories about mints in trouble.
            "blockchain" => "nowhere",
            "whiskeys" | "nfts" => &whiskey,
            "files" => &file,
            "tenants" => "1",
            // Whatever the first event of the platform's own tenant is.
            "ledger" => "0",
            "auth" if operation.path.contains("/devices/") => &isla.device,
            "auth" => &session,
            other => panic!("whose is {other}?"),
        };
        let answer = operation.ask(&stranger, id, &valid_body(&operation.id)).await;
        assert_eq!(answer.status, 404, "{}: {}", operation.id, answer.body);
        met.insert(operation.id.clone());
    }
    assert!(met.len() >= 25, "{met:?}");
    assert_eq!(world.log().await.len(), before, "something was written");
    // Nor were they there.
    let head = world.log().await.len() - 1;
    for path in [format!("users/{user}"), format!("whiskeys/{whiskey}")] {
        let path = format!("/api/v1/{path}?asOf={head}");
        isla.get(&path).await.expect(200);
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
    let owned = stranger.get(&format!("/api/v1/portfolio?owner={user}")).await.expect(200);
    assert_eq!(owned.data()["holdings"], json!([]));
    for list in ["logs", "events"] {
        let path = format!("/api/v1/audit/{list}?limit=100");
        let head = i64::try_from(head).unwrap();
        let told = stranger.get_at(&path, head).await.expect(200).body.to_string();
        assert!(told.contains(&at_home) && !told.contains(&whiskey), "{told}");
        assert!(keeper.get(&path).await.expect(200).body.to_string().contains(&whiskey));
    }
    let generate = json!({ "whiskeyId": whiskey });
    let answer = stranger.post("/api/v1/nfts/generate", generate).await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    stranger.get(&format!("/api/v1/files/{file}")).await.refused(404, "FILE_NOT_FOUND");
    let listed = stranger.get("/api/v1/users").await.expect(200);
    assert_eq!(listed.body["pagination"]["total"], 1);
    let listed = stranger.get("/api/v1/whiskeys").await.expect(200);
    assert!(listed.data().as_array().unwrap().iter().all(|cask| cask["id"] != whiskey.as_str()));
    isla.get("/api/v1/users/me").await.expect(200);
}
