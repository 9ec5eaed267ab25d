//! What we make of it: a platform at work, and casks whose tokens are asked for all at once.

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

use crate::Shape;
use crate::world::World;

const AT_ONCE: usize = 64;

/// How long it takes from the first request to the last token in a block, and what gas each took.
pub async fn measure(world: &World, shape: Shape, mints: usize) -> (Duration, u64) {
    let platform = world.platform(&[Role::Sequencer, Role::Minting], shape).await;
    let (owner, casks) = approved(world, &platform, shape, mints).await;
    let (contract, height) = (world.contract.to_string(), world.node.height().await);
    let began = Instant::now();
    let asking = stream::iter(casks).for_each_concurrent(AT_ONCE, |whiskey| {
        let commands = &platform.commands;
        async move {
            let generation = Generation { whiskey, network: None, recipient: None };
            commands.generate_nft(&by(owner), &generation).await.unwrap();
        }
    });
    let minted = world.node.until(&contract, height, mints);
    let ((), gas) = futures::join!(asking, minted);
    let took = began.elapsed();
    platform.stop().await;
    (took, gas / mints as u64)
}

/// Casks whose tokens can be asked for, and whose they are.
async fn approved(
    world: &World,
    platform: &Platform,
    shape: Shape,
    mints: usize,
) -> (UserId, Vec<WhiskeyId>) {
    let (owner, judge) = (owner(platform).await, UserId::new(7_000_002));
    let Shape { lanes, together } = shape;
    let name = format!("{lanes}-{together}");
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
    (owner, casks)
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
