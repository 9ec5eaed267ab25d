//! What an administrator should look at.

use domain::id::{SessionId, TenantId, UserId};
use domain::session::{Session, SessionEvent};
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct Alerts;

/// Something that should not happen to somebody who is careful.
#[derive(Clone, Debug, FromRow)]
pub struct AlertRow {
    /// Of the event that says so.
    pub position: i64,
    pub kind: String,
    pub user_id: i64,
    pub session_id: Option<i64>,
    pub at: OffsetDateTime,
}

/// A refresh token was shown again that had been changed: somebody has a copy.
pub const TOKEN_REUSED: &str = "TOKEN_REUSED";
/// Too many wrong passwords.
pub const ACCOUNT_LOCKED: &str = "ACCOUNT_LOCKED";

impl Projection for Alerts {
    const NAME: &'static str = "alerts";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/alerts.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let session = event.event::<Session>()?;
        if let Some(SessionEvent::RefreshTokenReuseDetected { user, .. }) = session {
            let session = Some(SessionId::new(event.id()?));
            return note(connection, event, TOKEN_REUSED, user, session).await;
        }
        if let Some(UserEvent::AccountLocked { .. }) = event.event::<User>()? {
            return note(connection, event, ACCOUNT_LOCKED, UserId::new(event.id()?), None).await;
        }
        Ok(())
    }
}

async fn note(
    connection: &mut PgConnection,
    event: &Recorded,
    kind: &str,
    user: UserId,
    session: Option<SessionId>,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into alerts (position, tenant, kind, user_id, session_id, at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(event.position)
    .bind(event.tenant.value())
    .bind(kind)
    .bind(user.value())
    .bind(session.map(SessionId::value))
    .bind(at(event.metadata.occurred_at))
    .execute(connection)
    .await?;
    Ok(())
}

impl Readers {
    /// A page of a tenant's alerts, newest first.
    pub async fn alerts(
        &self,
        tenant: TenantId,
        kind: Option<&str>,
        page: Page,
    ) -> Result<Paged<AlertRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let (total,): (i64,) = sqlx::query_as(
            "select count(*) from read_alerts.alerts
             where tenant = $1 and ($2::text is null or kind = $2)",
        )
        .bind(tenant.value())
        .bind(kind)
        .fetch_one(&mut *tx)
        .await?;
        let items = sqlx::query_as(
            "select position, kind, user_id, session_id, at from read_alerts.alerts
             where tenant = $1 and ($2::text is null or kind = $2)
             order by position desc limit $3 offset $4",
        )
        .bind(tenant.value())
        .bind(kind)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}
