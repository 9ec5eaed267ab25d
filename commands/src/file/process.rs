//! Renditions of images: ordered by their owners, made by a worker, recorded when they are in the
//! store.

use aws_lc_rs::digest::{SHA256, digest};
use domain::command::Command;
use domain::file::{
    File, Kept, Made, OrderRendition, Progress, RecordRendition, RefuseImage, Rendition, Unreadable,
};
use domain::id::{FileId, TenantId};
use domain::permission::Permission;

use super::{ORIGINAL, object};
use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};
use crate::outside::images::{self, Rendered};
use crate::outside::objects::ObjectError;

impl Commands {
    /// Asks for one more rendition.
    pub async fn order_rendition(
        &self,
        asked: &Asked,
        file: FileId,
        rendition: Rendition,
    ) -> Result<Done<FileId>, CommandError> {
        let by = asked.context.actor.user();
        let by = by.ok_or(CommandError::Forbidden(Permission::REGISTER_WHISKEY))?;
        let command = OrderRendition { by, rendition };
        self.execute::<File, _, _>(asked, &file.to_string(), &command, file).await
    }

    /// Makes what is ordered and not made yet. Asked twice, it makes the same again at worst.
    pub(crate) async fn make_renditions(
        &self,
        asked: &Asked,
        file: FileId,
        ordered: &[Rendition],
    ) -> Result<(), CommandError> {
        let tenant = asked.context.tenant();
        let loaded = self.store.load_fresh::<File>(tenant, &file.to_string()).await?;
        let Ok(kept) = loaded.state.kept() else {
            return Ok(());
        };
        let waiting = waiting(kept, ordered);
        if waiting.is_empty() {
            return Ok(());
        }
        match self.rendered(tenant, file, kept, waiting).await? {
            Ok(rendered) => self.keep_renditions(asked, file, rendered).await,
            Err(reason) => self.refuse_image(asked, file, reason).await,
        }
    }

    async fn rendered(
        &self,
        tenant: TenantId,
        file: FileId,
        kept: &Kept,
        waiting: Vec<Rendition>,
    ) -> Result<Result<Vec<Rendered>, Unreadable>, CommandError> {
        let original = match self.objects.get(&object(tenant, file, ORIGINAL)).await {
            Ok(original) => original,
            Err(ObjectError::Corrupt | ObjectError::Absent) => return Ok(Err(Unreadable::Changed)),
            Err(error @ ObjectError::Unavailable(_)) => return Err(error.into()),
        };
        if hex::encode(digest(&SHA256, &original)) != kept.sha256 {
            return Ok(Err(Unreadable::Changed));
        }
        Ok(images::render(kept.kind, original, waiting).await)
    }

    async fn keep_renditions(
        &self,
        asked: &Asked,
        file: FileId,
        rendered: Vec<Rendered>,
    ) -> Result<(), CommandError> {
        let tenant = asked.context.tenant();
        let mut made = Vec::new();
        for Rendered { rendition, width, height, bytes } in rendered {
            let sha256 = hex::encode(digest(&SHA256, &bytes));
            made.push(Made { rendition, width, height, size: bytes.len() as u64, sha256 });
            self.objects.put(&object(tenant, file, &rendition.name()), bytes.into()).await?;
        }
        let recorded = self.record_renditions(asked, file, made).await;
        if matches!(recorded, Err(CommandError::Refused { .. })) {
            // Deleted meanwhile: what was put there after it has to go, too.
            self.delete_objects(tenant, file).await?;
            return Ok(());
        }
        recorded
    }

    async fn record_renditions(
        &self,
        asked: &Asked,
        file: FileId,
        made: Vec<Made>,
    ) -> Result<(), CommandError> {
        let done = self.once(asked, || async {
            let tenant = asked.context.tenant();
            let loaded = self.store.load_fresh::<File>(tenant, &file.to_string()).await?;
            let mut events = Vec::new();
            for made in &made {
                let record = RecordRendition { made: made.clone() };
                events.extend(record.decide(&loaded.state)?);
            }
            self.commit(asked, &(), self.begin(asked).append(&loaded, events)).await
        });
        done.await.map(|_: Done<()>| ())
    }

    async fn refuse_image(
        &self,
        asked: &Asked,
        file: FileId,
        reason: Unreadable,
    ) -> Result<(), CommandError> {
        tracing::info!(%file, reason = reason.name(), "an image is not shown");
        let refuse = RefuseImage { reason };
        self.execute::<File, _, _>(asked, &file.to_string(), &refuse, ()).await.map(|_| ())
    }
}

fn waiting(kept: &Kept, ordered: &[Rendition]) -> Vec<Rendition> {
    let waits = |it: &&Rendition| kept.renditions.get(&it.name()) == Some(&Progress::Ordered);
    ordered.iter().filter(waits).copied().collect()
}
