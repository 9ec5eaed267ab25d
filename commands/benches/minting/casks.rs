//! What we make of it: casks whose tokens were asked for, and a worker that is started then.

use std::io::Write;
use std::time::{Duration, Instant};

use api::import::{Request, import};
use api::role::Role;
use api::wiring::Platform;
use commands::Asked;
use commands::claims::{EMAIL, Identifier};
use commands::nft::Generation;
use commands::user::Registration;
use domain::id::{SessionId, TenantId, UserId, WhiskeyId};
use domain::language::Language;
use domain::permission::{Actor, Permission};
use domain::user::email::Email;
use eventstore::Context;
use futures::{StreamExt, stream};
use serde_json::json;

use crate::world::World;

const AT_ONCE: usize = 64;

/// How long it takes from the start of the worker to the last token, and what gas a mint took.
pub async fn measure(world: &World, lanes: usize, mints: usize) -> (Duration, u64) {
    ask_for(world, lanes, mints).await;
    let accounts = world.signers(lanes);
    let names: Vec<String> = accounts.iter().map(|account| account.address().to_string()).collect();
    let mut before = 0;
    for name in &names {
        before += world.node.count(name).await;
    }
    let began = Instant::now();
    let worker = world.platform(&[Role::Minting], lanes).await;
    world.node.until(&names, before + mints as u64).await;
    let took = began.elapsed();
    let gas = last_gas(world, &names[0]).await;
    worker.stop().await;
    (took, gas)
}

/// Casks that are approved, and whose tokens are asked for and told of.
async fn ask_for(world: &World, lanes: usize, mints: usize) {
    let platform = world.platform(&[Role::Sequencer], lanes).await;
    let (owner, judge) = (owner(&platform).await, UserId::new(7_000_002));
    let file = world.folder.path().join(format!("casks-{lanes}.csv"));
    write(&file, lanes, mints);
    let before = platform.journal.head().await.unwrap();
    let request = Request { file: &file, tenant: TenantId::PLATFORM, owner, errors: None };
    let (summary, _) = import(&platform.commands, &request, |_| {}).await.unwrap();
    assert!(summary.complete && summary.refused == 0);
    let casks = platform.journal.streams_with("whiskey.registered", before).await.unwrap();
    assert_eq!(casks.len(), mints);
    stream::iter(casks)
        .for_each_concurrent(AT_ONCE, |cask| {
            let (commands, id): (_, WhiskeyId) =
                (&platform.commands, cask.aggregate_id.parse().unwrap());
            async move {
                commands.approve_whiskey(&by(judge), id).await.unwrap();
                let generation = Generation { whiskey: id, network: None, recipient: None };
                commands.generate_nft(&by(owner), &generation).await.unwrap();
            }
        })
        .await;
    let head = platform.journal.head().await.unwrap();
    while *platform.published.borrow() < head {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    platform.stop().await;
}

/// The platform's tenant, and somebody in it; there from the first time on.
async fn owner(platform: &Platform) -> UserId {
    let (tenant, commands) = (TenantId::PLATFORM, &platform.commands);
    let asked = Asked::by(Context::system(tenant, "bench", "bench", "bench"));
    let _ = commands.create_tenant(&asked, tenant, "Islay Casks").await;
    let email = Email::parse("owner@casks.example").unwrap();
    let registration = Registration {
        email: email.clone(),
        password: "Peat&Smoke1994".to_owned().into(),
        username: None,
        full_name: None,
        phone: None,
        language: Language::default(),
    };
    commands.create_administrator(&asked, &registration).await.unwrap();
    let digest = commands.claim_digests.digest(tenant, &Identifier::Email(email));
    let holder = commands.store.holder_of(tenant, EMAIL, &digest).await.unwrap();
    holder.unwrap().parse().unwrap()
}

fn by(user: UserId) -> Asked {
    let actor = Actor::User {
        tenant: TenantId::PLATFORM,
        user,
        session: SessionId::new(1),
        permissions: Permission::GRANTABLE.iter().copied().collect(),
    };
    let system = Context::system(TenantId::PLATFORM, "bench", "bench", "bench");
    Asked::by(Context { actor, ..system })
}

fn write(file: &std::path::Path, lanes: usize, mints: usize) {
    let mut file = std::fs::File::create(file).unwrap();
    writeln!(
        file,
        "name,brand,distillery,region,category,caskNumber,caskType,fillDate,alcoholContent,volume"
    )
    .unwrap();
    for number in 0..mints {
        writeln!(
            file,
            "Ardcairn 2012,Ardcairn,Ardcairn,Islay,single_malt,B-{lanes}-{number},hogshead,2012-03-01,63.5,250"
        )
        .unwrap();
    }
}

/// What the last mint of an account took.
async fn last_gas(world: &World, account: &str) -> u64 {
    let mut number = world.node.ask("eth_blockNumber", json!([])).await;
    loop {
        let block = world.node.ask("eth_getBlockByNumber", json!([number, true])).await;
        let transactions = block["transactions"].as_array().unwrap();
        if let Some(mint) = transactions.iter().find(|it| it["from"] == account) {
            let receipt = world.node.ask("eth_getTransactionReceipt", json!([mint["hash"]])).await;
            assert_eq!(receipt["status"], "0x1");
            let gas = receipt["gasUsed"].as_str().unwrap().trim_start_matches("0x");
            return u64::from_str_radix(gas, 16).unwrap();
        }
        number = block["number"].clone();
        let height = u64::from_str_radix(number.as_str().unwrap().trim_start_matches("0x"), 16);
        number = json!(format!("{:#x}", height.unwrap() - 1));
    }
}
