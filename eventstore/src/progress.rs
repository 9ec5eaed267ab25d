//! How far a reaction has come: kept beside the log, for when the stream is lost or made anew.

use sqlx::PgPool;

use crate::store::StoreError;

#[derive(Clone)]
pub struct Progress {
    pool: PgPool,
}

impl Progress {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The last position up to which everything was done; none if nothing was noted yet.
    pub async fn of(&self, reaction: &str) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query_as("select position from eventstore.progress where reaction = $1")
            .bind(reaction)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|(position,)| position))
    }

    /// After a restore: nothing from this position on was done, whatever was noted.
    pub async fn cut(&self, from: i64) -> Result<(), StoreError> {
        sqlx::query("update eventstore.progress set position = $1 - 1 where position >= $1")
            .bind(from)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Never goes back.
    pub async fn note(&self, reaction: &str, position: i64) -> Result<(), StoreError> {
        sqlx::query(
            "insert into eventstore.progress values ($1, $2)
             on conflict (reaction) do update set position = excluded.position
             where excluded.position > progress.position",
        )
        .bind(reaction)
        .bind(position)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
