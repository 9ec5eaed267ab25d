//! Mints that prove that their cask was approved, where that is wanted.

use std::collections::BTreeMap;

use ethers_core::utils::keccak256;
use serde_json::{Value, json};

use crate::world::auditor::Bundle;
use crate::world::mint_lab::{
    ADMIN, ANCHORER, MINTER, MintLab, OFTEN, PROVING_ADMIN, minter, word,
};
use crate::world::{World, free_port, strangers, until};

const SETTINGS: &str = "/api/v1/tenants/1/settings";

/// The approvals of these casks, by their positions in the log.
async fn approvals(lab: &MintLab, ids: &[String]) -> Vec<(String, i64)> {
    let log = lab.world.log().await;
    let approved = |id: &String| {
        let approval = |(_, text): &&(i64, String)| {
            text.contains("whiskey.approved") && text.contains(&format!("\"{id}\""))
        };
        (id.clone(), log.iter().find(approval).unwrap().0)
    };
    let mut approvals: Vec<(String, i64)> = ids.iter().map(approved).collect();
    approvals.sort();
    approvals
}

#[tokio::test]
async fn where_the_contract_wants_it_a_mint_proves_that_its_cask_was_approved() {
    let mut lab = MintLab::new(&[]).await;
    lab.require_approval(ADMIN, &lab.contract, true).await;
    // Nothing is anchored, so nothing can be proven, and no nonce is spent on trying.
    let ids = [lab.ordered("P-1").await, lab.ordered("P-2").await];
    for id in &ids {
        assert_eq!(lab.until_status(id, "HELD").await["hold"], "unproven");
    }
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 0);
    lab.anchor_from_now_on().await;
    for id in &ids {
        lab.mined_until(id, "CONFIRMED").await;
    }
    let mut proven = lab.proven(&lab.contract).await;
    proven.sort();
    assert_eq!(proven, approvals(&lab, &ids).await);
    // Each by itself, against a head that is there for good.
    let errands = lab.events("lane.nonce_assigned").await;
    let mints: Vec<&Value> = errands
        .iter()
        .map(|event| &event["data"]["errand"])
        .filter(|errand| errand["kind"] == "approved_mint")
        .collect();
    assert_eq!(mints.len(), 2, "{errands:?}");
    // The next head may be on its way already, so nonces are not counted here.
    let once: BTreeMap<String, usize> = ids.into_iter().map(|id| (id, 1)).collect();
    assert_eq!(lab.tokens().await, once);
    lab.world.log_is_lawful().await;

    // Whoever may do both could prove a log of their own.
    let alarm = "the account that mints has ANCHOR_ROLE";
    assert!(!lab.server.log_text().contains(alarm));
    lab.grant(MINTER, "ANCHOR_ROLE", true).await;
    lab.ordered("P-3").await;
    until("there is an alarm", || async {
        lab.proxy.mine(1).await;
        lab.server.log_text().contains(alarm).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_wants_approvals_proven_gets_its_tokens_by_a_contract_that_does() {
    let lab = MintLab::new(&[OFTEN]).await;
    let proving = lab.proven_contract().await;
    let before = lab.ordered("T-1").await;
    let minted = lab.mined_until(&before, "CONFIRMED").await;
    assert_eq!(minted["contract"].as_str().unwrap().to_lowercase(), lab.contract);
    // One that was asked for before, and is given up.
    lab.pause().await;
    let failed = lab.ordered("T-2").await;
    lab.until_status(&failed, "PINNED").await;
    lab.keeper.post(&format!("/api/v1/nfts/{failed}/cancel"), json!({})).await.expect(202);
    lab.until_status(&failed, "FAILED").await;

    let on = json!({ "provenMints": true });
    lab.isla.put_json(SETTINGS, on.clone()).await.refused(403, "PERMISSION_DENIED");
    let set = lab.keeper.put_json(SETTINGS, on).await.expect(200);
    assert_eq!(set.data()["provenMints"], true);
    let mut ids = vec![failed.clone(), lab.ordered("T-3").await];
    lab.isla.post(&format!("/api/v1/nfts/{failed}/retry"), json!({})).await.expect(202);
    lab.resume().await;
    for id in &ids {
        let minted = lab.mined_until(id, "CONFIRMED").await;
        assert_eq!(minted["contract"].as_str().unwrap().to_lowercase(), proving);
    }
    // Also if somebody makes the contract do without, the platform proves, and says what has happened.
    let alarm = "the contract that tenants were promised proofs by does not require them";
    assert!(!lab.server.log_text().contains(alarm));
    lab.require_approval(PROVING_ADMIN, &proving, false).await;
    ids.push(lab.ordered("T-4").await);
    lab.mined_until(&ids[2], "CONFIRMED").await;
    assert!(lab.server.log_text().contains(alarm));
    lab.require_approval(PROVING_ADMIN, &proving, true).await;
    let mut proven = lab.proven(&proving).await;
    proven.sort();
    assert_eq!(proven, approvals(&lab, &ids).await);
    // Nobody tried who may not.
    assert_eq!(lab.events("nft.mint_held").await, Vec::<Value>::new());

    the_minters_key_alone_mints_nothing(&lab, &proving).await;
    the_other_contract_says_nothing_of_it(&lab, &ids[0]).await;
    let twice = no_second_token_beside_one_at_the_other_contract(&lab).await;
    let once: BTreeMap<String, usize> = ids.into_iter().map(|id| (id, 1)).collect();
    assert_eq!(lab.tokens_of(&proving).await, once);
    assert_eq!(
        lab.tokens().await,
        BTreeMap::from([(before, 1), (failed.clone(), 1), (twice.clone(), 1)])
    );
    // Both contracts are held against the log, and what the thief made is found.
    let rpc = format!("31337={}", lab.world.chain.url());
    let bundle = Bundle::of(&lab.world, &[]).await;
    let verdict = bundle.verdict(&strangers::key(&lab.isla).await, &["--rpc", &rpc]).await;
    let report = verdict.report.to_string().to_lowercase();
    for contract in [&lab.contract, &proving] {
        assert!(report.contains(contract), "{report}");
    }
    assert_eq!((verdict.code, &verdict.report["findingsInAll"]), (1, &json!(3)), "{report}");
    assert!(report.contains(&failed) && report.contains(&twice), "{report}");
}

/// The thief makes a token of the same number at the contract that wants no proofs, and gives it away.
async fn the_other_contract_says_nothing_of_it(lab: &MintLab, token: &str) {
    let path = format!("/api/v1/nfts/{token}");
    let before = lab.isla.get(&path).await.expect(200).data()["holder"].clone();
    lab.mint_to(MINTER, &minter(), token.parse().unwrap(), [7; 32]).await;
    lab.transfer(MINTER, &minter(), &lab.contract, token).await;
    until("there is an alarm", || async {
        lab.proxy.mine(1).await;
        let alarm = "it was not ordered of the contract that has this token";
        (lab.server.log_text().matches(alarm).count() >= 2).then_some(())
    })
    .await;
    assert_eq!(lab.isla.get(&path).await.expect(200).data()["holder"], before);
    assert_eq!(lab.events("nft.transferred").await, Vec::<Value>::new());
}

/// One that the thief has made before its own was asked for.
async fn no_second_token_beside_one_at_the_other_contract(lab: &MintLab) -> String {
    let id = lab.approved("T-7").await;
    lab.mint_to(MINTER, &minter(), id.parse().unwrap(), [7; 32]).await;
    lab.isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": id })).await.expect(202);
    let held = lab.until_status(&id, "HELD").await;
    assert_eq!(held["hold"], "already_on_chain");
    // Until it is final.
    lab.proxy.mine(8).await;
    id
}

/// A thief has the key of the account that mints, and an approved cask and one that is not.
async fn the_minters_key_alone_mints_nothing(lab: &MintLab, proving: &str) {
    let casks = [lab.approved("T-5").await, lab.isla.cask("T-6").await];
    for cask in &casks {
        let token: u128 = cask.parse().unwrap();
        let thief = lab.mint_by(proving, MINTER, proving, token, [7; 32]).await;
        assert_eq!(refusal(lab, &thief).await, error("ApprovalProofMissing(uint256)"));
    }
    // A head of a log of their own, to prove from.
    let words = [word(1_000_000), [0xee; 32], word(96), word(0)];
    let forged = [anchor_call(), words.concat()].concat();
    let thief = lab.send_as(MINTER, proving, forged).await;
    let refused = refusal(lab, &thief).await;
    assert_eq!(refused, error("AccessControlUnauthorizedAccount(address,bytes32)"));
}

fn anchor_call() -> Vec<u8> {
    keccak256("anchor(uint64,bytes32,bytes32[])")[..4].to_vec()
}

fn error(signature: &str) -> String {
    format!("0x{}", hex::encode(&keccak256(signature)[..4]))
}

/// The error a transaction failed with, as the contract named it.
async fn refusal(lab: &MintLab, hash: &str) -> String {
    let receipt = lab.proxy.ask("eth_getTransactionReceipt", json!([hash])).await;
    assert_eq!(receipt["status"], "0x0", "{receipt}");
    let sent = lab.proxy.ask("eth_getTransactionByHash", json!([hash])).await;
    let call = json!({ "from": sent["from"], "to": sent["to"], "data": sent["input"] });
    let refused = lab.proxy.refusal("eth_call", json!([call, "latest"])).await;
    refused["data"].as_str().unwrap()[..10].to_owned()
}

/// One stolen key must not be enough, whichever it is.
#[tokio::test]
async fn who_mints_does_not_anchor_and_who_anchors_does_not_mint() {
    // Its key is kept elsewhere than in `anchor_key`.
    let kind = ("CASKCHAIN_CHAIN__ANCHOR_SIGNER__KIND", "key");
    let key = ("CASKCHAIN_CHAIN__ANCHOR_SIGNER__KEY", ANCHORER);
    let lab = MintLab::new(&[OFTEN, kind, key]).await;
    let proving = lab.proven_contract().await;
    let there = (PROVING_ADMIN, proving.as_str());
    lab.keeper.put_json(SETTINGS, json!({ "provenMints": true })).await.expect(200);
    let alarmed = async |alarm: &str| {
        until(alarm, || async {
            lab.proxy.mine(1).await;
            lab.server.log_text().contains(alarm).then_some(())
        })
        .await;
    };
    lab.grant_at(there, MINTER, "ANCHOR_ROLE", true).await;
    let id = lab.ordered("R-1").await;
    let held = lab.mined_until(&id, "HELD").await;
    assert_eq!(held["hold"], "unproven");
    alarmed("the account that mints has ANCHOR_ROLE").await;
    assert_eq!(lab.events("nft.mint_assigned").await, Vec::<Value>::new());
    // It goes on by itself when that is mended.
    lab.grant_at(there, MINTER, "ANCHOR_ROLE", false).await;
    let minted = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(minted["contract"].as_str().unwrap().to_lowercase(), proving);

    let alarm = "the account that anchors has MINTER_ROLE";
    assert!(!lab.server.log_text().contains(alarm));
    lab.grant_at(there, ANCHORER, "MINTER_ROLE", true).await;
    // Something that is worth to be anchored.
    let last = lab.approved("R-2").await;
    alarmed(alarm).await;

    // Whoever wants no proofs any more gets none.
    let off = lab.keeper.put_json(SETTINGS, json!({ "provenMints": false })).await.expect(200);
    assert_eq!(off.data()["provenMints"], false);
    lab.isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": last })).await.expect(202);
    let minted = lab.mined_until(&last, "CONFIRMED").await;
    assert_eq!(minted["contract"].as_str().unwrap().to_lowercase(), lab.contract);
    assert_eq!(lab.proven(&proving).await.len(), 1);
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn killed_after_each_step_a_proven_mint_is_minted_once() {
    let mut lab = MintLab::new(&[OFTEN]).await;
    let proving = lab.proven_contract().await;
    lab.keeper.put_json(SETTINGS, json!({ "provenMints": true })).await.expect(200);
    let id = lab.ordered("K-1").await;
    for step in ["nft.mint_assigned", "nft.mint_submitted", "nft.mint_included"] {
        until(step, || async {
            lab.proxy.mine(1).await;
            lab.events(step).await.pop()
        })
        .await;
        lab.kill_and_restart(&[OFTEN]).await;
    }
    lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(lab.tokens_of(&proving).await, BTreeMap::from([(id.clone(), 1)]));
    assert_eq!(lab.proven(&proving).await, approvals(&lab, &[id]).await);
    lab.world.log_is_lawful().await;
}

/// Beside one that has such a contract.
#[tokio::test]
async fn on_a_network_without_such_a_contract_no_proven_mint_is_ordered() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let contract = format!("0x{}", "57".repeat(20));
    let settings = [
        OFTEN,
        ("CASKCHAIN_NETWORKS__POLYGON__RPC_URL", nobody.as_str()),
        ("CASKCHAIN_NETWORKS__POLYGON__CONTRACT", &contract),
        ("CASKCHAIN_NETWORKS__POLYGON__CUSTODY", &contract),
        ("CASKCHAIN_NETWORKS__POLYGON__SIGNER_KEY", MINTER),
    ];
    let lab = MintLab::new(&settings).await;
    let id = lab.approved("O-1").await;
    let on = |network: &str| json!({ "whiskeyId": id, "network": network });
    lab.keeper.put_json(SETTINGS, json!({ "provenMints": true })).await.expect(200);
    let refused = lab.isla.post("/api/v1/nfts/generate", on("polygon")).await;
    refused.refused(409, "ILLEGAL_STATE");
    // Asked for before, it is not asked for again there either.
    lab.keeper.put_json(SETTINGS, json!({ "provenMints": false })).await.expect(200);
    lab.isla.post("/api/v1/nfts/generate", on("polygon")).await.expect(202);
    lab.until_status(&id, "PINNED").await;
    lab.keeper.post(&format!("/api/v1/nfts/{id}/cancel"), json!({})).await.expect(202);
    lab.until_status(&id, "FAILED").await;
    lab.keeper.put_json(SETTINGS, json!({ "provenMints": true })).await.expect(200);
    let again = lab.isla.post(&format!("/api/v1/nfts/{id}/retry"), json!({})).await;
    again.refused(409, "ILLEGAL_STATE");
}

#[tokio::test]
async fn where_no_contract_wants_proofs_no_tenant_can() {
    let world = World::new().await;
    let server = world.server().await;
    let keeper = server.administrator().await;
    let refused = keeper.put_json(SETTINGS, json!({ "provenMints": true })).await;
    refused.refused(409, "ILLEGAL_STATE");
    keeper.put_json(SETTINGS, json!({ "provenMints": false })).await.expect(200);
}
