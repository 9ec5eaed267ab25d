//! Serving: start, listen, and stop in order.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use poem::listener::TcpListener;
use poem::{Endpoint, Server};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::document::{internal_routes, routes};
use crate::http::sips::InSips;
use crate::role::Role;
use crate::wiring::{Platform, StartError, required};

/// How long requests under way may take once the process was told to stop.
const DRAIN: Duration = Duration::from_secs(4);
const IDLE: Duration = Duration::from_secs(75);

/// Serves with the services that are configured.
pub async fn run(config: Config, roles: Vec<Role>) -> Result<(), StartError> {
    let roles = if roles.is_empty() { Role::value_variants().to_vec() } else { roles };
    let platform = Platform::start(&config, &roles).await?;
    let outcome = answer(&config, &roles, &platform).await;
    tracing::info!("stopping");
    platform.stop().await;
    outcome
}

/// Brings the schema up to date.
pub async fn migrate(config: &Config) -> Result<(), StartError> {
    let owner = match &config.database_owner_url {
        Some(_) => required(&config.database_owner_url, "database_owner_url")?,
        None => required(&config.database_url, "database_url")?,
    };
    Ok(eventstore::database::migrate(&owner).await?)
}

/// Answers until told to stop; requests under way are finished.
pub async fn answer(
    config: &Config,
    roles: &[Role],
    platform: &Platform,
) -> Result<(), StartError> {
    let told = told_to_stop()?;
    if !roles.contains(&Role::Api) {
        told.await;
        return Ok(());
    }
    let stop = CancellationToken::new();
    let public = listen(config.listen, routes(platform, config), stop.clone());
    let internal = async {
        if config.internal.service_tokens.is_empty() {
            return Ok(());
        }
        let routes = internal_routes(platform, config);
        listen(config.internal.listen, routes, stop.clone()).await
    };
    let stopping = async {
        told.await;
        stop.cancel();
        Ok(())
    };
    tracing::info!(listen = %config.listen, "serving");
    tokio::try_join!(public, internal, stopping).map(|_| ())
}

async fn listen(
    address: SocketAddr,
    routes: impl Endpoint + 'static,
    stop: CancellationToken,
) -> Result<(), StartError> {
    Server::new(InSips(TcpListener::bind(address)))
        .name("caskchain")
        .idle_timeout(IDLE)
        .run_with_graceful_shutdown(routes, stop.cancelled_owned(), Some(DRAIN))
        .await
        .map_err(|error| StartError::Other(format!("cannot listen on {address}: {error}")))
}

/// Resolves at SIGTERM or Ctrl-C.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()>, StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::of)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::of)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
