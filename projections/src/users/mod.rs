//! People, as they may be shown to themselves.

mod person;

use domain::id::{TenantId, UserId};
use domain::moment::Moment;
use domain::personal::Personal;
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
pub(crate) use person::Person;
use serde::de::DeserializeOwned;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};

/// The fold. It opens what it shows.
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
    pub language: String,
    pub registered_at: OffsetDateTime,
    pub email_verified_at: Option<OffsetDateTime>,
    pub locked_until: Option<OffsetDateTime>,
}

impl Projection for Users {
    const NAME: &'static str = "users";
    const VERSION: i32 = 6;
    const TABLES: &'static str = include_str!("../../migrations/users.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(happened) = event.event::<User>()? else {
            return Ok(());
        };
        let before = match happened {
            UserEvent::UserRegistered { .. } => None,
            _ => Some(Person::from(load(connection, event.id()?).await?)),
        };
        let Some(person) = Person::after(before, event, happened)? else {
            return Ok(());
        };
        let row = person.opened(&self.vault, event.tenant).await?;
        save(connection, event.tenant, row).await
    }
}

async fn load(connection: &mut PgConnection, id: i64) -> Result<UserRow, sqlx::Error> {
    let sql = format!("select {COLUMNS} from users where user_id = $1");
    sqlx::query_as(&sql).bind(id).fetch_one(connection).await
}

async fn save(
    connection: &mut PgConnection,
    tenant: TenantId,
    row: UserRow,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into users (user_id, tenant, sequence, status, roles, email, username, full_name,
             phone, language, registered_at, email_verified_at, locked_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (user_id) do update
         set sequence = excluded.sequence, status = excluded.status, roles = excluded.roles,
             email = excluded.email, username = excluded.username,
             full_name = excluded.full_name, phone = excluded.phone,
             language = excluded.language, email_verified_at = excluded.email_verified_at,
             locked_until = excluded.locked_until",
    )
    .bind(row.user_id)
    .bind(tenant.value())
    .bind(row.sequence)
    .bind(row.status)
    .bind(row.roles)
    .bind(row.email)
    .bind(row.username)
    .bind(row.full_name)
    .bind(row.phone)
    .bind(row.language)
    .bind(row.registered_at)
    .bind(row.email_verified_at)
    .bind(row.locked_until)
    .execute(connection)
    .await?;
    Ok(())
}

/// The datum as text; none if there is none or it has been erased.
pub(crate) async fn shown<T: DeserializeOwned + Into<String>>(
    vault: &Vault,
    tenant: TenantId,
    datum: Option<&Personal<T>>,
) -> Result<Option<String>, ApplyError> {
    match datum {
        Some(datum) => Ok(vault.open(tenant, datum).await?.map(Into::into)),
        None => Ok(None),
    }
}

/// Events are folded by the time they name, so that a rebuild gives the same rows.
pub(crate) fn at(moment: Moment) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.unix_ms()) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Which people.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// How their address or one of their names begins.
    pub beginning: Option<String>,
    pub status: Option<String>,
    pub role: Option<String>,
}

const COLUMNS: &str = "user_id, sequence, status, roles, email, username, full_name, phone,
    language, registered_at, email_verified_at, locked_until";
const MATCHING: &str = "tenant = $1 and ($2::text is null or status = $2)
    and ($3::text is null or $3 = any (roles))
    and ($4::text is null or lower(email collate \"und-x-icu\") like $4
        or lower(username collate \"und-x-icu\") like $4
        or lower(full_name collate \"und-x-icu\") like $4)";

impl Readers {
    /// One person.
    pub async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let sql = format!("select {COLUMNS} from read_users.users where user_id = $1");
        let row = sqlx::query_as(&sql).bind(user.value()).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A page of people, newest first.
    pub async fn users(
        &self,
        tenant: TenantId,
        filter: &Filter,
        page: Page,
    ) -> Result<Paged<UserRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let pattern = filter.beginning.as_deref().map(beginning_with);
        let sql = format!("select count(*) from read_users.users where {MATCHING}");
        let (total,): (i64,) = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(&filter.status)
            .bind(&filter.role)
            .bind(&pattern)
            .fetch_one(&mut *tx)
            .await?;
        let sql = format!(
            "select {COLUMNS} from read_users.users where {MATCHING}
             order by user_id desc limit $5 offset $6"
        );
        let items = sqlx::query_as(&sql)
            .bind(tenant.value())
            .bind(&filter.status)
            .bind(&filter.role)
            .bind(&pattern)
            .bind(page.limit())
            .bind(page.offset())
            .fetch_all(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}

/// A pattern for what begins with the text, whatever stands in it.
fn beginning_with(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_no_pattern() {
        assert_eq!(beginning_with("Moira"), "moira%");
        assert_eq!(beginning_with("50%_\\"), "50\\%\\_\\\\%");
    }
}
