//! Tenants and users, through the store, as the events of registering and verifying. Almost all
//! share one hash, because making each of them would take half an hour; the people who sign in have
//! their own.

use std::time::Instant;

use api::wiring::Platform;
use commands::claims::Identifier;
use commands::{Asked, Commands};
use cqrs_es::Aggregate;
use domain::command::Command as _;
use domain::id::{ChallengeId, TenantId, UserId};
use domain::tenant::Tenant;
use domain::user::email::Email;
use domain::user::names::FullName;
use domain::user::{RegisterUser, User, VerifyEmail};
use eventstore::Context;
use futures::StreamExt;

use crate::scale::{PASSWORD, PEOPLE, SIGNING_IN_AT_ONCE, TENANTS, WRITERS, users};

/// Somebody who can sign in.
pub struct Person {
    pub email: String,
    pub tenant: TenantId,
}

/// Makes the tenants and the users; gives those who can sign in, spread over all tenants.
pub async fn load(platform: &Platform) -> Vec<Person> {
    let commands = &platform.commands;
    let began = Instant::now();
    let tenants: Vec<_> = (0..TENANTS).map(tenant).collect();
    for tenant in &tenants {
        let asked = Asked::by(context(*tenant));
        commands.create_tenant(&asked, *tenant, "Islay Casks").await.unwrap();
    }
    let people = (0..PEOPLE).map(|number| settle_user(commands, number, None)).collect::<Vec<_>>();
    futures::stream::iter(people).buffer_unordered(SIGNING_IN_AT_ONCE).count().await;
    let nobodys = commands.passwords.hash(UserId::new(1), PASSWORD.into()).await.unwrap();
    let others = (PEOPLE..users()).map(|number| settle_user(commands, number, Some(&nobodys)));
    futures::stream::iter(others).for_each_concurrent(WRITERS, |user| user).await;
    eprintln!("{TENANTS} tenants, {} users after {:.1?}", users(), began.elapsed());
    (0..PEOPLE).map(|number| Person { email: email(number), tenant: tenant(number) }).collect()
}

/// One commit: registered and verified, with the address claimed. Without a hash of their own they
/// cannot sign in.
async fn settle_user(commands: &Commands, number: usize, hash: Option<&String>) {
    let tenant = tenant(number);
    let user = UserId::new(commands.ids.next().unwrap());
    let challenge = ChallengeId::new(commands.ids.next().unwrap());
    let now = commands.store.clock().now();
    let password_hash = match hash {
        Some(hash) => hash.clone(),
        None => commands.passwords.hash(user, PASSWORD.into()).await.unwrap(),
    };
    let register = RegisterUser {
        user,
        email: Email::parse(&email(number)).unwrap(),
        username: None,
        full_name: FullName::parse("Isla Ferguson").ok(),
        phone: None,
        language: domain::language::Language::English,
        password_hash,
        challenge,
        now,
    };
    let store = &commands.store;
    let loaded = store.unwritten::<User>(tenant, &user.to_string());
    let mut state = User::clone(&loaded.state);
    let mut events = register.decide(&state).unwrap();
    for event in events.clone() {
        state.apply(event);
    }
    events.extend(VerifyEmail { challenge, now }.decide(&state).unwrap());
    let identifier = Identifier::Email(register.email);
    let claim = commands.claim_digests.claim(tenant, &identifier, user.to_string());
    let of_tenant = store.load::<Tenant>(tenant, &tenant.to_string()).await.unwrap();
    let context = context(tenant);
    let commit = store.begin(&context).expecting(&of_tenant);
    store.commit(commit.append(&loaded, events).claiming(vec![claim])).await.unwrap();
}

fn context(tenant: TenantId) -> Context {
    Context::system(tenant, "bench", "bench", "bench")
}

/// Whose user this is. Tenant 1 is the platform's.
fn tenant(number: usize) -> TenantId {
    TenantId::new(2 + i64::try_from(number % TENANTS).unwrap())
}

pub fn email(number: usize) -> String {
    format!("person.{number}@casks.example")
}
