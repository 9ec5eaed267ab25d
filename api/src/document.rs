//! The OpenAPI document and the routes, from one list of resources.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, header};
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, IntoResponse, Response, Route, get, post};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService};
use projections::Past;

use crate::config::Config;
use crate::http::client_address::TrustedProxies;
use crate::http::converse::Converse;
use crate::http::envelope::VERSION;
use crate::http::error_code::ErrorCode;
use crate::http::limits::AddressLimits;
use crate::http::problem::Problem;
use crate::http::service::ServiceTokens;
use crate::resources::alerts::Alerts;
use crate::resources::audit::events::AuditEvents;
use crate::resources::audit::export::AuditExport;
use crate::resources::audit::logs::AuditLogs;
use crate::resources::audit::stream::AuditStream;
use crate::resources::auth::Auth;
use crate::resources::contracts::Contracts;
use crate::resources::devices::Devices;
use crate::resources::files::Files;
use crate::resources::internal::Internal;
use crate::resources::ipfs::{self, Gateway, Ipfs};
use crate::resources::ledger::{self, LedgerProofs};
use crate::resources::login_history::LoginHistory;
use crate::resources::mints::Mints;
use crate::resources::networks::Networks;
use crate::resources::nfts::Nfts;
use crate::resources::notifications::Notifications;
use crate::resources::oauth2::{self, OAuth2};
use crate::resources::operations::{self, Insight};
use crate::resources::outbox;
use crate::resources::ownership::Owning;
use crate::resources::passwords::Passwords;
use crate::resources::people::People;
use crate::resources::portfolio::PortfolioValue;
use crate::resources::sessions::Sessions;
use crate::resources::sign_in::SignIns;
use crate::resources::tenants::Tenants;
use crate::resources::tokens::Tokens;
use crate::resources::transactions::Transactions;
use crate::resources::users::Users;
use crate::resources::well_known::{self, Published};
use crate::resources::whiskeys::Whiskeys;
use crate::resources::whiskeys::attachments::Attachments;
use crate::resources::whiskeys::catalogue::Catalogue;
use crate::resources::whiskeys::history::History;
use crate::resources::whiskeys::provenance::Provenance;
use crate::resources::whiskeys::records::Records;
use crate::resources::whiskeys::transfer::Transfers;
use crate::wiring::Platform;

const BASE: &str = "/api/v1";
/// Not in the document, which knows no parameters with slashes.
const LEDGER_TILES: &str = "/api/v1/ledger/tile/*path";

/// Everything below `BASE`.
type Resources = (
    (Auth, SignIns, Tokens, Passwords),
    (Sessions, Devices, LoginHistory, Alerts),
    (Users, People, Tenants, Notifications),
    (Whiskeys, Catalogue, Records, Transfers, History, Provenance, PortfolioValue),
    (Files, Attachments),
    (Nfts, Ipfs, Mints, Owning, Networks, Contracts, Transactions),
    (AuditLogs, AuditEvents, AuditStream, AuditExport, LedgerProofs),
);

fn resources(platform: &Platform) -> Resources {
    let (commands, readers) = (&platform.commands, &platform.readers);
    let past = Past::new(platform.journal.clone(), commands.store.vault().clone());
    (
        (
            Auth { commands: commands.clone() },
            SignIns { commands: commands.clone(), metrics: platform.metrics.clone() },
            Tokens {
                commands: commands.clone(),
                metrics: platform.metrics.clone(),
                believer: platform.believer.clone(),
            },
            Passwords { commands: commands.clone() },
        ),
        (
            Sessions {
                commands: commands.clone(),
                readers: readers.clone(),
                clock: platform.clock.clone(),
            },
            Devices { commands: commands.clone(), readers: readers.clone() },
            LoginHistory { readers: readers.clone() },
            Alerts { readers: readers.clone() },
        ),
        (
            Users {
                commands: commands.clone(),
                readers: readers.clone(),
                past: past.clone(),
                ledger: platform.ledger.clone(),
            },
            People {
                commands: commands.clone(),
                readers: readers.clone(),
                past: past.clone(),
                ledger: platform.ledger.clone(),
            },
            Tenants { commands: commands.clone() },
            Notifications { commands: commands.clone() },
        ),
        (
            Whiskeys {
                commands: commands.clone(),
                readers: readers.clone(),
                past: past.clone(),
                ledger: platform.ledger.clone(),
            },
            Catalogue { commands: commands.clone(), readers: readers.clone() },
            Records { commands: commands.clone() },
            Transfers { commands: commands.clone() },
            History { readers: readers.clone() },
            Provenance {
                readers: readers.clone(),
                journal: platform.journal.clone(),
                ledger: platform.ledger.clone(),
            },
            PortfolioValue { readers: readers.clone() },
        ),
        (
            Files {
                commands: commands.clone(),
                readers: readers.clone(),
                links: Arc::clone(&platform.file_links),
                clock: platform.clock.clone(),
            },
            Attachments { commands: commands.clone() },
        ),
        (
            Nfts {
                commands: commands.clone(),
                readers: readers.clone(),
                past,
                ledger: platform.ledger.clone(),
            },
            Ipfs { gateway: gateway_of(platform) },
            Mints { commands: commands.clone() },
            Owning { commands: commands.clone() },
            Networks { commands: commands.clone() },
            Contracts { commands: commands.clone(), readers: readers.clone() },
            Transactions { commands: commands.clone(), readers: readers.clone() },
        ),
        (
            AuditLogs {
                readers: readers.clone(),
                journal: platform.journal.clone(),
                vault: commands.store.vault().clone(),
            },
            AuditEvents { journal: platform.journal.clone() },
            AuditStream::new(platform.journal.clone(), platform.believer.revocations.clone()),
            AuditExport::new(platform.export.clone(), platform.exports.clone()),
            LedgerProofs {
                ledger: platform.ledger.clone(),
                commands: commands.clone(),
                journal: platform.journal.clone(),
                readers: platform.readers.clone(),
            },
        ),
    )
}

fn gateway_of(platform: &Platform) -> Gateway {
    Gateway { content: platform.content.clone(), readers: platform.readers.clone() }
}

fn described<T: OpenApi>(resources: T) -> OpenApiService<T, ()> {
    OpenApiService::new(resources, "CaskChain", VERSION)
        .summary("Whisky casks, from a person's account to a cask's NFT")
        .description(
            "Every answer is in one envelope; `error.code` is what programs go by. Ids are decimal \
             strings. Commands answer `X-Position`; a read that sends it as `X-Min-Position` sees \
             what the command did. POST takes `Idempotency-Key`; PUT takes `If-Match`.",
        )
        .license(LicenseObject::new("MIT OR Apache-2.0"))
        .server(BASE)
}

fn described_internal<T: OpenApi>(resources: T) -> OpenApiService<T, ()> {
    OpenApiService::new(resources, "CaskChain internal", VERSION)
        .summary("For services of the platform, on a listener of its own")
        .description(
            "Beside these, `POST /oauth2/introspect` (RFC 7662) and `POST /oauth2/revoke` (RFC 7009) \
             take a form with `token` and the header `X-Service-Token`.",
        )
        .license(LicenseObject::new("MIT OR Apache-2.0"))
}

/// The shape of resources without any: enough to write the document.
struct Shape<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Shape<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

fn shape() -> OpenApiService<Shape<Resources>, ()> {
    described(Shape(PhantomData))
}

/// The document as YAML.
pub fn yaml() -> String {
    shape().spec_yaml()
}

/// The document of the internal listener as YAML.
pub fn internal_yaml() -> String {
    described_internal(Shape::<Internal>(PhantomData)).spec_yaml()
}

/// The document as JSON.
pub fn json() -> String {
    shape().spec()
}

/// All routes, with what every request and answer has in common around them.
pub fn routes(platform: &Platform, config: &Config) -> impl Endpoint<Output = Response> + use<> {
    let insight = Insight {
        journal: platform.journal.clone(),
        ledger: platform.ledger.clone(),
        published: platform.published.clone(),
        statuses: Arc::new(platform.statuses.clone()),
        nats: platform.nats.clone(),
        metrics: platform.metrics.clone(),
        revocations: platform.believer.revocations.clone(),
    };
    let published =
        Published { tokens: Arc::clone(&platform.commands.tokens), clock: platform.clock.clone() };
    let mut routes = Route::new()
        .nest(BASE, described(resources(platform)))
        .at(LEDGER_TILES, get(ledger::tile).data(platform.ledger.clone()))
        .at("/ipfs/:cid", get(ipfs::at_root).data(gateway_of(platform)))
        .at("/health", get(operations::health))
        .at("/ready", get(operations::ready))
        .at("/metrics", get(operations::metrics))
        .at("/admin/projections", get(operations::read_models))
        .at("/admin/projections/:name/rebuild", post(operations::rebuild))
        .at("/.well-known/jwks.json", get(well_known::keys).data(published.clone()))
        .at("/.well-known/openid-configuration", get(well_known::discovery).data(published))
        .at("/openapi.json", get(text("application/json", json())))
        .at("/openapi.yaml", get(text("application/yaml", yaml())))
        .at("/docs", get(page(shape().swagger_ui_html())));
    if let Some(outbox) = platform.outbox.as_ref().filter(|_| config.development) {
        routes = routes.at("/dev/outbox", get(outbox::outbox).data(outbox.clone()));
    }
    routes
        .data(insight)
        .data(platform.believer.clone())
        .data(platform.limits.clone())
        .with(CatchPanic::new().with_handler(|_| Problem::new(ErrorCode::InternalError)))
        .with(converse(platform, config, platform.limits.clone()))
}

/// The routes of the internal listener.
pub fn internal_routes(
    platform: &Platform,
    config: &Config,
) -> impl Endpoint<Output = Response> + use<> {
    let internal =
        Internal { commands: platform.commands.clone(), believer: platform.believer.clone() };
    let oauth2 =
        OAuth2 { commands: platform.commands.clone(), believer: platform.believer.clone() };
    Route::new()
        .at("/oauth2/introspect", post(oauth2::introspect).data(oauth2.clone()))
        .at("/oauth2/revoke", post(oauth2::revoke).data(oauth2))
        .at("/openapi.yaml", get(text("application/yaml", internal_yaml())))
        .nest("/", described_internal(internal))
        .data(ServiceTokens::new(&config.internal.service_tokens))
        .with(CatchPanic::new().with_handler(|_| Problem::new(ErrorCode::InternalError)))
        .with(converse(platform, config, platform.limits.unlimited()))
}

fn converse(platform: &Platform, config: &Config, limits: AddressLimits) -> Converse {
    Converse {
        clock: platform.clock.clone(),
        entropy: platform.entropy.clone(),
        metrics: platform.metrics.clone(),
        idempotency: Arc::clone(&platform.idempotency),
        allowed_origins: Arc::new(config.allowed_origins.clone()),
        limits,
        tokens: Arc::clone(&platform.commands.tokens),
        proxies: Arc::new(TrustedProxies(config.trusted_proxies.clone())),
    }
}

fn text(content_type: &'static str, body: String) -> impl Endpoint<Output = Response> {
    poem::endpoint::make_sync(move |_| {
        Response::builder().content_type(content_type).body(body.clone())
    })
}

/// A page that carries its own script and style.
fn page(html: String) -> impl Endpoint<Output = Response> {
    poem::endpoint::make_sync(move |_| {
        let mut response = poem::web::Html(html.clone()).into_response();
        response.headers_mut().insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'self'; script-src 'self' 'unsafe-inline'; \
                 style-src 'self' 'unsafe-inline'; img-src 'self' data:",
            ),
        );
        response
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regenerate with `cargo run -- openapi > openapi/openapi.yaml`.
    #[test]
    fn the_committed_document_is_today_s() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.yaml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == yaml(), "openapi/openapi.yaml is stale");
    }

    /// Regenerate with `cargo run -- openapi --internal > openapi/internal.yaml`.
    #[test]
    fn the_committed_internal_document_is_today_s() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/internal.yaml");
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == internal_yaml(), "openapi/internal.yaml is stale");
    }

    /// Operations of one path belong into one resource: of two lists under the same path, readers
    /// of the document see one.
    #[test]
    fn no_path_stands_twice_in_the_document() {
        for text in [yaml(), internal_yaml()] {
            let paths = text.lines().filter(|line| line.starts_with("  /") && line.ends_with(':'));
            let mut seen = std::collections::BTreeSet::new();
            let twice: Vec<_> = paths.filter(|path| !seen.insert(*path)).collect();
            assert_eq!(twice, Vec::<&str>::new());
        }
    }

    #[test]
    fn every_operation_has_an_id_and_says_who_may() {
        let document: serde_json::Value = serde_json::from_str(&json()).unwrap();
        let public = [
            "register",
            "verify_email",
            "verify_email_by_link",
            "login",
            "verify_otp",
            "resend_otp",
            "refresh",
            "resend_verification",
            "forgot_password",
            "reset_password",
            "password_policy",
            "verify_token",
            "nft_metadata",
            "ipfs",
            "file",
            "whiskey_provenance",
            "ledger_checkpoint",
            "ledger_keys",
            "inclusion_proof",
            "consistency_proof",
        ];
        let mut count = 0;
        for operations in document["paths"].as_object().unwrap().values() {
            for operation in operations.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                let secured = operation["security"].as_array().is_some_and(|s| !s.is_empty());
                assert_eq!(secured, !public.contains(&id), "{id}");
                count += 1;
            }
        }
        assert!(count >= 66, "{count}");
    }
}
