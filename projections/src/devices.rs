//! Devices, as a person sees their own.

use domain::devices::{Devices as DevicesAggregate, DevicesEvent};
use domain::id::{TenantId, UserId};
use domain::session::{Session, SessionEvent};
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::{at, shown};

pub struct Devices {
    pub vault: Vault,
}

/// Something somebody signed in with.
#[derive(Clone, Debug, FromRow)]
pub struct DeviceRow {
    pub device_id: i64,
    pub name: Option<String>,
    pub user_agent: Option<String>,
    /// Of its last sign-in.
    pub address: Option<String>,
    pub trusted: bool,
    pub blocked: bool,
    pub added_at: OffsetDateTime,
    /// When somebody last signed in with it.
    pub seen_at: OffsetDateTime,
}

impl Projection for Devices {
    const NAME: &'static str = "devices";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/devices.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        if let Some(UserEvent::UserErased {}) = event.event::<User>()? {
            sqlx::query("delete from devices where user_id = $1")
                .bind(event.id()?)
                .execute(connection)
                .await?;
            return Ok(());
        }
        if let Some(happened) = event.event::<Session>()? {
            return self.seen(connection, event, happened).await;
        }
        let Some(happened) = event.event::<DevicesAggregate>()? else {
            return Ok(());
        };
        let (change, device) = match happened {
            DevicesEvent::DeviceAdded { device, name, user_agent, address, .. } => {
                let name = shown(&self.vault, event.tenant, name.as_ref()).await?;
                let user_agent = shown(&self.vault, event.tenant, user_agent.as_ref()).await?;
                let address = shown(&self.vault, event.tenant, address.as_ref()).await?;
                sqlx::query(
                    "insert into devices (device_id, tenant, user_id, name, user_agent, address,
                         trusted, blocked, added_at, seen_at)
                     values ($1, $2, $3, $4, $5, $6, false, false, $7, $7)",
                )
                .bind(device.value())
                .bind(event.tenant.value())
                .bind(event.id()?)
                .bind(name)
                .bind(user_agent)
                .bind(address)
                .bind(at(event.metadata.occurred_at))
                .execute(connection)
                .await?;
                return Ok(());
            }
            DevicesEvent::DeviceTrusted { device } => {
                ("update devices set trusted = true where device_id = $1", device)
            }
            DevicesEvent::DeviceDistrusted { device } => {
                ("update devices set trusted = false where device_id = $1", device)
            }
            DevicesEvent::DeviceBlocked { device } => {
                ("update devices set blocked = true, trusted = false where device_id = $1", device)
            }
            DevicesEvent::DeviceForgotten { device } => {
                ("delete from devices where device_id = $1", device)
            }
        };
        sqlx::query(change).bind(device.value()).execute(connection).await?;
        Ok(())
    }
}

impl Devices {
    async fn seen(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
        happened: SessionEvent,
    ) -> Result<(), ApplyError> {
        match happened {
            SessionEvent::SessionOpened { device: Some(device), address, .. } => {
                let address = shown(&self.vault, event.tenant, address.as_ref()).await?;
                sqlx::query("update devices set seen_at = $2, address = $3 where device_id = $1")
                    .bind(device.value())
                    .bind(at(event.metadata.occurred_at))
                    .bind(address)
                    .execute(connection)
                    .await?;
            }
            SessionEvent::SessionOpened { device: None, .. }
            | SessionEvent::TokensRefreshed { .. }
            | SessionEvent::RefreshTokenReuseDetected { .. }
            | SessionEvent::SessionRevoked { .. } => {}
        }
        Ok(())
    }
}

impl Readers {
    /// A person's devices, the one used last first. There are never many.
    pub async fn devices_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DeviceRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let rows = sqlx::query_as(
            "select device_id, name, user_agent, address, trusted, blocked, added_at, seen_at
             from read_devices.devices where tenant = $1 and user_id = $2
             order by seen_at desc, device_id desc",
        )
        .bind(tenant.value())
        .bind(user.value())
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows)
    }
}
