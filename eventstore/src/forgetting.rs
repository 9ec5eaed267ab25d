//! Forgetting what was only kept for a day: the answers to idempotency keys.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(10 * 60);

/// Forgets every ten minutes until stopped. Several processes may do it at once.
pub async fn run(pool: PgPool, stop: CancellationToken) {
    loop {
        match sqlx::query("select eventstore.forget_answers()").execute(&pool).await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old answers not forgotten"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
