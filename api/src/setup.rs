//! What a new installation needs before anybody can sign in: a tenant, and its first administrator.

use std::io::Read;

use commands::user::Registration;
use commands::{Asked, CommandError};
use domain::id::TenantId;
use domain::language::Language;
use domain::user::email::Email;
use domain::user::names::FullName;
use eventstore::Context;
use secrecy::SecretString;

use crate::config::Config;
use crate::wiring::{Platform, StartError};

/// Makes a tenant. The first one is the platform's own.
pub async fn create_tenant(config: &Config, name: &str) -> Result<(), StartError> {
    let platform = Platform::start(config, &[]).await?;
    let outcome = make_tenant(&platform, name).await;
    platform.stop().await;
    println!("{}", outcome?);
    Ok(())
}

async fn make_tenant(platform: &Platform, name: &str) -> Result<TenantId, StartError> {
    let own = TenantId::PLATFORM;
    match platform.commands.create_tenant(&asked(own), own, name).await {
        Ok(done) => return Ok(done.answer),
        // It is there already.
        Err(CommandError::Refused { .. }) => {}
        Err(error) => return Err(StartError::of(error)),
    }
    let next = TenantId::new(platform.commands.ids.next().map_err(StartError::of)?);
    let done = platform.commands.create_tenant(&asked(next), next, name).await;
    Ok(done.map_err(StartError::of)?.answer)
}

/// Makes an administrator, with the password that stands in standard input.
pub async fn create_administrator(
    config: &Config,
    tenant: &str,
    email: &str,
    name: &str,
) -> Result<(), StartError> {
    let tenant: TenantId = tenant.parse().map_err(|_| of("tenant", "is not an id"))?;
    let mut password = String::new();
    std::io::stdin().take(1_024).read_to_string(&mut password).map_err(StartError::of)?;
    let registration = Registration {
        email: Email::parse(email).map_err(|violation| of("email", violation))?,
        password: SecretString::from(password.trim_end_matches(['\r', '\n']).to_owned()),
        username: None,
        full_name: Some(FullName::parse(name).map_err(|violation| of("name", violation))?),
        phone: None,
        language: Language::default(),
    };
    let platform = Platform::start(config, &[]).await?;
    let outcome = platform.commands.create_administrator(&asked(tenant), &registration).await;
    platform.stop().await;
    if outcome.map_err(StartError::of)?.answer.new {
        println!("{email} is an administrator of tenant {tenant}");
        Ok(())
    } else {
        Err(of("email", "belongs to an account already"))
    }
}

fn asked(tenant: TenantId) -> Asked {
    Asked::by(Context::system(tenant, "setup", "setup", "setup"))
}

fn of(what: &str, wrong: impl std::fmt::Display) -> StartError {
    StartError::Other(format!("{what} {wrong}"))
}
