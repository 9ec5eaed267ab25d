//! People, as they may be shown to themselves.

use domain::id::{TenantId, UserId};
use domain::moment::Moment;
use domain::personal::Personal;
use domain::user::{Name, User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};

/// The fold. It opens what it shows; nothing else of the read side opens the vault.
pub struct Users {
    pub vault: Vault,
}

/// A person.
#[derive(Clone, Debug, FromRow)]
pub struct UserRow {
    pub user_id: i64,
    pub sequence: i64,
    pub status: String,
    pub roles: Vec<String>,
    pub email: Option<String>,
    pub username: Option<String>,
    pub full_name: Option<String>,
    pub phone: Option<String>,
    pub registered_at: OffsetDateTime,
    pub email_verified_at: Option<OffsetDateTime>,
}

impl Projection for Users {
    const NAME: &'static str = "users";
    const VERSION: i32 = 4;
    const TABLES: &'static str = include_str!("../migrations/users.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<User>()? else {
            return Ok(());
        };
        let id = event.id()?;
        let at = at(event.metadata.occurred_at);
        match happened {
            UserEvent::UserRegistered { email, username, full_name, phone, .. } => {
                let email = self.shown(event.tenant, Some(&email)).await?;
                let username = self.shown(event.tenant, username.as_ref()).await?;
                let full_name = self.shown(event.tenant, full_name.as_ref()).await?;
                let phone = self.shown(event.tenant, phone.as_ref()).await?;
                sqlx::query(
                    "insert into users (user_id, tenant, sequence, status, roles, email, username,
                         full_name, phone, registered_at)
                     values ($1, $2, 0, 'PENDING', '{}', $3, $4, $5, $6, $7)",
                )
                .bind(id)
                .bind(event.tenant.value())
                .bind(email)
                .bind(username)
                .bind(full_name)
                .bind(phone)
                .bind(at)
                .execute(&mut *connection)
                .await?;
            }
            UserEvent::EmailVerified {} => {
                sqlx::query(
                    "update users set status = 'ACTIVE', roles = '{member}', email_verified_at = $2
                     where user_id = $1",
                )
                .bind(id)
                .bind(at)
                .execute(&mut *connection)
                .await?;
            }
            UserEvent::RoleAssigned { role } => {
                sqlx::query("update users set roles = array_append(roles, $2) where user_id = $1")
                    .bind(id)
                    .bind(role.name())
                    .execute(&mut *connection)
                    .await?;
            }
            UserEvent::UserStatusChanged { status } => {
                sqlx::query("update users set status = $2 where user_id = $1")
                    .bind(id)
                    .bind(status.name())
                    .execute(&mut *connection)
                    .await?;
            }
            UserEvent::AccountLocked { until, .. } => {
                sqlx::query("update users set locked_until = $2 where user_id = $1")
                    .bind(id)
                    .bind(self::at(until))
                    .execute(&mut *connection)
                    .await?;
            }
            UserEvent::AccountUnlocked {} | UserEvent::PasswordReset { .. } => {
                sqlx::query("update users set locked_until = null where user_id = $1")
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
            UserEvent::NameWithdrawn { name } => {
                let column = match name {
                    Name::Username => "username",
                    Name::Phone => "phone",
                };
                sqlx::query(&format!("update users set {column} = null where user_id = $1"))
                    .bind(id)
                    .execute(&mut *connection)
                    .await?;
            }
            UserEvent::UserErased {} => {
                sqlx::query(
                    "update users set status = 'ERASED', roles = '{}', email = null,
                         username = null, full_name = null, phone = null, locked_until = null
                     where user_id = $1",
                )
                .bind(id)
                .execute(&mut *connection)
                .await?;
            }
            UserEvent::RegistrationAttempted { .. }
            | UserEvent::EmailVerificationRequested { .. }
            | UserEvent::PasswordResetRequested { .. }
            | UserEvent::PasswordChanged { .. }
            | UserEvent::PasswordRehashed { .. } => {}
        }
        sqlx::query("update users set sequence = $2 where user_id = $1")
            .bind(id)
            .bind(event.sequence)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Users {
    /// The datum as text; none if there is none or it has been erased.
    async fn shown<T: DeserializeOwned + Into<String>>(
        &self,
        tenant: TenantId,
        datum: Option<&Personal<T>>,
    ) -> Result<Option<String>, ApplyError> {
        match datum {
            Some(datum) => Ok(self.vault.open(tenant, datum).await?.map(Into::into)),
            None => Ok(None),
        }
    }
}

/// Events are folded by the time they name, so that a rebuild gives the same rows.
pub(crate) fn at(moment: Moment) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.unix_ms()) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

impl Readers {
    /// One person.
    pub async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let row = sqlx::query_as(
            "select user_id, sequence, status, roles, email, username, full_name, phone,
                 registered_at, email_verified_at
             from read_users.users where user_id = $1",
        )
        .bind(user.value())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row)
    }
}
