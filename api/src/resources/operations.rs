//! For operators: health, readiness, metrics, read models.

use std::sync::Arc;
use std::time::Duration;

use ::projections::{Parked, Revocations, Status};
use async_nats::connection::State;
use domain::permission::Permission;
use eventstore::journal::Journal;
use eventstore::ledger::read::Ledger;
use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{IntoResponse, Request, Response, handler};
use poem_openapi::types::ToJSON;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::authentication::{Believer, must_be_allowed};
use crate::http::conversation::Conversation;
use crate::http::envelope::Metadata;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::metrics::Metrics;

/// What operators look at.
#[derive(Clone)]
pub struct Insight {
    pub journal: Journal,
    pub ledger: Ledger,
    pub published: watch::Receiver<i64>,
    pub statuses: Arc<Vec<Status>>,
    pub nats: async_nats::Client,
    pub metrics: Metrics,
    pub revocations: Revocations,
}

/// Longer than a healthy database ever takes to say where the log ends.
const PATIENCE: Duration = Duration::from_secs(2);

impl Insight {
    async fn head(&self) -> Option<i64> {
        timeout(PATIENCE, self.journal.head()).await.ok()?.ok()
    }

    /// How many events no signed head covers yet.
    async fn ledger_lag(&self) -> Option<u64> {
        let events = u64::try_from(self.head().await? + 1).unwrap_or_default();
        let signed = timeout(PATIENCE, self.ledger.signed_size()).await.ok()?.ok()?;
        Some(events.saturating_sub(signed))
    }

    fn nats_is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    async fn dependencies(&self) -> Value {
        let up = |up: bool| if up { "up" } else { "down" };
        json!({
            "database": up(self.head().await.is_some()),
            "nats": up(self.nats_is_connected()),
        })
    }
}

fn answer(status: StatusCode, data: &Value) -> Response {
    let metadata = Metadata::of(Conversation::current().as_ref());
    let body = json!({
        "success": status.is_success(),
        "data": data,
        "metadata": metadata.to_json(),
    });
    poem::web::Json(body).with_status(status).into_response()
}

/// Alive, and which dependencies are.
#[handler]
pub async fn health(insight: Data<&Insight>) -> Response {
    let data = json!({ "status": "alive", "dependencies": insight.dependencies().await });
    answer(StatusCode::OK, &data)
}

/// Whether this process should get traffic: it can reach the log. Partitions of read models that
/// are parked are shown; they are no reason to turn everybody else away.
#[handler]
pub async fn ready(insight: Data<&Insight>) -> Response {
    let poisoned: Vec<_> = insight.statuses.iter().flat_map(poisoned).collect();
    let ready = insight.head().await.is_some();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let data = json!({
        "ready": ready,
        "dependencies": insight.dependencies().await,
        "poisoned": poisoned,
        // Events that no signed head covers yet: much, for long, is a signer that refuses.
        "ledgerLag": insight.ledger_lag().await,
        // If not, each request asks the database who has signed out.
        "followsRevocations": insight.revocations.is_following(),
    });
    let mut response = answer(status, &data);
    if !ready {
        response.headers_mut().insert("Retry-After", poem::http::HeaderValue::from_static("1"));
    }
    response
}

/// The events that park partitions. The reasons are in the process's own log; what a database says
/// is not for everybody.
fn poisoned(status: &Status) -> Vec<Value> {
    let shown = |parked: &Parked| {
        json!({
            "projection": status.name,
            "partition": parked.partition,
            "position": parked.position.to_string(),
        })
    };
    status.parked.borrow().iter().map(shown).collect()
}

/// OpenMetrics.
#[handler]
pub async fn metrics(insight: Data<&Insight>) -> Response {
    if let Some(head) = insight.head().await {
        insight.metrics.log(head, *insight.published.borrow());
        if let Some(lag) = insight.ledger_lag().await {
            insight.metrics.ledger(lag);
        }
        for status in insight.statuses.iter() {
            let parked = status.parked.borrow().len();
            insight.metrics.projection(status.name, head - *status.position.borrow(), parked);
        }
    }
    Response::builder()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(insight.metrics.text())
}

fn described(status: &Status, head: Option<i64>) -> Value {
    let position = *status.position.borrow();
    json!({
        "name": status.name,
        "position": position.to_string(),
        "lag": head.map(|head| (head - position).max(0)),
        "rebuilding": status.rebuilding.borrow().map(|at| at.to_string()),
        "poisoned": poisoned(status),
    })
}

/// The read models of this process.
#[handler]
pub async fn read_models(request: &Request, insight: Data<&Insight>) -> poem::Result<Response> {
    may_manage(request).await?;
    let head = insight.head().await;
    let list: Vec<_> = insight.statuses.iter().map(|status| described(status, head)).collect();
    Ok(answer(StatusCode::OK, &Value::from(list)))
}

/// Builds a read model anew beside the live one.
#[handler]
pub async fn rebuild(
    request: &Request,
    Path(name): Path<String>,
    insight: Data<&Insight>,
) -> poem::Result<Response> {
    may_manage(request).await?;
    let status = insight.statuses.iter().find(|status| status.name == name);
    let status = status.ok_or_else(|| Problem::new(ErrorCode::NotFound))?;
    status.rebuild();
    Ok(answer(StatusCode::ACCEPTED, &described(status, insight.head().await)))
}

async fn may_manage(request: &Request) -> Result<(), Problem> {
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
    let believer = request
        .data::<Believer>()
        .ok_or_else(|| Problem::internal(&"no token checker is wired"))?;
    let actor = believer.claims(token).await?.actor();
    must_be_allowed(&actor, Permission::MANAGE_PROJECTIONS)
}
