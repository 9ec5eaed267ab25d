//! Metrics in the OpenMetrics format. Names and labels are a contract.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    operation: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LoginLabels {
    tenant_id: String,
    method: String,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    operation: String,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProjectionLabels {
    projection: String,
}

/// What one process counts. Clones share the counters.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Histogram>,
    logins: Family<LoginLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    projection_lag: Family<ProjectionLabels, Gauge>,
    projection_parked: Family<ProjectionLabels, Gauge>,
    sequencer_lag: Gauge,
    ledger_lag: Gauge,
    events_appended: Counter,
    resident_memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let requests: Family<_, _> = Family::new_with_constructor(latencies as fn() -> Histogram);
        let (logins, tokens) = (Family::default(), Family::default());
        let (projection_lag, projection_parked) = (Family::default(), Family::default());
        let (sequencer_lag, ledger_lag) = (Gauge::default(), Gauge::default());
        let (events_appended, resident_memory) = (Counter::default(), Gauge::default());
        registry.register_with_unit(
            "http_request_duration",
            "Time from request to answer",
            Unit::Seconds,
            requests.clone(),
        );
        registry.register("auth_login_attempts", "Attempts to sign in", logins.clone());
        registry.register("auth_token_operations", "What was done with tokens", tokens.clone());
        registry.register(
            "projection_lag",
            "Events a read model has not folded yet",
            projection_lag.clone(),
        );
        registry.register(
            "projection_parked",
            "Partitions of a read model that wait behind an event that cannot be folded",
            projection_parked.clone(),
        );
        registry.register(
            "eventstore_sequencer_lag",
            "Events not yet published to JetStream",
            sequencer_lag.clone(),
        );
        registry.register(
            "ledger_lag",
            "Events that no signed head covers yet",
            ledger_lag.clone(),
        );
        registry.register(
            "events_appended",
            "Events in the log, over all processes",
            events_appended.clone(),
        );
        registry.register_with_unit(
            "process_resident_memory",
            "Memory of this process that is in RAM",
            Unit::Bytes,
            resident_memory.clone(),
        );
        let registry = Arc::new(registry);
        Self {
            registry,
            requests,
            logins,
            tokens,
            projection_lag,
            projection_parked,
            sequencer_lag,
            ledger_lag,
            events_appended,
            resident_memory,
        }
    }
}

impl Metrics {
    pub fn request(&self, method: &str, operation: &str, status: u16, took: Duration) {
        let labels =
            RequestLabels { method: method.to_owned(), operation: operation.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An attempt to sign in. `tenant_id` is one that exists, so that metrics do not grow by
    /// requests.
    pub fn login(&self, tenant_id: String, method: &'static str, status: &'static str) {
        let (method, status) = (method.to_owned(), status.to_owned());
        self.logins.get_or_create(&LoginLabels { tenant_id, method, status }).inc();
    }

    pub fn token(&self, operation: &'static str, is_good: bool) {
        let status = if is_good { "success" } else { "failure" }.to_owned();
        self.tokens.get_or_create(&TokenLabels { operation: operation.to_owned(), status }).inc();
    }

    pub fn log(&self, head: i64, published: i64) {
        let appended = u64::try_from(head + 1).unwrap_or_default();
        self.events_appended.inner().store(appended, Ordering::Relaxed);
        self.sequencer_lag.set((head - published).max(0));
    }

    pub fn ledger(&self, lag: u64) {
        self.ledger_lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    pub fn projection(&self, name: &str, lag: i64, parked: usize) {
        let labels = ProjectionLabels { projection: name.to_owned() };
        self.projection_lag.get_or_create(&labels).set(lag.max(0));
        let parked = i64::try_from(parked).unwrap_or(i64::MAX);
        self.projection_parked.get_or_create(&labels).set(parked);
    }

    /// Everything, as OpenMetrics text.
    pub fn text(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.resident_memory.set(bytes);
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => {
                tracing::error!(%error, "metrics have no text");
                String::new()
            }
        }
    }
}

/// From half a millisecond to eight seconds.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 15))
}

/// What Linux says of this process; other systems say nothing here.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: i64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
