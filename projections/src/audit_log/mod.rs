//! The audit log: who did what to which thing, when, from where, and what it changed.

mod told;

use domain::id::{SessionId, TenantId};
use domain::permission::ActorType;
use eventstore::Recorded;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;

use self::told::{Told, told};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::at;

pub struct AuditLog;

/// Something somebody did. What is personal is a reference to the vault.
#[derive(Clone, Debug, FromRow)]
pub struct AuditRow {
    pub position: i64,
    /// When it was recorded.
    pub at: OffsetDateTime,
    pub actor_type: String,
    pub actor: String,
    pub session_id: Option<i64>,
    pub action: String,
    pub entity_type: String,
    pub entity_id: String,
    pub before: Json<Value>,
    pub after: Json<Value>,
    pub address: Option<Json<Value>>,
    pub user_agent: Option<Json<Value>>,
    /// Where the session was opened from that it was done in.
    pub session_address: Option<Json<Value>>,
    pub session_user_agent: Option<Json<Value>>,
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub entity_type: Option<String>,
    pub entity_id: Option<String>,
    /// Positions, the first included and the second not.
    pub from: Option<i64>,
    pub before: Option<i64>,
}

/// More than this are not counted.
pub const COUNTED: i64 = 10_000;

impl Projection for AuditLog {
    const NAME: &'static str = "audit_log";
    const VERSION: i32 = 2;
    const TABLES: &'static str = include_str!("../../migrations/audit_log.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(told) = told(event)? else {
            return Ok(());
        };
        if event.event_type == "session.opened" {
            note_session(connection, event, &told).await?;
        }
        note(connection, event, told).await
    }
}

/// One statement: what the entity was known to be, what it is now, and the difference. What was not
/// known and is not given is no difference.
async fn note(
    connection: &mut PgConnection,
    event: &Recorded,
    told: Told,
) -> Result<(), ApplyError> {
    let metadata = &event.metadata;
    sqlx::query(
        "with changed as (
             select key, coalesce(e.fields -> key, 'null') as before, value as after
             from jsonb_each($10) left join entities e
                 on e.tenant = $2 and e.entity_type = $8 and e.entity_id = $9
             where coalesce(e.fields -> key, 'null') <> value
         ), kept as (
             insert into entities as e (tenant, entity_type, entity_id, fields)
             select $2, $8, $9, $10 where $10 <> '{}'
             on conflict (tenant, entity_type, entity_id) do update
             set fields = e.fields || excluded.fields
         )
         insert into audit_log (position, tenant, at, actor_type, actor, session_id, action,
             entity_type, entity_id, before, after, address, user_agent)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9,
             coalesce(jsonb_object_agg(key, before) filter (where key is not null), '{}'),
             coalesce(jsonb_object_agg(key, after) filter (where key is not null), '{}'),
             $11, $12
         from changed",
    )
    .bind(event.position)
    .bind(event.tenant.value())
    .bind(at(event.recorded_at))
    .bind(actor_type(metadata.actor_type))
    .bind(&metadata.actor)
    .bind(metadata.session_id.map(SessionId::value))
    .bind(&event.event_type)
    .bind(told.entity_type)
    .bind(told.entity_id)
    .bind(Json(told.fields))
    .bind(told.address.map(Json))
    .bind(told.user_agent.map(Json))
    .execute(connection)
    .await?;
    Ok(())
}

async fn note_session(
    connection: &mut PgConnection,
    event: &Recorded,
    told: &Told,
) -> Result<(), ApplyError> {
    sqlx::query(
        "insert into sessions (session_id, tenant, address, user_agent) values ($1, $2, $3, $4)",
    )
    .bind(event.id()?)
    .bind(event.tenant.value())
    .bind(told.address.as_ref().map(Json))
    .bind(told.user_agent.as_ref().map(Json))
    .execute(connection)
    .await?;
    Ok(())
}

const fn actor_type(actor_type: ActorType) -> &'static str {
    match actor_type {
        ActorType::Anonymous => "anonymous",
        ActorType::User => "user",
        ActorType::System => "system",
    }
}

impl Filter {
    fn conditions<'a>(&'a self, tenant: TenantId, query: &mut QueryBuilder<'a, Postgres>) {
        query.push(" where a.tenant = ").push_bind(tenant.value());
        let texts = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("entity_type", &self.entity_type),
            ("entity_id", &self.entity_id),
        ];
        for (column, wanted) in texts {
            if let Some(wanted) = wanted {
                query.push(format!(" and a.{column} = ")).push_bind(wanted);
            }
        }
        for (comparison, bound) in [(">=", self.from), ("<", self.before)] {
            if let Some(bound) = bound {
                query.push(format!(" and a.position {comparison} ")).push_bind(bound);
            }
        }
    }
}

impl Readers {
    /// What was done, newest first, and how much of it there is, counted up to a bound.
    pub async fn audit_log(
        &self,
        tenant: TenantId,
        filter: &Filter,
        cursor: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<AuditRow>, i64), ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let mut counting =
            QueryBuilder::new("select count(*) from (select from read_audit_log.audit_log a");
        filter.conditions(tenant, &mut counting);
        counting.push(" limit ").push_bind(COUNTED).push(") counted");
        let (total,): (i64,) = counting.build_query_as().fetch_one(&mut *tx).await?;
        let mut query = QueryBuilder::new(
            "select a.position, a.at, a.actor_type, a.actor, a.session_id, a.action, a.entity_type,
                 a.entity_id, a.before, a.after, a.address, a.user_agent,
                 s.address as session_address, s.user_agent as session_user_agent
             from read_audit_log.audit_log a left join read_audit_log.sessions s
                 on s.tenant = a.tenant and s.session_id = a.session_id",
        );
        filter.conditions(tenant, &mut query);
        if let Some(cursor) = cursor {
            query.push(" and a.position < ").push_bind(cursor);
        }
        query.push(" order by a.position desc limit ").push_bind(i64::from(limit));
        let rows = query.build_query_as().fetch_all(&mut *tx).await?;
        tx.commit().await?;
        Ok((rows, total))
    }
}
