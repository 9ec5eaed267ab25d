//! Files: renditions are made of images, and bytes go when their file or its owner is gone.

use async_nats::jetstream::Context;
use domain::file::{File, FileEvent, Rendition};
use domain::id::{FileId, UserId};
use domain::user::{User, UserEvent};
use eventstore::{Context as Circumstances, Recorded};
use tokio_util::sync::CancellationToken;

use super::subscription::{ReactionError, Subscription};
use crate::execute::{Asked, Commands};

/// One image at a time in each process: a large one takes hundreds of MiB.
const RENDITIONS: Subscription = Subscription {
    name: "renditions",
    at_once: 1,
    subjects: &["caskchain.events.*.file.*.renditions_ordered"],
};
const DELETIONS: Subscription = Subscription {
    name: "deletions",
    at_once: 1,
    subjects: &["caskchain.events.*.file.*.deleted", "caskchain.events.*.user.*.erased"],
};

const NAME: &str = "files";

/// Works on files.
#[derive(Clone)]
pub struct FileWorker {
    pub commands: Commands,
}

impl FileWorker {
    pub async fn run(self, jetstream: Context, stop: CancellationToken) {
        let progress = self.commands.store.progress();
        let renditions =
            RENDITIONS
                .run(jetstream.clone(), progress.clone(), stop.clone(), |event| self.render(event));
        let deletions =
            DELETIONS.run(jetstream, progress, stop.clone(), |event| self.delete(event));
        let sweeping = self.commands.clone().keep_sweeping(stop);
        tokio::join!(renditions, deletions, sweeping);
    }

    async fn render(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let Some(ordered) = ordered(&recorded)? else {
            return Ok(());
        };
        let file = FileId::new(recorded.id().map_err(failed)?);
        let asked = asked(&recorded);
        Ok(self.commands.make_renditions(&asked, file, &ordered).await?)
    }

    async fn delete(&self, recorded: Recorded) -> Result<(), ReactionError> {
        let id = recorded.id().map_err(failed)?;
        if let Some(UserEvent::UserErased {}) = recorded.event::<User>().map_err(failed)? {
            let user = UserId::new(id);
            return Ok(self.commands.withdraw_files_of(&asked(&recorded), user).await?);
        }
        if let Some(FileEvent::FileDeleted { .. }) = recorded.event::<File>().map_err(failed)? {
            let deleted = self.commands.delete_objects(recorded.tenant, FileId::new(id)).await;
            return deleted.map_err(|error| ReactionError::NotYet(error.to_string()));
        }
        Ok(())
    }
}

fn ordered(recorded: &Recorded) -> Result<Option<Vec<Rendition>>, ReactionError> {
    match recorded.event::<File>().map_err(failed)? {
        Some(FileEvent::RenditionsOrdered { renditions }) => Ok(Some(renditions)),
        Some(_) | None => Ok(None),
    }
}

fn asked(recorded: &Recorded) -> Asked {
    let cause = format!("event:{}", recorded.position);
    let correlation = &recorded.metadata.correlation_id;
    Asked::by(Circumstances::system(recorded.tenant, NAME, correlation, &cause))
}

fn failed(error: impl std::fmt::Display) -> ReactionError {
    ReactionError::Failed(error.to_string())
}
