//! Casks and their tokens: who may do what, and once only.

use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, calm};

#[tokio::test]
async fn an_owner_does_not_approve_and_nobody_approves_twice() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let own = keeper.cask("K-1").await;
    keeper.put(&format!("/api/v1/whiskeys/{own}/approve")).await.refused(403, "PERMISSION_DENIED");

    let cask = isla.cask("A-1").await;
    let approve = format!("/api/v1/whiskeys/{cask}/approve");
    isla.put(&approve).await.refused(403, "PERMISSION_DENIED");
    let approved = keeper.put(&approve).await.expect(200);
    let again = keeper.put(&approve).await.refused(409, "ILLEGAL_STATE");
    assert_eq!(
        again.body["error"]["details"],
        json!({ "state": "APPROVED", "command": "approve" })
    );

    let seen = isla.get_at(&format!("/api/v1/whiskeys/{cask}"), approved.position()).await;
    assert_eq!(seen.expect(200).data()["status"], "APPROVED");
}

#[tokio::test]
async fn a_rejected_cask_says_why() {
    let server = &calm().await.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask = isla.cask("R-1").await;
    let reject = format!("/api/v1/whiskeys/{cask}/reject");
    let body = json!({ "reason": "the fill date is missing" });
    let answer = Answer::of(keeper.request(Method::PUT, &reject).json(&body)).await.expect(200);
    let seen =
        isla.get_at(&format!("/api/v1/whiskeys/{cask}"), answer.position()).await.expect(200);
    assert_eq!(seen.data()["rejectionReason"], "the fill date is missing");
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask }))
        .await
        .refused(409, "ILLEGAL_STATE");
}

#[tokio::test]
async fn a_cask_gets_one_token_however_many_ask_at_once() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask = isla.cask("M-1").await;
    let body = json!({ "whiskeyId": cask });
    isla.post("/api/v1/nfts/generate", body.clone()).await.refused(409, "ILLEGAL_STATE");
    keeper.put(&format!("/api/v1/whiskeys/{cask}/approve")).await.expect(200);
    keeper.post("/api/v1/nfts/generate", body.clone()).await.refused(403, "PERMISSION_DENIED");

    let asks = (0..6).map(|_| isla.post("/api/v1/nfts/generate", body.clone()));
    let answers = futures::future::join_all(asks).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 1, "{answers:?}");

    let nft = isla.until_nft_is(&cask, "CONFIRMED").await;
    assert_eq!(nft["transaction"]["blockHash"].as_str().unwrap().len(), 66);
    let seen = isla.get(&format!("/api/v1/whiskeys/{cask}")).await.expect(200);
    crate::world::until("the cask is tokenised", || async {
        let seen = isla.get(&format!("/api/v1/whiskeys/{cask}")).await;
        (seen.data()["status"] == "TOKENISED").then_some(())
    })
    .await;
    assert_eq!(seen.data()["id"], cask.as_str());

    let metadata = server.visitor().get(&format!("/api/v1/nfts/{cask}/metadata")).await.expect(200);
    assert_eq!(metadata.body["name"], "Ardcairn 2012");
}

#[tokio::test]
async fn the_document_the_chain_commits_to_is_the_one_that_is_served() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask = isla.cask("D-1").await;
    keeper.put(&format!("/api/v1/whiskeys/{cask}/approve")).await.expect(200);
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask })).await.expect(202);
    let nft = isla.until_nft_is(&cask, "CONFIRMED").await;

    let path = format!("/api/v1/nfts/{cask}/metadata");
    let bytes = isla.request(Method::GET, &path).send().await.unwrap().bytes().await.unwrap();
    let digest = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes).as_ref());
    // tokenURI(uint256), asked of the chain itself: it is computed from the digest.
    let call = format!("0xc87b56dd{:064x}", cask.parse::<u128>().unwrap());
    let question = json!({
        "jsonrpc": "2.0", "id": 1, "method": "eth_call",
        "params": [{ "to": nft["contract"], "data": call }, "latest"],
    });
    let chain = reqwest::Client::new().post(calm.world.chain.url()).json(&question);
    let answer: serde_json::Value = chain.send().await.unwrap().json().await.unwrap();
    let uri = hex(format!("ipfs://f01551220{digest}").as_bytes());
    assert!(answer["result"].as_str().unwrap().contains(&uri), "{answer}");

    // What the token points to is found where gateways have it, in either spelling.
    let of_token = nft["metadataCid"].as_str().unwrap();
    for cid in [of_token, &format!("f01551220{digest}")] {
        for place in ["/ipfs", "/api/v1/ipfs"] {
            let path = format!("{place}/{cid}");
            let answer = server.visitor().request(Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.headers()["etag"], format!("\"{of_token}\"").as_str());
            assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
            assert_eq!(answer.bytes().await.unwrap(), bytes, "{path}");
        }
    }
    for nothing in ["x", "f0155122000", &of_token.replace('a', "b")] {
        isla.get(&format!("/ipfs/{nothing}")).await.refused(404, "NOT_FOUND");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
