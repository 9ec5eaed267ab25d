//! The ledger's name after a restore: it goes on if nothing is lost that was signed, and is used up for ever
//! if something is.

use std::path::PathBuf;

use commands::Commands;
use domain::ledger::SignedHead;
use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::hash::sha256;
use eventstore::ledger::keeper::Keeper;
use eventstore::ledger::read::{Ledger, Which};

use super::lost::durable;
use crate::backup::failed;
use crate::wiring::StartError;

/// What stands in the name of a head file whose ledger has ended.
const ENDED: &str = "-lost-at-";

pub struct Name<'a> {
    pub ledger: &'a Ledger,
    pub commands: &'a Commands,
    /// As it is configured now.
    pub origin: &'a str,
    pub head_file: PathBuf,
    /// Somebody who knows says that no head of this log was ever signed.
    pub never_signed: bool,
}

impl Name<'_> {
    /// The last head that was signed under a name that ends here, and from where on events may be lost;
    /// `from` is what the stream says of that.
    pub async fn ended(&self, from: u64) -> Result<(u64, Option<SignedHead>), StartError> {
        self.must_be_unused().await?;
        let known = self.known_to_the_database().await?;
        let kept = Keeper::new(self.head_file.clone()).last().map_err(StartError::of)?;
        let Some(kept) = kept else {
            return self.without_a_file(known, from).await;
        };
        // The signer keeps a head before anybody sees it.
        if let Some(known) = known.filter(|known| known.size > kept.size) {
            let what =
                "the signer's head file is not its last one: the database has heads beyond it";
            return Ok((from, Some(self.ended_with(known, what)?)));
        }
        if kept.size > from {
            let what = format!(
                "{} events were signed, and the restored log has {from} of them",
                kept.size
            );
            return Ok((from, Some(self.ended_with(kept, &what)?)));
        }
        let edge = self.ledger.edge_over(kept.size).await.map_err(StartError::of)?;
        if edge.root() != kept.root {
            let what = format!(
                "the restored log is not the one whose head of {} events was signed. If this is the \
                 right backup",
                kept.size
            );
            // Where the two part nobody can say.
            return Ok((0, Some(self.ended_with(kept, &what)?)));
        }
        if kept.origin != self.origin {
            return Err(StartError::Other(format!(
                "nothing is lost that was signed: the ledger keeps its origin {}",
                kept.origin
            )));
        }
        Ok((from, None))
    }

    /// Nobody knows how far the signer went; that it went on is to be expected.
    async fn without_a_file(
        &self,
        known: Option<Checkpoint>,
        from: u64,
    ) -> Result<(u64, Option<SignedHead>), StartError> {
        if let Some(known) = known {
            let what = "the signer's head file is gone, so nobody knows how much was signed";
            return Ok((from, Some(self.ended_with(known, what)?)));
        }
        if self.never_signed || self.ledger.next_position().await.map_err(StartError::of)? == 0 {
            return Ok((from, None));
        }
        Err(StartError::of(
            "there is no head file, and the database has no signed head: if no sequencer ever ran, say so \
             with --never-signed",
        ))
    }

    /// The name of this head is not the configured one any more, or nothing goes on.
    fn ended_with(&self, head: Checkpoint, what: &str) -> Result<SignedHead, StartError> {
        if head.origin == self.origin {
            return Err(StartError::Other(format!(
                "{what}. No other history may carry the name {}: set another ledger.origin everywhere, \
                 and run this again",
                head.origin
            )));
        }
        let Checkpoint { origin, size, root } = head;
        Ok(SignedHead { origin, size, root: hex::encode(root) })
    }

    async fn known_to_the_database(&self) -> Result<Option<Checkpoint>, StartError> {
        let head = self.ledger.head(Which::Newest).await.map_err(StartError::of)?;
        let head = head.map(|head| Checkpoint::parse(&head.note.text)).transpose();
        head.map_err(StartError::of)
    }

    /// A name that ended in an earlier restore, by the log or by what lies beside the head file.
    async fn must_be_unused(&self) -> Result<(), StartError> {
        let told = self.commands.has_ledger_ended(self.origin).await;
        let mut has_ended = told.map_err(StartError::of)?;
        if let Some(folder) = self.head_file.parent().filter(|folder| folder.exists()) {
            for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
                let path = entry.map_err(failed(folder))?.path();
                if path.to_string_lossy().contains(ENDED) {
                    let head = Keeper::new(path).last().map_err(StartError::of)?;
                    has_ended |= head.is_some_and(|head| head.origin == self.origin);
                }
            }
        }
        if has_ended {
            let what =
                format!("{} ended in an earlier restore: set another ledger.origin", self.origin);
            return Err(StartError::Other(what));
        }
        Ok(())
    }

    /// The signer goes on from what is left, under its new name and under no other: whoever still has the
    /// old one configured is refused. The old head stays beside the new one.
    pub async fn begin(&self, from: u64) -> Result<(), StartError> {
        let file = &self.head_file;
        let kept = Keeper::new(file.clone()).last().map_err(StartError::of)?;
        if kept.as_ref().is_some_and(|kept| kept.origin == self.origin) {
            return Ok(());
        }
        let root = self.ledger.edge_over(from).await.map_err(StartError::of)?.root();
        let draft = file.with_extension("draft");
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&draft)(error));
            }
            _ => {}
        }
        let head = Checkpoint { origin: self.origin.to_owned(), size: from, root };
        Keeper::new(draft.clone()).advance(&head, &[]).map_err(StartError::of)?;
        if let Some(kept) = kept {
            let name = hex::encode(&sha256(kept.origin.as_bytes())[..4]);
            let away = file.with_extension(format!("{name}{ENDED}{}", kept.size));
            if !away.exists() {
                std::fs::hard_link(file, &away).map_err(failed(&away))?;
            }
        }
        std::fs::rename(&draft, file).map_err(failed(file))?;
        durable(file)
    }
}
