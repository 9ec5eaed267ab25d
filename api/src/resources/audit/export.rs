//! A tenant's bundle, for auditors without a way to the database.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use domain::permission::Permission;
use eventstore::ledger::bundle::{Bundle, Scope};
use eventstore::ledger::export::{Export, ExportError};
use poem::Body;
use poem_openapi::payload::{Attachment, AttachmentType};
use poem_openapi::{ApiResponse, OpenApi};
use tempfile::TempDir;
use tokio::io::{AsyncRead, ReadBuf};

use super::places::{Place, Places};
use crate::http::authentication::{Caller, must_be_allowed};
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::resources::Tag;

/// The database has other things to do.
const AT_ONCE: usize = 2;
/// No bundle takes so long.
const LEFT_AFTER: Duration = Duration::from_secs(60 * 60);

pub struct AuditExport {
    export: Export,
    /// Where bundles are put together.
    folder: PathBuf,
    places: Places,
}

/// A file that is sent from a place.
struct Sent {
    file: tokio::fs::File,
    _place: Place,
}

impl AsyncRead for Sent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(context, buffer)
    }
}

/// A tar file.
#[derive(ApiResponse)]
enum Archive {
    /// The bundle: unpack it, and `caskchain audit verify` it.
    #[oai(status = 200, content_type = "application/x-tar")]
    Tar(Attachment<Body>),
}

impl AuditExport {
    pub fn new(export: Export, folder: PathBuf) -> Self {
        Self { export, folder, places: Places::new(AT_ONCE, 1) }
    }
}

#[OpenApi(tag = "Tag::Audit")]
impl AuditExport {
    /// All events of the tenant, as a bundle that can be verified offline
    ///
    /// A tar file, up to the last signed head. `docs/ledger.md` says what is in it and what verifying
    /// it proves. A tenant is sent one at a time, and few tenants at once: 503 meanwhile.
    #[oai(path = "/audit/export", method = "get", operation_id = "audit_export")]
    async fn audit_export(&self, caller: Caller) -> Result<Archive, Problem> {
        must_be_allowed(&caller.0, Permission::READ_AUDIT)?;
        let busy = || Problem::new(ErrorCode::ServerBusy);
        let tenant = caller.0.tenant();
        let place = self.places.take(tenant).ok_or_else(busy)?;
        let folder = self.folder.clone();
        let folder = tokio::task::spawn_blocking(move || prepared(&folder));
        let folder = folder.await.map_err(|error| Problem::internal(&error))?;
        let folder = folder.map_err(|error| Problem::internal(&error))?;
        let bundle = Bundle::at(&folder.path().join("bundle"));
        let scope = Scope::Tenant { tenant };
        // It may take as long as the request may.
        self.export.write(&bundle, &scope, false, |_| {}).await?;
        let packed = tokio::task::spawn_blocking(move || pack(&folder));
        let packed = packed.await.map_err(|error| Problem::internal(&error))?;
        let file = tokio::fs::File::from_std(packed.map_err(|error| Problem::internal(&error))?);
        let name = format!("caskchain-{tenant}.tar");
        // Whoever reads slowly keeps the place, and the file.
        let sent = Sent { file, _place: place };
        let attachment = Attachment::new(Body::from_async_read(sent)).filename(name);
        Ok(Archive::Tar(attachment.attachment_type(AttachmentType::Attachment)))
    }
}

/// A folder for one bundle, which goes with it; what a process left there that was killed goes now, as
/// far as it can be removed.
fn prepared(folder: &Path) -> io::Result<TempDir> {
    std::fs::create_dir_all(folder)?;
    for left in std::fs::read_dir(folder)?.flatten() {
        let modified = left.metadata().and_then(|of| of.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age > LEFT_AFTER)
            && let Err(error) = std::fs::remove_dir_all(left.path())
        {
            tracing::warn!(left = %left.path().display(), %error, "an old bundle stays");
        }
    }
    tempfile::tempdir_in(folder)
}

/// Into a file without a name, which goes when it has been sent.
fn pack(folder: &TempDir) -> io::Result<std::fs::File> {
    use std::io::{Seek, Write};
    let file = tempfile::tempfile_in(folder)?;
    let mut archive = tar::Builder::new(io::BufWriter::new(file));
    archive.append_dir_all("bundle", folder.path().join("bundle"))?;
    let mut writer = archive.into_inner()?;
    writer.flush()?;
    let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Database(reason) => {
                tracing::warn!(%reason, "a bundle was not written");
                Self::new(ErrorCode::DatabaseUnavailable)
            }
            ExportError::Ledger(error) => error.into(),
            ExportError::Empty => Self::new(ErrorCode::NotFound),
            _ => Self::internal(&error),
        }
    }
}
