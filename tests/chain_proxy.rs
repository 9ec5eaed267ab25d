//! What stands between a worker and its node does what it says, in front of a real chain.

use std::sync::Arc;
use std::time::{Duration, Instant};

use embedded::{Chain, ChainOptions, DataFolder, Progress};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Eip1559TransactionRequest, H160};
use ethers_signers::{LocalWallet, Signer};
use serde_json::{Value, json};

use crate::world::chain_proxy::transaction::Transaction;
use crate::world::chain_proxy::{ChainProxy, Fault};
use crate::world::{World, until};

const SEND: &str = "eth_sendRawTransaction";
const RECEIPT: &str = "eth_getTransactionReceipt";
const GWEI: u128 = 1_000_000_000;
/// What everything is tried with, and enough for the first blocks.
const FEES: (u128, u128) = (10 * GWEI, 2 * GWEI);

/// How a request ended for whoever asked.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Result(Value),
    Error(i64, String),
    Status(u16),
    Nothing,
}

/// A chain without blocks of its own, the proxy before it, and an account with money.
struct Lab {
    proxy: ChainProxy,
    anvil: Chain,
    wallet: LocalWallet,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

fn error(text: &str) -> Heard {
    Heard::Error(-32_000, text.to_owned())
}

fn address(wallet: &LocalWallet) -> String {
    format!("{:#x}", wallet.address())
}

fn hash(raw: &str) -> String {
    Transaction::read(raw).unwrap().hash
}

impl Lab {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let quiet: Progress = Arc::new(|_: &str| {});
        let options =
            ChainOptions { heartbeat: false, slots_in_an_epoch: 2, ..ChainOptions::default() };
        let anvil = Chain::start_with(&data, &quiet, options).await.unwrap();
        let proxy = ChainProxy::before(&anvil.url()).await;
        proxy.automine(false).await;
        let wallet: LocalWallet = anvil.dev_private_key().parse().unwrap();
        let wallet = wallet.with_chain_id(embedded::CHAIN_ID);
        Self { proxy, anvil, wallet, client: reqwest::Client::new(), _folder: folder }
    }

    async fn ask(&self, method: &str, params: Value) -> Heard {
        self.ask_within(Duration::from_secs(10), method, params).await
    }

    async fn ask_within(&self, limit: Duration, method: &str, params: Value) -> Heard {
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        match self.post(limit, &call).await {
            Ok(mut answer) if answer["id"] == 7 => match answer.get("error") {
                Some(error) => Heard::Error(
                    error["code"].as_i64().unwrap(),
                    error["message"].as_str().unwrap().to_owned(),
                ),
                None => Heard::Result(answer["result"].take()),
            },
            Ok(answer) => panic!("an answer to something else: {answer}"),
            Err(heard) => heard,
        }
    }

    async fn post(&self, limit: Duration, body: &Value) -> Result<Value, Heard> {
        let request = self.client.post(self.proxy.url()).timeout(limit).json(body);
        let response = request.send().await.map_err(|_| Heard::Nothing)?;
        match response.status().as_u16() {
            200 => response.json().await.map_err(|_| Heard::Nothing),
            status => Err(Heard::Status(status)),
        }
    }

    async fn send(&self, raw: &str) -> Heard {
        self.ask(SEND, json!([raw])).await
    }

    /// Sends what has to be taken.
    async fn sends(&self, raw: &str) {
        assert_eq!(self.send(raw).await, Heard::Result(json!(hash(raw))));
    }

    /// A payment, signed.
    fn pay(&self, nonce: u64, (max_fee, tip): (u128, u128)) -> String {
        self.pay_by(&self.wallet, nonce, (max_fee, tip))
    }

    fn pay_by(&self, wallet: &LocalWallet, nonce: u64, (max_fee, tip): (u128, u128)) -> String {
        let payment = Eip1559TransactionRequest::new()
            .chain_id(embedded::CHAIN_ID)
            .to(H160([7; 20]))
            .value(1)
            .nonce(nonce)
            .gas(21_000)
            .max_fee_per_gas(max_fee)
            .max_priority_fee_per_gas(tip);
        let payment = TypedTransaction::Eip1559(payment);
        let signature = wallet.sign_transaction_sync(&payment).unwrap();
        payment.rlp_signed(&signature).to_string()
    }

    /// Whether the node has it in its pool, whatever anybody was told.
    async fn waits(&self, raw: &str) -> bool {
        let found = self.proxy.ask("eth_getTransactionByHash", json!([hash(raw)])).await;
        found.is_object() && found["blockNumber"].is_null()
    }

    /// Whether it has a block.
    async fn is_mined(&self, raw: &str) -> bool {
        self.proxy.ask(RECEIPT, json!([hash(raw)])).await.is_object()
    }

    async fn nonce(&self) -> Heard {
        let params = json!([address(&self.wallet), "latest"]);
        self.ask("eth_getTransactionCount", params).await
    }
}

#[tokio::test]
async fn what_goes_wrong_before_the_node_never_reaches_it() {
    let lab = Lab::new().await;
    let raw = lab.pay(0, FEES);
    let before = [
        (Fault::CutBefore, Heard::Nothing),
        (Fault::Http(500), Heard::Status(500)),
        (Fault::Http(429), Heard::Status(429)),
        (
            Fault::Error(-32_005, "limit exceeded".into()),
            Heard::Error(-32_005, "limit exceeded".into()),
        ),
        (Fault::Null, Heard::Result(Value::Null)),
        (Fault::AlreadyKnown, error("already known")),
    ];
    for (fault, heard) in &before {
        lab.proxy.next(SEND, 1, fault);
        assert_eq!(lab.send(&raw).await, *heard);
        assert!(!lab.waits(&raw).await, "{fault:?}");
    }
    let sent = lab.proxy.sent();
    assert_eq!(sent.len(), before.len());
    assert!(sent.iter().all(|sent| sent.raw == raw && !sent.forwarded));
    assert!(sent.is_sorted_by_key(|sent| sent.at));

    // What was said of the next request is over with it.
    lab.sends(&raw).await;
    assert!(lab.waits(&raw).await && lab.proxy.sent().last().unwrap().forwarded);
}

#[tokio::test]
async fn what_goes_wrong_after_the_node_took_it_is_lost_on_the_way_back() {
    let lab = Lab::new().await;
    let after = [
        (Fault::CutAfter, Heard::Nothing),
        (Fault::HttpAfter(504), Heard::Status(504)),
        (Fault::ErrorAfter(-32_000, "request timed out".into()), error("request timed out")),
    ];
    for (nonce, (fault, heard)) in (0..).zip(&after) {
        let raw = lab.pay(nonce, FEES);
        lab.proxy.next(SEND, 1, fault);
        assert_eq!(lab.send(&raw).await, *heard);
        assert!(lab.waits(&raw).await, "{fault:?}");
    }
    assert!(lab.proxy.sent().iter().all(|sent| sent.forwarded));
}

#[tokio::test]
async fn answers_come_late_and_requests_arrive_when_nobody_waits_any_more() {
    let lab = Lab::new().await;
    let (long, short) = (Duration::from_millis(1500), Duration::from_millis(200));
    lab.proxy.next("eth_blockNumber", 2, &Fault::Slow(long));
    let begun = Instant::now();
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, Heard::Result(json!("0x0")));
    assert!(begun.elapsed() >= long);
    assert_eq!(lab.ask_within(short, "eth_blockNumber", json!([])).await, Heard::Nothing);

    let raw = lab.pay(0, FEES);
    lab.proxy.next(SEND, 1, &Fault::Late(long));
    assert_eq!(lab.ask_within(short, SEND, json!([raw])).await, Heard::Nothing);
    assert!(!lab.waits(&raw).await);
    until("it arrives after all", || async { lab.waits(&raw).await.then_some(()) }).await;
}

#[tokio::test]
async fn a_node_that_is_behind_gives_null_and_what_it_gave_before() {
    let lab = Lab::new().await;
    let first = lab.pay(0, FEES);
    lab.proxy.next("eth_getTransactionCount", 1, &Fault::Stale);
    assert_eq!(lab.nonce().await, Heard::Result(json!("0x0")), "there is nothing before it");
    lab.sends(&first).await;
    lab.proxy.mine(1).await;
    assert_eq!(lab.nonce().await, Heard::Result(json!("0x1")));
    lab.proxy.next("eth_getTransactionCount", 2, &Fault::Stale);
    for _ in 0..2 {
        assert_eq!(lab.nonce().await, Heard::Result(json!("0x0")));
    }
    assert_eq!(lab.nonce().await, Heard::Result(json!("0x1")));

    lab.proxy.next(RECEIPT, 1, &Fault::Null);
    assert_eq!(lab.ask(RECEIPT, json!([hash(&first)])).await, Heard::Result(Value::Null));
    let Heard::Result(receipt) = lab.ask(RECEIPT, json!([hash(&first)])).await else { panic!() };
    assert_eq!(receipt["status"], "0x1");
}

#[tokio::test]
async fn in_a_batch_calls_go_wrong_alone_and_connections_together() {
    let lab = Lab::new().await;
    let (first, second) = (lab.pay(0, FEES), lab.pay(1, FEES));
    let call =
        |id: u64, raw: &str| json!({ "jsonrpc": "2.0", "id": id, "method": SEND, "params": [raw] });
    let batch = json!([call(1, &first), call(2, &second)]);
    let limit = Duration::from_secs(10);

    lab.proxy.next(SEND, 1, &Fault::Error(-32_005, "limit exceeded".into()));
    let answers = lab.post(limit, &batch).await.unwrap();
    assert_eq!(answers[0]["error"]["code"], -32_005);
    assert_eq!((&answers[0]["id"], &answers[1]["id"]), (&json!(1), &json!(2)));
    assert_eq!(answers[1]["result"], hash(&second));
    assert!(!lab.waits(&first).await && lab.waits(&second).await);

    for (fault, heard) in
        [(Fault::CutBefore, Heard::Nothing), (Fault::Http(503), Heard::Status(503))]
    {
        lab.proxy.next("eth_blockNumber", 1, &fault);
        let with_another = json!([
            call(1, &first),
            { "jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber", "params": [] },
        ]);
        assert_eq!(lab.post(limit, &with_another).await, Err(heard));
        assert!(!lab.waits(&first).await);
    }
    lab.proxy.next(SEND, 1, &Fault::CutAfter);
    assert_eq!(lab.post(limit, &batch).await, Err(Heard::Nothing));
    assert!(lab.waits(&first).await);
}

#[tokio::test]
async fn chance_can_be_had_again() {
    let lab = Lab::new().await;
    let row = async |seed| {
        let proxy = ChainProxy::with_seed(&lab.anvil.url(), seed).await;
        proxy.sometimes("*", &Fault::Http(500), 0.25);
        proxy.sometimes("eth_blockNumber", &Fault::Null, 0.25);
        let mut row = Vec::new();
        for _ in 0..60 {
            let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber" });
            let answered = lab.client.post(proxy.url()).json(&call).send().await.unwrap();
            let status = answered.status().as_u16();
            row.push((status, answered.text().await.unwrap().contains("null")));
        }
        let happened = proxy.happened();
        let times = |name| happened[&("eth_blockNumber".to_owned(), name)];
        assert_eq!(times("http"), row.iter().filter(|(status, _)| *status == 500).count());
        assert_eq!(times("null"), row.iter().filter(|(_, null)| *null).count());
        assert!(times("http") > 4 && times("null") > 4);
        proxy.calm();
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber" });
        for _ in 0..20 {
            let answered = lab.client.post(proxy.url()).json(&call).send().await.unwrap();
            assert_eq!(answered.status().as_u16(), 200);
        }
        row
    };
    let (first, again, other) = (row(1).await, row(1).await, row(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn a_long_batch_is_cut_no_more_often_than_a_call() {
    let lab = Lab::new().await;
    let call = |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_blockNumber" });
    let batch: Value = (0..50).map(call).collect();
    lab.proxy.sometimes("*", &Fault::CutBefore, 0.5);
    lab.proxy.sometimes("*", &Fault::Null, 0.25);
    let (mut cut, mut null) = (0, 0);
    for _ in 0..40 {
        match lab.post(Duration::from_secs(10), &batch).await {
            Ok(answers) => {
                let answers = answers.as_array().unwrap();
                null += answers.iter().filter(|answer| answer["result"].is_null()).count();
            }
            Err(heard) => {
                assert_eq!(heard, Heard::Nothing);
                cut += 1;
            }
        }
    }
    assert!((5..35).contains(&cut), "{cut}");
    assert!(null > 20, "{null}");
}

#[tokio::test]
async fn a_replacement_has_to_offer_a_tenth_more_of_both_fees() {
    let lab = Lab::new().await;
    let (fee, tip) = FEES;
    let (more, less) = (|fee: u128| fee * 110 / 100, |fee: u128| fee * 110 / 100 - 1);
    lab.sends(&lab.pay(0, FEES)).await;
    // Why there is a strict mode: the development chain takes this.
    lab.sends(&lab.pay(0, (fee + 1, tip - 1))).await;

    lab.proxy.strict(true);
    lab.sends(&lab.pay(1, FEES)).await;
    let underpriced = error("replacement transaction underpriced");
    for fees in [(less(fee), more(tip)), (more(fee), less(tip)), (2 * fee, tip), (fee, 2 * tip)] {
        let raw = lab.pay(1, fees);
        assert_eq!(lab.send(&raw).await, underpriced, "{fees:?}");
        assert!(!lab.waits(&raw).await && !lab.proxy.sent().last().unwrap().forwarded);
    }
    let enough = lab.pay(1, (more(fee), more(tip)));
    lab.sends(&enough).await;
    // What counts is what waits now, in the part of the pool behind a gap, too.
    assert_eq!(lab.send(&lab.pay(1, (more(fee) + 1, more(tip) + 1))).await, underpriced);
    lab.sends(&lab.pay(5, FEES)).await;
    assert_eq!(lab.send(&lab.pay(5, (fee + 1, tip + 1))).await, underpriced);
    // What the pool forgot need not be outbid.
    lab.proxy.drop_from_pool(&hash(&enough)).await;
    lab.sends(&lab.pay(1, (fee, tip))).await;
}

#[tokio::test]
async fn a_strict_node_speaks_as_geth_does() {
    let lab = Lab::new().await;
    lab.proxy.strict(true);
    let raw = lab.pay(0, FEES);
    lab.sends(&raw).await;
    assert_eq!(lab.send(&raw).await, error("already known"));
    lab.proxy.mine(1).await;
    assert_eq!(lab.send(&raw).await, error("nonce too low: next nonce 1, tx nonce 0"));
    let other = lab.pay(0, (2 * FEES.0, 2 * FEES.1));
    assert_eq!(lab.send(&other).await, error("nonce too low: next nonce 1, tx nonce 0"));

    let poor: LocalWallet = format!("{:064x}", 77).parse().unwrap();
    let poor = poor.with_chain_id(embedded::CHAIN_ID);
    lab.proxy.set_balance(&address(&poor), 5).await;
    let cost = 21_000 * FEES.0 + 1;
    let text = "insufficient funds for gas * price + value";
    let text = format!("{text}: balance 5, tx cost {cost}, overshot {}", cost - 5);
    assert_eq!(lab.send(&lab.pay_by(&poor, 0, FEES)).await, error(&text));

    let text = "transaction underpriced: gas tip cap 0, minimum needed 1";
    assert_eq!(lab.send(&lab.pay(1, (FEES.0, 0))).await, error(text));
    lab.proxy.strict_with_tip(25 * GWEI);
    let text = "transaction underpriced: gas tip cap 2000000000, minimum needed 25000000000";
    assert_eq!(lab.send(&lab.pay(1, FEES)).await, error(text));
    lab.sends(&lab.pay(1, (50 * GWEI, 25 * GWEI))).await;

    assert!(matches!(lab.send("0x1234").await, Heard::Error(..)));
    let text = "the method eth_nothing does not exist/is not available";
    let unknown = Heard::Error(-32_601, text.to_owned());
    assert_eq!(lab.ask("eth_nothing", json!([])).await, unknown);

    // In its own words, the node says otherwise.
    lab.proxy.strict(false);
    let Heard::Error(code, _) = lab.send(&raw).await else { panic!() };
    assert_eq!(code, -32_003);
}

#[tokio::test]
async fn a_revert_is_told_by_its_data() {
    let lab = Lab::new().await;
    // Reverts with four bytes: a custom error without arguments.
    let code = "0x63deadbeef5f526004601cfd";
    let at = "0x00000000000000000000000000000000000000c0";
    lab.proxy.ask("anvil_setCode", json!([at, code])).await;
    let call = json!([{ "to": at }, "latest"]);
    lab.proxy.strict(true);
    let reverted = Heard::Error(3, "execution reverted".to_owned());
    assert_eq!(lab.ask("eth_call", call).await, reverted);
}

#[tokio::test]
async fn what_was_sent_once_may_come_again_from_anywhere() {
    let lab = Lab::new().await;
    let raw = lab.pay(0, FEES);
    assert!(lab.proxy.reinject().await.is_none());
    lab.proxy.next(SEND, 1, &Fault::CutBefore);
    assert_eq!(lab.send(&raw).await, Heard::Nothing);
    assert_eq!(lab.proxy.reinject().await.unwrap().raw, raw);
    assert!(lab.waits(&raw).await);

    lab.proxy.drop_from_pool(&hash(&raw)).await;
    lab.proxy.reinject_sometimes(0.5);
    until("chance brings it back", || async {
        lab.ask("eth_blockNumber", json!([])).await;
        lab.waits(&raw).await.then_some(())
    })
    .await;
    assert_eq!(lab.proxy.sent().len(), 1, "what comes again was not sent again");
}

#[tokio::test]
async fn a_reorg_puts_transactions_back_or_loses_them() {
    let lab = Lab::new().await;
    for (nonce, returning) in [(0, 1.0), (1, 0.0)] {
        let raw = lab.pay(nonce, FEES);
        lab.sends(&raw).await;
        lab.proxy.mine(1).await;
        lab.proxy.mine(1).await;
        assert!(lab.is_mined(&raw).await);
        let height = lab.proxy.height("latest").await;
        let reorganised = lab.proxy.reorg(2, returning).await;
        assert_eq!(reorganised.len(), 1);
        assert_eq!((&reorganised[0].hash, reorganised[0].returned), (&hash(&raw), returning > 0.5));
        assert!(!lab.is_mined(&raw).await);
        assert_eq!(lab.waits(&raw).await, returning > 0.5);
        assert_eq!(lab.proxy.height("latest").await, height);
        // The same bytes are the same transaction in another block.
        let _ = lab.send(&raw).await;
        lab.proxy.mine(1).await;
        assert!(lab.is_mined(&raw).await);
    }
}

#[tokio::test]
async fn blocks_become_final_and_a_snapshot_takes_even_them_back() {
    let lab = Lab::new().await;
    lab.proxy.mine(10).await;
    assert_eq!((lab.proxy.height("latest").await, lab.proxy.height("finalized").await), (10, 6));
    let before = lab.proxy.snapshot().await;
    let raw = lab.pay(0, FEES);
    lab.sends(&raw).await;
    lab.proxy.mine(10).await;
    assert!(lab.is_mined(&raw).await);
    assert_eq!(lab.proxy.height("finalized").await, 16);
    lab.proxy.revert(before).await;
    assert!(!lab.is_mined(&raw).await);
    assert_eq!(lab.proxy.height("latest").await, 10);
}

#[tokio::test]
async fn blocks_money_and_fees_are_as_told() {
    let lab = Lab::new().await;
    let cheap = lab.pay(0, FEES);
    lab.sends(&cheap).await;
    lab.proxy.next_base_fee(50 * GWEI).await;
    lab.proxy.mine(1).await;
    assert!(!lab.is_mined(&cheap).await, "it offers less than the base fee");
    let dear = lab.pay(0, (100 * GWEI, 3 * GWEI));
    lab.sends(&dear).await;
    lab.proxy.mine(1).await;
    assert!(lab.is_mined(&dear).await);

    lab.proxy.automine(true).await;
    let at_once = lab.pay(1, (100 * GWEI, 3 * GWEI));
    lab.sends(&at_once).await;
    until("it has a block", || async { lab.is_mined(&at_once).await.then_some(()) }).await;

    lab.proxy.block_every(Duration::from_secs(1)).await;
    let height = lab.proxy.height("latest").await;
    until("blocks come by themselves", || async {
        (lab.proxy.height("latest").await > height + 1).then_some(())
    })
    .await;
    lab.proxy.block_every(Duration::ZERO).await;
}

#[tokio::test]
async fn it_is_on_another_chain_if_told() {
    let lab = Lab::new().await;
    let own = format!("{:#x}", embedded::CHAIN_ID);
    lab.proxy.pretend_chain_id(Some(137));
    assert_eq!(lab.ask("eth_chainId", json!([])).await, Heard::Result(json!("0x89")));
    assert_eq!(lab.ask("net_version", json!([])).await, Heard::Result(json!("137")));
    lab.proxy.pretend_chain_id(None);
    assert_eq!(lab.ask("eth_chainId", json!([])).await, Heard::Result(json!(own)));
}

#[tokio::test]
async fn it_goes_down_or_says_nothing_and_comes_back() {
    let mut lab = Lab::new().await;
    let limit = Duration::from_millis(300);
    let url = lab.proxy.url();
    let number = Heard::Result(json!("0x0"));
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, number);
    lab.proxy.down().await;
    let port = url.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, Heard::Nothing);
    lab.proxy.up().await;
    assert_eq!(lab.proxy.url(), url);
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, number);

    let raw = lab.pay(0, FEES);
    lab.proxy.away(true);
    assert_eq!(lab.ask_within(limit, SEND, json!([raw])).await, Heard::Nothing);
    lab.proxy.away(false);
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, number);
    assert!(!lab.waits(&raw).await && lab.proxy.sent().is_empty());
    lab.sends(&raw).await;

    // Without the node behind it, it is as if it were not there.
    lab.anvil.kill().await.unwrap();
    assert_eq!(lab.ask("eth_blockNumber", json!([])).await, Heard::Nothing);
    lab.anvil.start_again().await.unwrap();
    assert!(matches!(lab.ask("eth_blockNumber", json!([])).await, Heard::Result(_)));
}

#[tokio::test]
async fn a_strict_node_keeps_what_offers_less_than_the_base_fee() {
    let lab = Lab::new().await;
    lab.proxy.next_base_fee(12 * GWEI).await;
    lab.proxy.mine(1).await;
    let cheap = lab.pay(0, FEES);
    // Why it has to: the development chain does not.
    let too_cheap = Heard::Error(-32_003, "max fee per gas less than block base fee".to_owned());
    assert_eq!(lab.send(&cheap).await, too_cheap);

    lab.proxy.strict(true);
    lab.sends(&cheap).await;
    assert!(!lab.waits(&cheap).await);
    assert_eq!(lab.send(&cheap).await, error("already known"));
    let underpriced = error("replacement transaction underpriced");
    assert_eq!(lab.send(&lab.pay(0, (FEES.0 + 1, FEES.1 + 1))).await, underpriced);
    // The base fee falls with every empty block.
    until("it gets a block after all", || async {
        lab.proxy.mine(1).await;
        lab.ask("eth_blockNumber", json!([])).await;
        lab.is_mined(&cheap).await.then_some(())
    })
    .await;

    // The same of what the node had in its pool when the base fee rose, with what comes after it.
    let (cheap, after) = (lab.pay(1, FEES), lab.pay(2, (100 * GWEI, 3 * GWEI)));
    let behind_a_gap = lab.pay(4, (100 * GWEI, 3 * GWEI));
    for raw in [&cheap, &after, &behind_a_gap] {
        lab.sends(raw).await;
    }
    lab.proxy.next_base_fee(50 * GWEI).await;
    lab.proxy.mine(1).await;
    assert_eq!(lab.send(&cheap).await, error("already known"));
    assert_eq!(lab.send(&after).await, error("already known"));
    let dear = lab.pay(1, (100 * GWEI, 3 * GWEI));
    lab.sends(&dear).await;
    lab.proxy.mine(1).await;
    assert!(lab.is_mined(&dear).await && lab.is_mined(&after).await);
    assert!(lab.waits(&behind_a_gap).await);
}

/// The server's own client gets along with it.
#[tokio::test]
async fn a_mint_goes_through_although_answers_are_lost_and_wrong() {
    let world = World::new().await;
    let proxy = ChainProxy::before(&world.chain.url()).await;
    let server = world.server_with(&[("CASKCHAIN_CHAIN__RPC_URL", &proxy.url())]).await;
    let (isla, keeper) = (server.person("Isla").await, server.administrator().await);
    let cask_id = isla.cask("P-1").await;
    keeper.put(&format!("/api/v1/whiskeys/{cask_id}/approve")).await.expect(200);
    proxy.strict(true);
    let before = proxy.sent().len();
    proxy.next(SEND, 1, &Fault::CutBefore);
    proxy.next(SEND, 1, &Fault::CutAfter);
    proxy.next(RECEIPT, 2, &Fault::Null);
    proxy.sometimes("eth_getBlockByNumber", &Fault::Http(429), 0.2);
    isla.post("/api/v1/nfts/generate", json!({ "whiskeyId": cask_id })).await.expect(202);
    isla.until_nft_is(&cask_id, "CONFIRMED").await;
    let sent = proxy.sent().split_off(before);
    let nonces = sent.iter().map(|sent| sent.transaction.as_ref().unwrap().nonce);
    assert!(sent.len() >= 2 && nonces.clone().all(|nonce| nonces.clone().all(|it| it == nonce)));
}
