//! Sweeping the store: objects that no file in the log owns, because a process died between bytes
//! and event, or between event and deletion.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::file::File;
use domain::id::{FileId, TenantId};
use eventstore::StoreError;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::FILES;
use crate::error::CommandError;
use crate::execute::Commands;

/// Younger ones may belong to an upload under way.
const AGE: Duration = Duration::from_secs(60 * 60);
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

impl Commands {
    /// Once a day, until told to stop.
    pub async fn keep_sweeping(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match self.sweep_files(AGE).await {
                Ok(swept) => tracing::info!(swept, "files nobody owns were swept"),
                Err(error) => tracing::warn!(%error, "sweeping files was given up until tomorrow"),
            }
        }
    }

    /// Deletes the objects of files that are not there, if nothing was written to them for `age`;
    /// says of how many files.
    pub async fn sweep_files(&self, age: Duration) -> Result<usize, CommandError> {
        let mut listed = self.objects.list(FILES)?;
        let (mut old, mut young) = (BTreeSet::new(), BTreeSet::new());
        while let Some(object) = listed.try_next().await? {
            let Some(owner) = owner_of(&object.name) else {
                continue;
            };
            let is_old = object.written.elapsed().is_ok_and(|since| since >= age);
            if is_old {
                old.insert(owner)
            } else {
                young.insert(owner)
            };
        }
        let mut swept = 0;
        for (tenant, file) in old.difference(&young) {
            if !self.is_kept(*tenant, *file).await? {
                self.delete_objects(*tenant, *file).await?;
                swept += 1;
            }
        }
        let unfinished = self.objects.delete_unfinished(age);
        if let Err(error) = unfinished {
            tracing::warn!(%error, "unfinished uploads stay until the next sweep");
        }
        Ok(swept)
    }

    async fn is_kept(&self, tenant: TenantId, file: FileId) -> Result<bool, CommandError> {
        match self.store.load_fresh::<File>(tenant, &file.to_string()).await {
            Ok(loaded) => Ok(loaded.state.kept().is_ok()),
            Err(StoreError::Foreign) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whose object it is, by its name.
fn owner_of(name: &str) -> Option<(TenantId, FileId)> {
    let mut parts = name.split('/').skip(1);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
