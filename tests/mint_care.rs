//! Mints in trouble, and who may do what about them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::mint_lab::{MintLab, NETWORK};
use crate::world::{Answer, Person, World, until};

async fn nft(person: &Person, id: &str, deed: &str) -> Answer {
    person.post(&format!("/api/v1/nfts/{id}/{deed}"), json!({})).await
}

/// The first mint opens the lane.
async fn opened(lab: &MintLab) {
    let id = lab.ordered("C-0").await;
    lab.mined_until(&id, "CONFIRMED").await;
}

async fn cask_is(lab: &MintLab, id: &str, status: &str) {
    until(&format!("the cask is {status}"), || async {
        let cask = lab.isla.get(&format!("/api/v1/whiskeys/{id}")).await;
        (cask.data()["status"] == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_paused_network_gives_no_nonce_and_goes_on_where_it_was() {
    let lab = MintLab::new(&[]).await;
    let nothing = json!({ "reason": "too early" });
    let refused = lab.keeper.post(&format!("{NETWORK}/pause"), nothing.clone()).await;
    refused.refused(409, "ILLEGAL_STATE");
    opened(&lab).await;
    lab.isla
        .post(&format!("{NETWORK}/pause"), nothing.clone())
        .await
        .refused(403, "PERMISSION_DENIED");
    let elsewhere = "/api/v1/blockchain/networks/nowhere/pause";
    lab.keeper.post(elsewhere, nothing).await.refused(404, "NOT_FOUND");
    lab.keeper.post(&format!("{NETWORK}/pause"), json!({})).await.refused(400, "VALIDATION_ERROR");
    lab.pause().await;
    let shown = lab.keeper.get("/api/v1/blockchain/networks").await.expect(200);
    assert_eq!(shown.data()[0]["lanes"][0]["gate"], "paused");
    let id = lab.ordered("C-1").await;
    lab.until_status(&id, "PINNED").await;
    // Somebody else uses the key meanwhile: the lane goes on behind that.
    let minter = crate::world::mint_lab::MINTER;
    lab.send_as(minter, &lab.contract, Vec::new()).await;
    assert_eq!(lab.events("lane.nonce_assigned").await.len(), 1);
    lab.resume().await;
    lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(lab.events("lane.resumed").await[0]["data"]["nextNonce"], 2);
    // Done again, nothing is written.
    lab.resume().await;
    // Who did it is in the audit log of the platform.
    let head = i64::try_from(lab.world.log().await.len()).unwrap() - 1;
    let log = lab.keeper.get_at("/api/v1/audit/logs?entityType=lane", head).await.expect(200);
    let deeds = log.data().as_array().unwrap();
    let gates: Vec<_> = deeds.iter().map(|deed| &deed["after"]["gate"]).collect();
    assert_eq!(gates, ["open", "paused"]);
    assert_eq!(deeds[1]["after"]["reason"], "the node is moved");
    assert!(deeds.iter().all(|deed| deed["actorType"] == "user"));
    assert_eq!(lab.events("lane.resumed").await.len(), 1);
}

#[tokio::test]
async fn only_the_platform_s_own_operators_stop_what_serves_all_tenants() {
    let world = World::new().await;
    let server = world.server().await;
    let stranger = server.administrator_elsewhere(&world).await;
    let body = json!({ "reason": "because" });
    for deed in ["pause", "resume"] {
        let answer = stranger.post(&format!("{NETWORK}/{deed}"), body.clone()).await;
        answer.refused(403, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn what_has_no_nonce_is_held_released_or_given_up_at_once() {
    let lab = MintLab::new(&[]).await;
    opened(&lab).await;
    lab.pause().await;
    let held = lab.ordered("H-1").await;
    let given_up = lab.ordered("H-2").await;
    for id in [&held, &given_up] {
        lab.until_status(id, "PINNED").await;
    }
    let path = format!("/api/v1/nfts/{held}/hold");
    let reason = json!({ "reason": "under inspection" });
    lab.isla.post(&path, reason.clone()).await.refused(403, "PERMISSION_DENIED");
    lab.keeper.post(&path, json!({})).await.refused(400, "VALIDATION_ERROR");
    lab.keeper.post(&path, reason).await.expect(200);
    assert_eq!(lab.until_status(&held, "HELD").await["hold"], "operator");

    nft(&lab.isla, &given_up, "cancel").await.refused(403, "PERMISSION_DENIED");
    let cancel = format!("/api/v1/nfts/{given_up}/cancel");
    let request = || lab.keeper.request(Method::POST, &cancel).header("Idempotency-Key", "c-1");
    let failed = Answer::of(request()).await.expect(202);
    assert_eq!(failed.data()["status"], "FAILED");
    assert_eq!(Answer::of(request()).await.expect(202).header("idempotency-replayed"), "true");
    nft(&lab.keeper, &given_up, "cancel").await.refused(409, "ILLEGAL_STATE");
    assert_eq!(lab.until_status(&given_up, "FAILED").await["failure"], "never_sent");
    cask_is(&lab, &given_up, "APPROVED").await;

    lab.resume().await;
    let other = lab.ordered("H-3").await;
    lab.mined_until(&other, "CONFIRMED").await;
    assert_eq!(lab.status(&held).await, "HELD");
    nft(&lab.isla, &held, "release").await.refused(403, "PERMISSION_DENIED");
    nft(&lab.keeper, &held, "release").await.expect(200);
    lab.mined_until(&held, "CONFIRMED").await;
    nft(&lab.keeper, &held, "release").await.refused(409, "ILLEGAL_STATE");
    nft(&lab.keeper, &held, "cancel").await.refused(409, "ILLEGAL_STATE");

    let stranger = lab.server.person("Finlay").await;
    nft(&stranger, &given_up, "retry").await.refused(403, "PERMISSION_DENIED");
    nft(&lab.isla, &given_up, "retry").await.expect(202);
    nft(&lab.isla, &given_up, "retry").await.refused(409, "ILLEGAL_STATE");
    lab.mined_until(&given_up, "CONFIRMED").await;
    nft(&lab.isla, "1", "retry").await.refused(404, "NFT_NOT_FOUND");
}

#[tokio::test]
async fn a_nonce_is_given_up_by_spending_it_and_every_attempt_is_told() {
    let lab = MintLab::new(&[]).await;
    let id = lab.ordered("X-1").await;
    lab.until_status(&id, "SUBMITTED").await;
    let mint = lab.until_sent(0, 1).await[0].hash.clone();
    let asked = nft(&lab.keeper, &id, "cancel").await.expect(202);
    assert_eq!(asked.data()["status"], "CANCELLING");
    nft(&lab.keeper, &id, "cancel").await.expect(202);
    assert_eq!(lab.events("lane.cancel_requested").await.len(), 1);
    lab.until_cancel_sent(0).await;
    let failed = lab.mined_until(&id, "FAILED").await;
    assert_eq!(failed["failure"], "cancelled_at_finality");
    assert!(lab.tokens().await.is_empty());
    cask_is(&lab, &id, "APPROVED").await;

    let winner = failed["transaction"]["hash"].as_str().unwrap();
    assert_ne!(winner, mint);
    let transaction = async |person: &Person, hash: &str| {
        let path = format!("/api/v1/blockchain/transaction/{hash}");
        person.get(&path).await.expect(200).data().clone()
    };
    let won = until("the read model knows who won", || async {
        let won = transaction(&lab.isla, winner).await;
        (won["signed"]["winner"] == winner).then_some(won)
    })
    .await;
    assert_eq!((&won["status"], &won["isFinal"]), (&json!("SUCCEEDED"), &json!(true)));
    assert_eq!(won["gasUsed"], 21_000);
    assert_eq!(won["block"]["hash"], failed["transaction"]["blockHash"]);
    let lost = transaction(&lab.isla, &mint.to_uppercase().replace("0X", "0x")).await;
    assert_eq!((&lost["hash"], &lost["block"]), (&json!(mint), &Value::Null));
    for seen in [&won, &lost] {
        assert_eq!(seen["signed"]["tokenIds"][0], id.as_str());
        assert_eq!(seen["signed"]["nonce"], 0);
        let attempts = seen["signed"]["attempts"].as_array().unwrap();
        let told = |at: usize, name: &str| attempts[at][name].as_str().unwrap().to_owned();
        assert_eq!((told(0, "hash"), told(0, "kind")), (mint.clone(), "mint".to_owned()));
        let last = attempts.len() - 1;
        assert_eq!((told(last, "hash"), told(last, "kind")), (winner.into(), "cancel".into()));
    }
    // Another tenant is told what the chain tells everybody.
    let stranger = lab.server.administrator_elsewhere(&lab.world).await;
    assert_eq!(transaction(&stranger, winner).await["signed"], Value::Null);
    let hidden = format!("/api/v1/blockchain/transaction/{mint}");
    stranger.get(&hidden).await.refused(404, "NOT_FOUND");

    // An operator asks again for its owner.
    nft(&lab.keeper, &id, "retry").await.expect(202);
    let minted = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(minted["owner"], lab.isla.id().await.as_str());
}

#[tokio::test]
async fn an_operator_has_a_token_minted_to_a_wallet_for_the_cask_s_owner() {
    let lab = MintLab::new(&[]).await;
    let wallet = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";
    let pending = lab.isla.cask("W-1").await;
    let body = |id: &str| json!({ "whiskeyId": id, "recipient": wallet });
    let path = "/api/v1/blockchain/mint-nft";
    lab.isla.post(path, body(&pending)).await.refused(403, "PERMISSION_DENIED");
    lab.keeper.post(path, body(&pending)).await.refused(409, "ILLEGAL_STATE");
    lab.keeper.post(path, body("1")).await.refused(404, "WHISKEY_NOT_FOUND");
    lab.keeper.post(path, json!({ "whiskeyId": pending })).await.refused(400, "VALIDATION_ERROR");
    let id = lab.approved("W-2").await;
    let stranger = lab.server.administrator_elsewhere(&lab.world).await;
    stranger.post(path, body(&id)).await.refused(404, "WHISKEY_NOT_FOUND");
    lab.keeper.post(path, body(&id)).await.expect(202);
    let minted = lab.mined_until(&id, "CONFIRMED").await;
    assert_eq!(minted["owner"], lab.isla.id().await.as_str());
    assert_eq!((&minted["recipient"], &minted["holder"]), (&json!(wallet), &json!(wallet)));
    lab.keeper.post(path, body(&id)).await.refused(409, "ILLEGAL_STATE");
}
