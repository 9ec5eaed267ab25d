//! Showing that one holds a token: by a signature of the wallet over a question that was asked, and by
//! what the chain says. And all the ways of not showing it.

use ethers_core::types::{Signature, U256};
use ethers_core::utils::{hash_message, to_checksum};
use ethers_signers::{LocalWallet, Signer as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::processes::two_servers;
use crate::world::mint_lab::MintLab;
use crate::world::{Answer, Person, World, calm, until};

const VERIFY: &str = "/api/v1/nfts/verify-ownership";
const REFUSAL: &str = "OWNERSHIP_NOT_PROVEN";
/// anvil's third account, which has money to transfer tokens with.
const HOLDER: &str = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";

fn wallet() -> LocalWallet {
    let key: [u8; 32] = eventstore::Entropy::default().bytes().unwrap();
    LocalWallet::from_bytes(&key).unwrap()
}

fn address(wallet: &LocalWallet) -> String {
    format!("{:#x}", wallet.address())
}

fn signed(wallet: &LocalWallet, message: &str) -> Signature {
    wallet.sign_hash(hash_message(message)).unwrap()
}

async fn ask(person: &Person, token: &str, wallet: &str) -> String {
    let path = format!("/api/v1/nfts/{token}/ownership-challenge");
    let asked = person.post(&path, json!({ "address": wallet })).await.expect(200);
    asked.data()["message"].as_str().unwrap().to_owned()
}

async fn verify(person: &Person, message: &str, signature: &str) -> Answer {
    person.post(VERIFY, json!({ "message": message, "signature": signature })).await
}

async fn verify_signed(person: &Person, message: &str, wallet: &LocalWallet) -> Answer {
    verify(person, message, &format!("0x{}", signed(wallet, message))).await
}

/// A token in a wallet.
async fn minted(owner: &Person, keeper: &Person, number: &str, wallet: &LocalWallet) -> String {
    let id = owner.cask(number).await;
    keeper.put(&format!("/api/v1/whiskeys/{id}/approve")).await.expect(200);
    let body = json!({ "whiskeyId": id, "recipient": address(wallet) });
    owner.post("/api/v1/nfts/generate", body).await.expect(202);
    owner.until_nft_is(&id, "CONFIRMED").await;
    id
}

#[tokio::test]
async fn who_has_the_wallet_shows_that_the_token_is_theirs_once_a_question() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let wallet = wallet();
    let id = minted(&isla, &keeper, "O-1", &wallet).await;
    let message = ask(&isla, &id, &address(&wallet)).await;
    let checksummed = to_checksum(&wallet.address(), None);
    let first = "casks.example wants you to sign in with your Ethereum account:";
    assert!(message.starts_with(&format!("{first}\n{checksummed}\n\n")), "{message}");
    assert!(message.contains("\nURI: https://casks.example\nVersion: 1\nChain ID: 31337\nNonce: "));
    assert!(message.contains("\n- urn:cask:31337:0x") && message.ends_with(&format!(":{id}")));
    assert_ne!(ask(&isla, &id, &address(&wallet)).await, message);

    let body = json!({
        "message": message, "signature": format!("0x{}", signed(&wallet, &message)),
    });
    let send = || {
        let request = isla.request(Method::POST, VERIFY).json(&body);
        Answer::of(request.header("Idempotency-Key", format!("own-{id}")))
    };
    let proven = send().await.expect(200);
    let data = proven.data();
    assert_eq!((&data["verified"], &data["pendingTransfer"]), (&json!(true), &json!(false)));
    assert_eq!(data["owner"], address(&wallet).as_str());
    assert_eq!((&data["address"], &data["tokenId"]), (&data["owner"], &json!(id)));
    assert!(data["blockNumber"].as_u64() > Some(0));
    let event = calm.world.newest("nft.ownership_verified").await;
    assert_eq!(event["data"]["address"], data["address"]);
    assert_eq!(event["data"]["blockHash"], data["blockHash"]);
    assert_eq!(event["data"]["messageHash"], format!("{:?}", hash_message(&message)));
    // The same request is answered as before; another one with the same words is not.
    assert_eq!(send().await.expect(200).data(), data);
    verify_signed(&isla, &message, &wallet).await.refused(403, REFUSAL);
    let logs = keeper.get_at(&format!("/api/v1/audit/logs?entityId={id}"), proven.position()).await;
    assert_eq!(logs.expect(200).data()[0]["after"]["ownership.address"], data["address"]);
}

#[tokio::test]
async fn nothing_else_is_a_proof_and_nobody_is_told_why() {
    let calm = calm().await;
    let server = &calm.server;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let other = server.person("Finlay").await;
    let (wallet, thief) = (wallet(), wallet());
    let id = minted(&isla, &keeper, "O-2", &wallet).await;
    let theirs = minted(&other, &keeper, "O-3", &thief).await;
    let no = |answer: Answer| {
        let refused = answer.refused(403, REFUSAL);
        assert_eq!(refused.body["error"]["details"], Value::Null);
    };
    let message = ask(&isla, &id, &address(&wallet)).await;

    // Signed by somebody else, and by nobody.
    no(verify_signed(&isla, &message, &thief).await);
    no(verify(&isla, &message, &format!("0x{}", "00".repeat(65))).await);
    no(verify(&isla, &message, "0x01").await);
    // The twin of a signature, which the curve takes for as good.
    let mine = signed(&wallet, &message);
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order = U256::from_str_radix(order, 16).unwrap();
    let twin = Signature { s: order - mine.s, v: 55 - mine.v, ..mine };
    assert_eq!(twin.recover(hash_message(&message)).unwrap(), wallet.address());
    no(verify(&isla, &message, &format!("0x{twin}")).await);
    // Altered, and signed as altered.
    let alterations = [
        ("casks.example wants", "cask.example wants"),
        ("URI: https://casks", "URI: https://cask"),
        ("31337", "1"),
        (id.as_str(), theirs.as_str()),
        ("Nonce: ", "Nonce: 0"),
        ("Version: 1", "Version: 2"),
        ("Expiration Time: 20", "Expiration Time: 30"),
        ("I hold", "I owned"),
    ];
    for (from, to) in alterations {
        let altered = message.replace(from, to);
        assert_ne!(altered, message, "{from}");
        no(verify_signed(&isla, &altered, &wallet).await);
    }
    no(verify_signed(&isla, "let me in", &wallet).await);
    // Asked by somebody else, and by nobody.
    no(verify_signed(&other, &message, &wallet).await);
    let nonce = message.split("Nonce: ").nth(1).unwrap()[..32].to_owned();
    no(verify_signed(&isla, &message.replace(&nonce, &"7".repeat(32)), &wallet).await);
    // Of a wallet that does not hold it.
    let hopeful = ask(&other, &id, &address(&thief)).await;
    no(verify_signed(&other, &hopeful, &thief).await);
    // Too late.
    let late = ask(&isla, &id, &address(&wallet)).await;
    let database = calm.world.database().await;
    let age = "update eventstore.questions set expires_at = clock_timestamp()";
    let aged = sqlx::query(&format!("{age} where digest = $1"))
        .bind(digest(&isla, &late).await)
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(aged.rows_affected(), 1);
    no(verify_signed(&isla, &late, &wallet).await);

    // None of it has used the question up.
    verify_signed(&isla, &message, &wallet).await.expect(200);
}

/// As the write side names a question.
async fn digest(person: &Person, message: &str) -> Vec<u8> {
    let named = format!("ownership/1/{}/{message}", person.id().await);
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, named.as_bytes()).as_ref().to_vec()
}

#[tokio::test]
async fn what_cannot_be_asked_or_read_is_said() {
    let server = &calm().await.server;
    let isla = server.person("Isla").await;
    let id = isla.cask("O-4").await;
    let path = |id: &str| format!("/api/v1/nfts/{id}/ownership-challenge");
    let body = json!({ "address": address(&wallet()) });
    isla.post(&path(&id), body.clone()).await.refused(404, "NFT_NOT_FOUND");
    isla.post(&path("x"), body).await.refused(400, "VALIDATION_ERROR");
    isla.post(&path(&id), json!({ "address": "0x1" })).await.refused(400, "VALIDATION_ERROR");
    for signature in ["", "0x", "0x1", "0xzz", "ab", &format!("0x{}", "ab".repeat(5_000))] {
        verify(&isla, "a", signature).await.refused(400, "VALIDATION_ERROR");
    }
    for message in ["", "a\u{0}b", "a\rb", &"a".repeat(2_001)] {
        verify(&isla, message, "0x00").await.refused(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn of_two_answers_at_once_on_two_processes_one_counts() {
    let world = World::new().await;
    let (one, other) = two_servers(&world, &[]).await;
    let (isla, keeper) = (one.person("Isla").await, one.administrator().await);
    let wallet = wallet();
    let id = minted(&isla, &keeper, "O-5", &wallet).await;
    for round in 1..=5 {
        let message = ask(&isla, &id, &address(&wallet)).await;
        let elsewhere = isla.at(&other.url);
        let (here, there) = tokio::join!(
            verify_signed(&isla, &message, &wallet),
            verify_signed(&elsewhere, &message, &wallet),
        );
        let mut statuses = [here.status.as_u16(), there.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 403], "{} {}", here.body, there.body);
        let log = world.log().await;
        let proven = log.iter().filter(|(_, event)| event.contains("nft.ownership_verified"));
        assert_eq!(proven.count(), round);
    }
}

/// transferFrom(address,address,uint256)
fn transfer(from: &str, to: &str, token: &str) -> Vec<u8> {
    let word = |text: &str| format!("{:0>64}", text.trim_start_matches("0x"));
    let token = format!("{:x}", token.parse::<u64>().unwrap());
    let data = format!("23b872dd{}{}{}", word(from), word(to), word(&token));
    hex::decode(data).unwrap()
}

#[tokio::test]
async fn a_token_that_was_handed_on_is_the_new_holder_s_when_that_is_final() {
    let lab = MintLab::new(&[]).await;
    let (holder, buyer): (LocalWallet, _) = (HOLDER.parse().unwrap(), wallet());
    let id = lab.approved("O-6").await;
    let body = json!({ "whiskeyId": id, "recipient": address(&holder) });
    lab.isla.post("/api/v1/nfts/generate", body).await.expect(202);
    lab.mined_until(&id, "CONFIRMED").await;
    let data = transfer(&address(&holder), &address(&buyer), &id);
    lab.send_as(HOLDER, &lab.contract, data).await;

    let proof = async |wallet: &LocalWallet| {
        let message = ask(&lab.isla, &id, &address(wallet)).await;
        verify_signed(&lab.isla, &message, wallet).await
    };
    let proven = proof(&holder).await.expect(200);
    assert_eq!(proven.data()["pendingTransfer"], true);
    proof(&buyer).await.refused(403, REFUSAL);
    lab.proxy.mine(5).await;
    proof(&holder).await.refused(403, REFUSAL);
    let proven = proof(&buyer).await.expect(200);
    assert_eq!(proven.data()["pendingTransfer"], false);

    // While the chain cannot be asked, nothing is proven, and nothing is used up.
    let message = ask(&lab.isla, &id, &address(&buyer)).await;
    lab.proxy.away(true);
    verify_signed(&lab.isla, &message, &buyer).await.refused(503, "CHAIN_UNAVAILABLE");
    lab.proxy.away(false);
    until("the chain answers", || async {
        let answer = verify_signed(&lab.isla, &message, &buyer).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

/// A wallet that is a contract, and stands by signatures that begin with this word (EIP-1271).
fn contract_wallet(word: &str) -> String {
    format!("0x6064357f{word}14631626ba7e0260e01b60005260206000f3")
}

#[tokio::test]
async fn the_title_follows_the_token_when_the_warehouse_says_so() {
    let lab = MintLab::new(&[]).await;
    let (holder, bought): (LocalWallet, _) = (HOLDER.parse().unwrap(), wallet());
    let finlay = lab.server.person("Finlay").await;
    let id = lab.approved("O-8").await;
    let settle = format!("/api/v1/whiskeys/{id}/settle-title");
    lab.keeper.post(&settle, json!({})).await.refused(404, "NFT_NOT_FOUND");
    let body = json!({ "whiskeyId": id, "recipient": address(&holder) });
    lab.isla.post("/api/v1/nfts/generate", body).await.expect(202);
    lab.mined_until(&id, "CONFIRMED").await;
    // Nobody has shown who holds it.
    let refused = lab.keeper.post(&settle, json!({})).await.refused(409, "ILLEGAL_STATE");
    assert_eq!(refused.body["error"]["details"]["state"], "HOLDER_UNKNOWN");
    let message = ask(&lab.isla, &id, &address(&holder)).await;
    verify_signed(&lab.isla, &message, &holder).await.expect(200);
    let isla = lab.isla.id().await;
    let settled = lab.keeper.post(&settle, json!({})).await.expect(200);
    assert_eq!(settled.data()["owner"], isla);

    lab.send_as(HOLDER, &lab.contract, transfer(&address(&holder), &address(&bought), &id)).await;
    lab.proxy.mine(5).await;
    let message = ask(&finlay, &id, &address(&bought)).await;
    verify_signed(&finlay, &message, &bought).await.expect(200);
    let buyer = finlay.id().await;
    let token = async |settled: bool| {
        until("the token's holder is known", || async {
            let cask = lab.isla.get(&format!("/api/v1/whiskeys/{id}")).await.expect(200);
            let token = cask.data()["token"].clone();
            let owner = if settled { &buyer } else { &isla };
            (token["heldByOwner"] == settled && cask.data()["owner"] == **owner).then_some(token)
        })
        .await
    };
    let differs = token(false).await;
    assert_eq!(differs["holder"], address(&bought));
    assert_eq!(differs["shownBy"], buyer);

    finlay.post(&settle, json!({})).await.refused(403, "PERMISSION_DENIED");
    let settled = lab.keeper.post(&settle, json!({})).await.expect(200);
    assert_eq!(settled.data()["owner"], buyer);
    token(true).await;
    // Again, nothing is written.
    lab.keeper.post(&settle, json!({})).await.expect(200);
    assert_eq!(lab.events("whiskey.title_settled").await.len(), 1);
    let nft = lab.isla.get(&format!("/api/v1/nfts/{id}")).await.expect(200);
    assert_eq!((&nft.data()["owner"], &nft.data()["heldByOwner"]), (&json!(buyer), &json!(true)));
    let mine = finlay.get(&format!("/api/v1/nfts/user/{buyer}")).await.expect(200);
    assert!(mine.body.to_string().contains(&id), "{}", mine.body);
    lab.chain_equals_log(&[id]).await;
}

#[tokio::test]
async fn a_wallet_that_is_a_contract_is_asked_whether_it_signed() {
    let lab = MintLab::new(&[]).await;
    let word = "5c".repeat(32);
    let (stands, reverts) = (
        "0x00000000000000000000000000000000000c0de1",
        "0x00000000000000000000000000000000000c0de2",
    );
    // The precompile that gives back what it is given.
    let echo = "0x0000000000000000000000000000000000000004";
    lab.proxy.ask("anvil_setCode", json!([stands, contract_wallet(&word)])).await;
    lab.proxy.ask("anvil_setCode", json!([reverts, "0x60006000fd"])).await;
    let mut ids = Vec::new();
    for (number, wallet) in [stands, reverts, echo].into_iter().enumerate() {
        let id = lab.approved(&format!("O-7{number}")).await;
        let body = json!({ "whiskeyId": id, "recipient": wallet });
        lab.isla.post("/api/v1/nfts/generate", body).await.expect(202);
        lab.mined_until(&id, "CONFIRMED").await;
        ids.push(id);
    }
    let proof = async |id: &str, wallet: &str, signature: String| {
        let message = ask(&lab.isla, id, wallet).await;
        verify(&lab.isla, &message, &signature).await
    };
    let proven = proof(&ids[0], stands, format!("0x{word}00")).await.expect(200);
    assert_eq!(proven.data()["owner"], stands);
    proof(&ids[0], stands, format!("0x{}", "00".repeat(65))).await.refused(403, REFUSAL);
    proof(&ids[2], echo, format!("0x{word}")).await.refused(403, REFUSAL);
    // However often a contract refuses, its node is well.
    for _ in 0..8 {
        proof(&ids[1], reverts, format!("0x{word}")).await.refused(403, REFUSAL);
    }
    proof(&ids[0], stands, format!("0x{word}")).await.expect(200);
}

#[tokio::test]
async fn who_tries_too_often_is_kept_out_for_a_while() {
    let world = World::new().await;
    let failures = ("CASKCHAIN_LIMITS__FAILURES_BEFORE_BLOCK", "3");
    let server = world.server_with(&[failures]).await;
    let isla = server.person("Isla").await;
    for _ in 0..3 {
        verify(&isla, "let me in", "0x00").await.refused(403, REFUSAL);
    }
    verify(&isla, "let me in", "0x00").await.refused(403, "IP_BLOCKED");
}
