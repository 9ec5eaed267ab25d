//! Who came in, and who tried to, as a person sees it for their own account.

use domain::id::{DeviceId, SessionId, TenantId, UserId};
use domain::moment::Moment;
use domain::personal::Personal;
use domain::session::{Session, SessionEvent};
use domain::sign_in_guard::{SignInGuard, SignInGuardEvent};
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::sessions::EXPORTED;
use crate::users::{at, shown};

pub struct LoginHistory {
    pub vault: Vault,
}

/// A sign-in, or an attempt at one.
#[derive(Clone, Debug, FromRow)]
pub struct LoginRow {
    pub at: OffsetDateTime,
    pub status: String,
    pub session_id: Option<i64>,
    pub device_id: Option<i64>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
}

/// Which sign-ins.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub from: Option<Moment>,
    /// Not included.
    pub until: Option<Moment>,
    pub status: Option<String>,
}

pub const SUCCESS: &str = "SUCCESS";
pub const FAILED: &str = "FAILED";

impl Projection for LoginHistory {
    const NAME: &'static str = "login_history";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/login_history.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        if let Some(UserEvent::UserErased {}) = event.event::<User>()? {
            sqlx::query(
                "update login_history set address = null, user_agent = null where user_id = $1",
            )
            .bind(event.id()?)
            .execute(connection)
            .await?;
            return Ok(());
        }
        if let Some(happened) = event.event::<Session>()? {
            return match happened {
                SessionEvent::SessionOpened { user, device, address, user_agent, .. } => {
                    let session = Some(SessionId::new(event.id()?));
                    let row = Row { user, status: SUCCESS, session, device, address, user_agent };
                    self.note(connection, event, row).await
                }
                SessionEvent::TokensRefreshed { .. }
                | SessionEvent::RefreshTokenReuseDetected { .. }
                | SessionEvent::SessionRevoked { .. } => Ok(()),
            };
        }
        match event.event::<SignInGuard>()? {
            Some(SignInGuardEvent::AttemptFailed { user: Some(user), address, user_agent }) => {
                let (session, device) = (None, None);
                let row = Row { user, status: FAILED, session, device, address, user_agent };
                self.note(connection, event, row).await
            }
            Some(
                SignInGuardEvent::AttemptFailed { user: None, .. }
                | SignInGuardEvent::AttemptCounted { .. }
                | SignInGuardEvent::GuardLocked { .. }
                | SignInGuardEvent::GuardOpened {}
                | SignInGuardEvent::LetterAsked { .. },
            )
            | None => Ok(()),
        }
    }
}

/// A row before what is sealed in it has been opened.
struct Row {
    user: UserId,
    status: &'static str,
    session: Option<SessionId>,
    device: Option<DeviceId>,
    address: Option<Personal<String>>,
    user_agent: Option<Personal<String>>,
}

impl LoginHistory {
    async fn note(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
        row: Row,
    ) -> Result<(), ApplyError> {
        let address = shown(&self.vault, event.tenant, row.address.as_ref()).await?;
        let user_agent = shown(&self.vault, event.tenant, row.user_agent.as_ref()).await?;
        sqlx::query(
            "insert into login_history (position, tenant, user_id, at, status, session_id,
                 device_id, address, user_agent)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(event.position)
        .bind(event.tenant.value())
        .bind(row.user.value())
        .bind(at(event.metadata.occurred_at))
        .bind(row.status)
        .bind(row.session.map(SessionId::value))
        .bind(row.device.map(DeviceId::value))
        .bind(address)
        .bind(user_agent)
        .execute(connection)
        .await?;
        Ok(())
    }
}

const MATCHING: &str = "tenant = $1 and user_id = $2 and ($3::timestamptz is null or at >= $3)
    and ($4::timestamptz is null or at < $4) and ($5::text is null or status = $5)";
const COLUMNS: &str = "at, status, session_id, device_id, address, user_agent";

impl Readers {
    /// A page of a person's sign-ins, newest first.
    pub async fn login_history(
        &self,
        tenant: TenantId,
        user: UserId,
        filter: &Filter,
        page: Page,
    ) -> Result<Paged<LoginRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let sql = format!("select count(*) from read_login_history.login_history where {MATCHING}");
        let (total,): (i64,) = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(user.value())
            .bind(filter.from.map(at))
            .bind(filter.until.map(at))
            .bind(&filter.status)
            .fetch_one(&mut *tx)
            .await?;
        let sql = format!(
            "select {COLUMNS} from read_login_history.login_history where {MATCHING}
             order by at desc, position desc limit $6 offset $7"
        );
        let items = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(user.value())
            .bind(filter.from.map(at))
            .bind(filter.until.map(at))
            .bind(&filter.status)
            .bind(page.limit())
            .bind(page.offset())
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }

    /// Everything that is known of sign-ins to a person's account, newest first: for the person.
    pub async fn every_login_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<LoginRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let sql = format!(
            "select {COLUMNS} from read_login_history.login_history
             where tenant = $1 and user_id = $2 order by at desc, position desc limit $3"
        );
        let rows = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(user.value())
            .bind(EXPORTED)
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// The sign-in before the one of this session: what somebody looks at to see whether it was them.
    pub async fn last_login(
        &self,
        tenant: TenantId,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<LoginRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let sql = format!(
            "select {COLUMNS} from read_login_history.login_history
             where tenant = $1 and user_id = $2 and status = '{SUCCESS}' and session_id <> $3
             order by at desc, position desc limit 1"
        );
        let row = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(user.value())
            .bind(session.value())
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(row)
    }
}
