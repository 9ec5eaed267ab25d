//! Contracts that are made in the lanes that mint.

use serde_json::{Value, json};

use crate::world::chain_proxy::{ChainProxy, Fault};
use crate::world::mint_lab::{MINTER, MintLab, minter};
use crate::world::{World, run, until};

const ADMIN: &str = "0x8ba1f109551bd432803012645ac136ddd64dba72";

async fn asked_for(lab: &MintLab) -> String {
    let body = json!({ "name": "Islay Casks", "symbol": "ISLAY", "admin": ADMIN });
    let asked = lab.keeper.post("/api/v1/blockchain/deploy-contract", body).await.expect(202);
    asked.data()["deploymentId"].as_str().unwrap().to_owned()
}

/// The contract with this deployment, as everybody sees it.
async fn shown(lab: &MintLab, deployment: &str) -> Value {
    let all = lab.isla.get("/api/v1/blockchain/contracts").await.expect(200);
    let all = all.data().as_array().unwrap().clone();
    all.into_iter().find(|one| one["deploymentId"] == deployment).unwrap_or_default()
}

async fn mined_until(lab: &MintLab, deployment: &str, status: &str) -> Value {
    until(&format!("the contract is {status}"), || async {
        lab.proxy.mine(1).await;
        let contract = shown(lab, deployment).await;
        (contract["status"] == status).then_some(contract)
    })
    .await
}

/// The answer of a function without arguments that gives a text.
async fn text_of(proxy: &ChainProxy, contract: &str, function: &str) -> String {
    let selector = &ethers_core::utils::keccak256(format!("{function}()"))[..4];
    let call =
        json!([{ "to": contract, "data": format!("0x{}", hex::encode(selector)) }, "latest"]);
    let answer = proxy.ask("eth_call", call).await;
    let bytes = hex::decode(answer.as_str().unwrap().trim_start_matches("0x")).unwrap();
    let length = usize::from(bytes[63]);
    String::from_utf8(bytes[64..64 + length].to_vec()).unwrap()
}

#[tokio::test]
async fn an_operator_has_a_contract_made_and_it_is_where_it_was_said_to_be() {
    let lab = MintLab::new(&[]).await;
    let id = asked_for(&lab).await;
    let assigned = until("it has a nonce", || async {
        let contract = shown(&lab, &id).await;
        (contract["status"] == "ASSIGNED").then_some(contract)
    })
    .await;
    let address = assigned["address"].as_str().unwrap().to_owned();
    let made = mined_until(&lab, &id, "CONFIRMED").await;
    assert_eq!(made["address"], address);
    assert_eq!((&made["name"], &made["symbol"]), (&json!("Islay Casks"), &json!("ISLAY")));
    assert_eq!((&made["admin"], &made["failure"]), (&json!(ADMIN), &Value::Null));
    assert!(made["gasUsed"].as_u64().unwrap() > 1_000_000, "{made}");
    assert_eq!(text_of(&lab.proxy, &address, "name").await, "Islay Casks");
    assert_eq!(text_of(&lab.proxy, &address, "symbol").await, "ISLAY");

    let hash = made["transaction"].as_str().unwrap();
    let told = lab.isla.get(&format!("/api/v1/blockchain/transaction/{hash}")).await.expect(200);
    // Lanes serve all tenants: this errand is the platform's own, and so is the asker's tenant.
    assert_eq!(told.data()["signed"]["errand"], "deployment");
    assert_eq!(told.data()["signed"]["attempts"][0]["kind"], "deployment");

    let deployed = lab.events("contract.deployed").await.pop().unwrap();
    assert_eq!(deployed["aggregateId"], format!("31337-{address}"));
    assert_eq!(deployed["data"]["deployment"], id);
    // Mints go on beside it.
    let token = lab.ordered("D-1").await;
    lab.mined_until(&token, "CONFIRMED").await;
    lab.chain_equals_log(&[token]).await;
}

#[tokio::test]
async fn who_asks_for_what_cannot_be_is_told() {
    let lab = MintLab::new(&[("CASKCHAIN_CHAIN__MAY_DEPLOY", "false")]).await;
    let path = "/api/v1/blockchain/deploy-contract";
    let good = json!({ "name": "Casks", "symbol": "CASK", "admin": ADMIN });
    lab.keeper.post(path, good.clone()).await.refused(409, "ILLEGAL_STATE");
    let stranger = lab.server.administrator_elsewhere(&lab.world).await;
    stranger.post(path, good.clone()).await.refused(403, "PERMISSION_DENIED");
    for (field, wrong) in [("name", ""), ("symbol", "much too long for a symbol"), ("admin", "0x")]
    {
        let mut body = good.clone();
        body[field] = json!(wrong);
        lab.keeper.post(path, body).await.refused(400, "VALIDATION_ERROR");
    }
    let mut elsewhere = good;
    elsewhere["network"] = json!("nowhere");
    lab.keeper.post(path, elsewhere).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(lab.events("deployment.requested").await.len(), 0);
}

#[tokio::test]
async fn killed_after_each_step_one_contract_is_made() {
    let mut lab = MintLab::new(&[]).await;
    let steps = [
        "deployment.requested",
        "deployment.assigned",
        "lane.attempt_signed",
        "deployment.confirmed",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let before = lab.events(step).await.len();
        let id = asked_for(&lab).await;
        until(step, || async {
            lab.proxy.mine(1).await;
            (lab.events(step).await.len() > before).then_some(())
        })
        .await;
        lab.kill_and_restart(&[]).await;
        mined_until(&lab, &id, "CONFIRMED").await;
        assert_eq!(lab.events("contract.deployed").await.len(), number + 1);
    }
    lab.chain_equals_log(&[]).await;
}

#[tokio::test]
async fn a_stolen_nonce_makes_it_another_address() {
    let lab = MintLab::new(&[]).await;
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    let id = asked_for(&lab).await;
    until("it is signed", || async { lab.events("lane.attempt_signed").await.pop() }).await;
    let before = lab.events("deployment.assigned").await[0]["data"]["address"].clone();
    lab.send_as(MINTER, &minter(), vec![]).await;
    until("the slot is lost", || async {
        lab.proxy.mine(1).await;
        lab.events("deployment.slot_lost").await.pop()
    })
    .await;
    lab.proxy.calm();
    lab.resume().await;
    let made = mined_until(&lab, &id, "CONFIRMED").await;
    assert_ne!(made["address"], before);
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn without_a_server_the_command_line_makes_it() {
    let world = World::with_chain(embedded::ChainOptions {
        heartbeat: false,
        slots_in_an_epoch: 1,
        ..embedded::ChainOptions::default()
    })
    .await;
    let proxy = ChainProxy::before(&world.chain.url()).await;
    proxy.block_every(std::time::Duration::from_secs(1)).await;
    let settings = world.settings(&[
        ("CASKCHAIN_KEY_ENCRYPTION_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("CASKCHAIN_CHAIN__SIGNER_KEY", MINTER),
        ("CASKCHAIN_CHAIN__BLOCK_TIME_MS", "1000"),
    ]);
    let words = ["contract", "deploy", "--admin", ADMIN, "--name", "Casks of the line"];
    let said = run(&settings, &words, "").await.unwrap();
    let address = said.trim();
    assert_eq!(text_of(&proxy, address, "name").await, "Casks of the line");
    world.log_is_lawful().await;
    let wrong = run(&settings, &["contract", "deploy", "--admin", "0x12"], "").await.unwrap_err();
    assert!(wrong.contains("admin"), "{wrong}");
}

#[tokio::test]
async fn a_nonce_for_what_nobody_may_do_any_more_is_given_up_and_the_lane_goes_on() {
    let mut lab = MintLab::new(&[]).await;
    lab.proxy.sometimes("eth_sendRawTransaction", &Fault::CutBefore, 1.0);
    let id = asked_for(&lab).await;
    until("it has a nonce", || async { lab.events("deployment.assigned").await.pop() }).await;
    // Whoever comes after the kill may not deploy, and what was signed reaches no block.
    lab.kill_and_restart(&[("CASKCHAIN_CHAIN__MAY_DEPLOY", "false")]).await;
    let token = lab.ordered("G-1").await;
    until("the nonce is given up", || async { lab.events("lane.cancel_requested").await.pop() })
        .await;
    lab.proxy.calm();
    lab.mined_until(&token, "CONFIRMED").await;
    until("the deployment is settled", || async {
        lab.proxy.mine(1).await;
        let status = shown(&lab, &id).await["status"].clone();
        (status == "FAILED" || status == "CONFIRMED").then_some(())
    })
    .await;
    lab.chain_equals_log(&[token]).await;
}
