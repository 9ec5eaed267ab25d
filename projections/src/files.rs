//! Files, with how far the work on them is.

use std::collections::BTreeMap;

use domain::file::{File, FileEvent, Made};
use domain::id::{FileId, TenantId, UserId};
use domain::user::{User, UserEvent};
use eventstore::Recorded;
use eventstore::vault::Vault;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use crate::page::{Page, Paged};
use crate::projection::{ApplyError, Projection};
use crate::reading::{ReadError, Readers};
use crate::users::{at, shown};

pub struct Files {
    pub vault: Vault,
}

/// A file.
#[derive(Clone, Debug, FromRow)]
pub struct FileRow {
    pub file_id: i64,
    pub tenant: i64,
    pub sequence: i64,
    pub owner: i64,
    pub kind: String,
    pub size: i64,
    pub sha256: String,
    pub name: Option<String>,
    pub public: bool,
    pub attached_to: Option<i64>,
    pub refused: Option<String>,
    pub renditions: Json<BTreeMap<String, Option<Made>>>,
    pub uploaded_at: OffsetDateTime,
}

const COLUMNS: &str = "file_id, tenant, sequence, owner, kind, size, sha256, name, public, \
    attached_to, refused, renditions, uploaded_at";

impl Projection for Files {
    const NAME: &'static str = "files";
    const VERSION: i32 = 1;
    const TABLES: &'static str = include_str!("../migrations/files.sql");

    async fn apply(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
    ) -> Result<(), ApplyError> {
        if let Some(UserEvent::UserErased {}) = event.event::<User>()? {
            sqlx::query("update files set name = null where owner = $1")
                .bind(event.id()?)
                .execute(connection)
                .await?;
            return Ok(());
        }
        let Some(happened) = event.event::<File>()? else {
            return Ok(());
        };
        let id = event.id()?;
        match happened {
            uploaded @ FileEvent::FileUploaded { .. } => {
                return self.uploaded(connection, event, uploaded).await;
            }
            FileEvent::FileDeleted { .. } => {
                sqlx::query("delete from files where file_id = $1")
                    .bind(id)
                    .execute(connection)
                    .await?;
                return Ok(());
            }
            FileEvent::RenditionsOrdered { renditions } => {
                let ordered = renditions.iter().map(|it| (it.name(), None)).collect();
                put(connection, id, ordered).await?;
            }
            FileEvent::RenditionMade { made } => {
                put(connection, id, BTreeMap::from([(made.rendition.name(), Some(made))])).await?;
            }
            FileEvent::ImageRefused { reason } => {
                let refused = "update files set refused = $2 where file_id = $1";
                sqlx::query(refused).bind(id).bind(reason.name()).execute(&mut *connection).await?;
            }
            FileEvent::FileAttached { whiskey } => {
                attach(connection, id, Some(whiskey.value())).await?;
            }
            FileEvent::FileDetached { .. } => attach(connection, id, None).await?,
        }
        sqlx::query("update files set sequence = $2 where file_id = $1")
            .bind(id)
            .bind(event.sequence)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Files {
    async fn uploaded(
        &self,
        connection: &mut PgConnection,
        event: &Recorded,
        uploaded: FileEvent,
    ) -> Result<(), ApplyError> {
        let FileEvent::FileUploaded { owner, kind, size, sha256, name, public } = uploaded else {
            return Ok(());
        };
        sqlx::query(
            "insert into files (file_id, tenant, sequence, owner, kind, size, sha256, name, public,
                 uploaded_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(event.id()?)
        .bind(event.tenant.value())
        .bind(event.sequence)
        .bind(owner.value())
        .bind(kind.name())
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .bind(sha256)
        .bind(shown(&self.vault, event.tenant, name.as_ref()).await?)
        .bind(public)
        .bind(at(event.metadata.occurred_at))
        .execute(connection)
        .await?;
        Ok(())
    }
}

async fn put(
    connection: &mut PgConnection,
    id: i64,
    renditions: BTreeMap<String, Option<Made>>,
) -> Result<(), ApplyError> {
    sqlx::query("update files set renditions = renditions || $2 where file_id = $1")
        .bind(id)
        .bind(Json(renditions))
        .execute(connection)
        .await?;
    Ok(())
}

async fn attach(
    connection: &mut PgConnection,
    id: i64,
    whiskey: Option<i64>,
) -> Result<(), ApplyError> {
    sqlx::query("update files set attached_to = $2 where file_id = $1")
        .bind(id)
        .bind(whiskey)
        .execute(connection)
        .await?;
    Ok(())
}

impl Readers {
    /// A file of a tenant's, or a public one of any.
    pub async fn file(
        &self,
        tenant: Option<TenantId>,
        file: FileId,
    ) -> Result<Option<FileRow>, ReadError> {
        let mut tx = match tenant {
            Some(tenant) => self.tenant(tenant).await?,
            None => self.public().await?,
        };
        let row =
            sqlx::query_as(&format!("select {COLUMNS} from read_files.files where file_id = $1"))
                .bind(file.value())
                .fetch_optional(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// A person's files, newest first.
    pub async fn files_of(
        &self,
        tenant: TenantId,
        owner: UserId,
        page: Page,
    ) -> Result<Paged<FileRow>, ReadError> {
        let mut tx = self.tenant(tenant).await?;
        let items = sqlx::query_as(&format!(
            "select {COLUMNS} from read_files.files where tenant = $1 and owner = $2
             order by file_id desc limit $3 offset $4"
        ))
        .bind(tenant.value())
        .bind(owner.value())
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *tx)
        .await?;
        let total = sqlx::query_scalar(
            "select count(*) from read_files.files where tenant = $1 and owner = $2",
        )
        .bind(tenant.value())
        .bind(owner.value())
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Paged { items, total })
    }
}
