//! Forgetting what was only kept for a while: the answers to idempotency keys, counters that count no
//! more, questions that ran out, and signed heads that later ones continue.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(10 * 60);

/// Forgets every ten minutes until stopped. Several processes may do it at once.
pub async fn run(pool: PgPool, stop: CancellationToken) {
    loop {
        let forget = "select eventstore.forget_answers(), eventstore.forget_limits(),
            eventstore.forget_questions(), eventstore.forget_checkpoints()";
        match sqlx::query(forget).execute(&pool).await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "nothing was forgotten"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
