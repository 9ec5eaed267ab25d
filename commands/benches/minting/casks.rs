//! What we make of it: a platform at work, and casks whose tokens are asked for all at once, or wait all
//! together until the network is resumed.

use std::collections::BTreeSet;
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

use crate::world::World;
use crate::{ROUNDS, Shape};

const AT_ONCE: usize = 64;

/// How long we take for so many.
pub struct Ours {
    /// From the first request to the last token in a block.
    pub from_request: Duration,
    /// From where all wait for their nonces to the last token in a block; of several times all.
    pub from_waiting: Duration,
    /// Of each token.
    pub gas: u64,
}

pub async fn measure(world: &World, shape: Shape, mints: usize) -> Ours {
    let platform = world.platform(&[Role::Sequencer, Role::Minting], shape).await;
    let owner = owner(&platform).await;
    let casks = approved(world, &platform, owner, shape, ("asked", mints)).await;
    let (contract, height) = (world.contract.to_string(), world.node.next_block().await);
    let began = Instant::now();
    let minted = world.node.until(&contract, height, mints);
    let ((), by_request) = futures::join!(ask(&platform, owner, &casks), minted);
    let from_request = began.elapsed();

    let (policy, operator) = (platform.commands.mint_policies.of(None).unwrap(), by(owner));
    let (mut from_waiting, mut by_waiting) = (Duration::ZERO, BTreeSet::new());
    for round in 0..ROUNDS {
        platform.commands.pause_network(&operator, policy, "they wait").await.unwrap();
        let name = format!("waiting-{round}");
        let casks = approved(world, &platform, owner, shape, (&name, mints)).await;
        let before = platform.journal.head().await.unwrap();
        ask(&platform, owner, &casks).await;
        let pinned = || platform.journal.streams_with("nft.metadata_pinned", before);
        while pinned().await.unwrap().len() < mints {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let height = world.node.next_block().await;
        let began = Instant::now();
        platform.commands.resume_network(&operator, policy).await.unwrap();
        by_waiting.extend(world.node.until(&contract, height, mints).await);
        from_waiting += began.elapsed();
    }
    platform.stop().await;
    let gas = world.node.gas(by_request).await + world.node.gas(by_waiting).await;
    Ours { from_request, from_waiting, gas: gas / ((1 + ROUNDS) * mints) as u64 }
}

async fn ask(platform: &Platform, owner: UserId, casks: &[WhiskeyId]) {
    let commands = &platform.commands;
    stream::iter(casks)
        .for_each_concurrent(AT_ONCE, |whiskey| async move {
            let generation = Generation { whiskey: *whiskey, network: None, recipient: None };
            commands.generate_nft(&by(owner), &generation).await.unwrap();
        })
        .await;
}

/// Casks of somebody's whose tokens can be asked for.
async fn approved(
    world: &World,
    platform: &Platform,
    owner: UserId,
    Shape { lanes, together }: Shape,
    (what, mints): (&str, usize),
) -> Vec<WhiskeyId> {
    let judge = UserId::new(7_000_002);
    let name = format!("{lanes}-{together}-{what}");
    let file = world.folder.path().join(format!("casks-{name}.csv"));
    write(&file, &name, mints);
    let before = platform.journal.head().await.unwrap();
    let request = Request { file: &file, tenant: TenantId::PLATFORM, owner, errors: None };
    let (summary, _) = import(&platform.commands, &request, |_| {}).await.unwrap();
    assert!(summary.complete && summary.refused == 0);
    let casks = platform.journal.streams_with("whiskey.registered", before).await.unwrap();
    let casks: Vec<WhiskeyId> = casks.iter().map(|of| of.aggregate_id.parse().unwrap()).collect();
    assert_eq!(casks.len(), mints);
    stream::iter(&casks)
        .for_each_concurrent(AT_ONCE, |cask| async {
            platform.commands.approve_whiskey(&by(judge), *cask).await.unwrap();
        })
        .await;
    let head = platform.journal.head().await.unwrap();
    while *platform.published.borrow() < head {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    casks
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

fn write(file: &std::path::Path, name: &str, mints: usize) {
    let mut file = std::fs::File::create(file).unwrap();
    writeln!(
        file,
        "name,brand,distillery,region,category,caskNumber,caskType,fillDate,alcoholContent,volume"
    )
    .unwrap();
    for number in 0..mints {
        writeln!(
            file,
            "Ardcairn 2012,Ardcairn,Ardcairn,Islay,single_malt,B-{name}-{number},hogshead,2012-03-01,63.5,250"
        )
        .unwrap();
    }
}
