//! Handing bytes to the network, from the log and from nowhere else.

use std::time::Instant;

use domain::nft::{Nft, RecordSubmission};

use super::lane::LaneWorker;
use super::look::Numbered;
use super::memory::Memory;
use super::record::{Change, for_each_mint};
use crate::reactions::ReactionError;

/// What was sent is sent again after so many blocks' times: pools forget.
const AGAIN_AFTER_BLOCKS: u32 = 2;
const SUBMITTED: &str = "submitted";

impl LaneWorker {
    /// Sends the newest bytes of the lowest slots, where they were not sent lately.
    pub async fn send(
        &self,
        pending: &[Numbered],
        memory: &mut Memory,
    ) -> Result<(), ReactionError> {
        let (now, again) = (Instant::now(), self.chain.block_time() * AGAIN_AFTER_BLOCKS);
        let due: Vec<_> = pending
            .iter()
            .take(self.in_flight)
            .filter_map(|(nonce, slot)| Some((*nonce, slot, slot.attempts.last()?)))
            .filter(|(nonce, _, newest)| memory.is_due(*nonce, &newest.tx_hash, again, now))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let raw: Vec<String> = due.iter().map(|(_, _, newest)| newest.raw.clone()).collect();
        self.chain.broadcast(&raw).await;
        let mut submissions: Vec<Change<RecordSubmission>> = Vec::new();
        for (nonce, slot, newest) in &due {
            memory.was_sent(*nonce, &newest.tx_hash, now);
            if memory.is_new(*nonce, SUBMITTED) {
                let submission = || RecordSubmission { tx_hash: newest.tx_hash.clone() };
                submissions.extend(for_each_mint(*nonce, slot, submission));
            }
        }
        for recorded in self.change_all::<Nft, _>(submissions).await? {
            memory.note(recorded, SUBMITTED);
        }
        Ok(())
    }
}
