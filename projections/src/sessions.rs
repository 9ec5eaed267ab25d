//! Sessions, as a person sees their own.

use domain::id::{DeviceId, TenantId, UserId};
use domain::session::{Session, SessionEvent};
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::{at, shown};

pub struct Sessions {
    pub vault: Vault,
}

/// A sign-in.
#[derive(Clone, Debug, FromRow)]
pub struct SessionRow {
    pub session_id: i64,
    pub device_id: Option<i64>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub remember_me: bool,
    pub opened_at: OffsetDateTime,
    /// When tokens were last asked for.
    pub used_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// How many entries of a list a person takes with them: the newest.
pub(crate) const EXPORTED: i64 = 10_000;
/// How many sessions are shown: the newest.
const SHOWN: i64 = 100;

impl Projection for Sessions {
    const NAME: &'static str = "sessions";
    const VERSION: i32 = 5;
    const TABLES: &'static str = include_str!("../migrations/sessions.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        if let Some(UserEvent::UserErased {}) = event.event::<User>()? {
            sqlx::query("update sessions set address = null, user_agent = null where user_id = $1")
                .bind(event.id()?)
                .execute(connection)
                .await?;
            return Ok(());
        }
        let Some(happened) = event.event::<Session>()? else {
            return Ok(());
        };
        match happened {
            SessionEvent::SessionOpened {
                user,
                device,
                address,
                user_agent,
                remember_me,
                expires_at,
            } => {
                let address = shown(&self.vault, event.tenant, address.as_ref()).await?;
                let user_agent = shown(&self.vault, event.tenant, user_agent.as_ref()).await?;
                sqlx::query(
                    "insert into sessions (session_id, tenant, user_id, address, user_agent,
                         remember_me, opened_at, used_at, expires_at, device_id)
                     values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)",
                )
                .bind(event.id()?)
                .bind(event.tenant.value())
                .bind(user.value())
                .bind(address)
                .bind(user_agent)
                .bind(remember_me)
                .bind(at(event.metadata.occurred_at))
                .bind(at(expires_at))
                .bind(device.map(DeviceId::value))
                .execute(connection)
                .await?;
            }
            SessionEvent::TokensRefreshed { at: used_at, expires_at, .. } => {
                sqlx::query(
                    "update sessions set used_at = $2, expires_at = $3 where session_id = $1",
                )
                .bind(event.id()?)
                .bind(at(used_at))
                .bind(at(expires_at))
                .execute(connection)
                .await?;
            }
            SessionEvent::RefreshTokenReuseDetected { .. } => {}
            SessionEvent::SessionRevoked { .. } => {
                sqlx::query("update sessions set ended_at = $2 where session_id = $1")
                    .bind(event.id()?)
                    .bind(at(event.metadata.occurred_at))
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}

impl Readers {
    /// Everything that is known of a person's sessions, newest first: for the person.
    pub async fn every_session_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<SessionRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let rows = sqlx::query_as(
            "select session_id, device_id, address, user_agent, remember_me, opened_at, used_at, expires_at
             from read_sessions.sessions where user_id = $1
             order by opened_at desc, session_id desc limit $2",
        )
        .bind(user.value())
        .bind(EXPORTED)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// A person's sessions that are not over, newest first.
    pub async fn sessions_of(
        &self,
        tenant: TenantId,
        user: UserId,
        now: domain::moment::Moment,
    ) -> Result<Vec<SessionRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let rows = sqlx::query_as(
            "select session_id, device_id, address, user_agent, remember_me, opened_at, used_at, expires_at
             from read_sessions.sessions
             where user_id = $1 and expires_at > $2 and ended_at is null
             order by opened_at desc, session_id desc limit $3",
        )
        .bind(user.value())
        .bind(at(now))
        .bind(SHOWN)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows)
    }
}
