//! The contract's tokens beside the log's: of a log that lost some, and of a chain that did.

use serde_json::Value;

use crate::world::ended;
use crate::world::mint_lab::{ADMIN, MINTER, MintLab, minter};
use crate::world::until;

/// Exit code, and what is told of each token.
async fn reconciled(lab: &MintLab, more: &[&str]) -> (i32, Vec<Value>) {
    let words = [&["contract", "reconcile", "--output", "json"], more].concat();
    let (code, said) = ended(&lab.settings(), &words).await;
    (code, said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn verdict<'a>(told: &'a [Value], token: &str) -> &'a str {
    let of = told.iter().find(|of| of["tokenId"] == token);
    of.and_then(|of| of["verdict"].as_str()).unwrap_or("nothing")
}

/// The digest of the document that is pinned for a token.
async fn digest(lab: &MintLab, token: &str) -> [u8; 32] {
    let pinned = lab.events("nft.metadata_pinned").await;
    let of = pinned.iter().find(|event| event["aggregateId"] == token).unwrap();
    let mut digest = [0; 32];
    hex::decode_to_slice(of["data"]["digest"].as_str().unwrap(), &mut digest).unwrap();
    digest
}

#[tokio::test]
async fn tokens_whose_mints_the_log_has_lost_are_found_and_taken_back_with_what_they_went_through()
{
    let lab = MintLab::new(&[]).await;
    lab.let_mint_as(ADMIN, true).await;
    let first = lab.ordered("R-0").await;
    lab.mined_until(&first, "CONFIRMED").await;
    assert_eq!(verdict(&reconciled(&lab, &[]).await.1, &first), "agreed");

    // As if the log had been restored to where these two were waiting.
    lab.pause().await;
    let (lost, other) = (lab.ordered("R-1").await, lab.ordered("R-2").await);
    for id in [&lost, &other] {
        lab.until_status(id, "PINNED").await;
    }
    let buyer = "0x90f79bf6eb2c4f870365e785982e1f101e93b906";
    lab.mint_to(ADMIN, &minter(), lost.parse().unwrap(), digest(&lab, &lost).await).await;
    lab.transfer(MINTER, &minter(), buyer, &lost).await;
    lab.mint_behind_as(ADMIN, other.parse().unwrap()).await;
    lab.mint_behind_as(ADMIN, 4_711).await;
    lab.mint_behind_as(ADMIN, u128::from(u64::MAX)).await;
    lab.resume().await;
    for id in [&lost, &other] {
        assert_eq!(lab.until_status(id, "HELD").await["hold"], "already_on_chain");
    }
    lab.proxy.mine(6).await;

    let (code, told) = reconciled(&lab, &[]).await;
    assert_eq!(code, 1);
    let expected = [
        (&*first, "agreed"),
        (&lost, "adoptable"),
        (&other, "other_document"),
        ("4711", "unknown"),
        ("18446744073709551615", "unknown"),
    ];
    for (token, expected) in expected {
        assert_eq!(verdict(&told, token), expected, "{told:?}");
    }
    let picture = &told.iter().find(|of| of["tokenId"] == *lost).unwrap()["onChain"];
    assert_eq!(picture["holder"], buyer);
    let nft = lab.isla.get(&format!("/api/v1/nfts/{lost}")).await.expect(200);
    assert_eq!(picture["metadataCid"], nft.data()["metadataCid"]);
    assert_eq!(lab.events("nft.mint_adopted").await.len(), 0);

    let (code, told) = reconciled(&lab, &["--adopt"]).await;
    assert_eq!((code, verdict(&told, &lost)), (1, "adopted"));
    let nft = lab.until_status(&lost, "CONFIRMED").await;
    assert!(nft["hold"].is_null(), "{nft}");
    until("its holder is known", || async {
        let nft = lab.isla.get(&format!("/api/v1/nfts/{lost}")).await;
        (nft.data()["holder"] == buyer).then_some(())
    })
    .await;
    until("the cask is tokenised", || async {
        let cask = lab.isla.get(&format!("/api/v1/whiskeys/{lost}")).await;
        (cask.data()["status"] == "TOKENISED").then_some(())
    })
    .await;
    let (_, told) = reconciled(&lab, &["--adopt"]).await;
    assert_eq!(verdict(&told, &lost), "agreed");
    assert_eq!(lab.events("nft.mint_adopted").await.len(), 1);
    assert_eq!(lab.tokens().await[&*lost], 1);
    lab.world.log_is_lawful().await;
}

#[tokio::test]
async fn a_token_that_the_chain_has_lost_is_missed() {
    let lab = MintLab::new(&[]).await;
    let before = lab.proxy.snapshot().await;
    let id = lab.ordered("M-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    let (code, told) = reconciled(&lab, &[]).await;
    assert_eq!((code, verdict(&told, &id)), (0, "agreed"));
    lab.proxy.revert(before).await;
    lab.proxy.mine(12).await;
    let (code, told) = reconciled(&lab, &[]).await;
    assert_eq!((code, verdict(&told, &id)), (1, "missing"));
}
