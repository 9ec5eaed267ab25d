//! Attacks on what a chain has of the log's tokens, and what an auditor with a node says.

use ethers_core::utils::keccak256;

use crate::world::auditor::{Bundle, Verdict};
use crate::world::mint_lab::{ADMIN, MintLab, word};
use crate::world::{World, strangers, until};

#[tokio::test]
async fn a_mint_on_one_side_only_is_found() {
    let lab = MintLab::new(&[]).await;
    let id = lab.ordered("N-1").await;
    lab.mined_until(&id, "CONFIRMED").await;
    let key = strangers::key(&lab.isla).await;
    lab.world.until_signed().await;
    let bundle = Bundle::of(&lab.world, &[]).await;
    let node = format!("31337={}", lab.world.chain.url());
    let late = ["--rpc", &node, "--from-block", "31337=99999"];
    assert_eq!(bundle.verdict(&key, &late).await.code, 2);
    let report = bundle.holds(&key, &["--rpc", &node]).await;
    let seen = report["checks"].as_array().unwrap().last().unwrap()["seen"].as_str().unwrap();
    assert!(seen.starts_with("1 movements and 0 heads of"), "{seen}");

    // A node that tells little at once is asked for less.
    lab.proxy.mine(200).await;
    lab.proxy.blocks_at_once(Some(64));
    let sparing = format!("31337={}", lab.proxy.url());
    bundle.holds(&key, &["--rpc", &sparing]).await;

    // Somebody with the minter's key mints what nobody asked for; one of it has a number that no cask can
    // have.
    let beyond = u128::from(u64::MAX);
    lab.mint_behind(beyond).await;
    lab.mint_behind(4_711).await;
    until("both are final", || async {
        lab.proxy.mine(1).await;
        let Verdict { code, report } = bundle.verdict(&key, &["--rpc", &node]).await;
        let findings = report["findings"].as_array()?;
        (code == 1 && findings.len() == 2).then(|| {
            for (finding, token) in findings.iter().zip([beyond, 4_711]) {
                assert_eq!(finding["claim"], "CHAIN");
                let what = format!("token {token} is on the chain, and the log never asked for it");
                assert_eq!(finding["what"], what);
            }
        })
    })
    .await;

    // Somebody who may has the cask's token stand for another document.
    lab.grant(ADMIN, "METADATA_ROLE", true).await;
    let other = [word(id.parse().unwrap()), [7; 32]].concat();
    let call = [&keccak256("setMetadataDigest(uint256,bytes32)")[..4], &other].concat();
    lab.send_as(ADMIN, &lab.contract, call).await;
    let verdict = bundle.verdict(&key, &["--rpc", &node]).await;
    let what = format!("token {id} stands for another document");
    assert!(verdict.report["findings"].to_string().contains(&what), "{verdict:?}");

    // A chain that never saw any of it.
    let elsewhere = World::new().await;
    let node = format!("31337={}", elsewhere.chain.url());
    let arguments = ["--rpc", &node];
    let confirmed = lab.world.log().await;
    let confirmed = confirmed.iter().find(|(_, text)| text.contains("nft.mint_confirmed")).unwrap();
    let at = Some(confirmed.0.cast_unsigned());
    let words = "is minted in the log, and not on the chain";
    bundle.is_refuted((&key, &arguments), "CHAIN", at, words).await;
    // One that is another chain says nothing.
    let wrong = format!("1={}", lab.world.chain.url());
    let report = bundle.holds(&key, &["--rpc", &wrong]).await;
    assert!(report["limits"].to_string().contains("no node was given"), "{report}");
}
