//! Receipts that somebody kept: what each is of has to be here. The tree says how many events the log has,
//! and not how many a tenant or a stream has; whoever leaves out its last ones is found by the receipt of
//! one of them.

use super::super::bundle::Scope;
use super::super::checkpoint::Checkpoint;
use super::super::hash;
use super::super::receipt::Receipt;
use super::tree::{Roots, is_continued};
use super::{Audit, Claim};

impl Audit<'_> {
    pub(super) fn receipts(&mut self, head: &Checkpoint, roots: &Roots) {
        let brought = self.brought;
        for receipt in &brought.receipts {
            match self.receipt(receipt, head, roots) {
                Ok(limit) => self.limits.extend(limit),
                Err(what) => {
                    let what = format!("the receipt: {what}");
                    self.found(Claim::Receipts, Some(receipt.index), what);
                }
            }
        }
        if !brought.receipts.is_empty() {
            self.checked(Claim::Receipts, format!("{} looked at", brought.receipts.len()));
        }
    }

    /// What is wrong with it; or what it does not show.
    fn receipt(
        &self,
        receipt: &Receipt,
        head: &Checkpoint,
        roots: &Roots,
    ) -> Result<Option<String>, String> {
        let then = receipt.verify(self.key_of(&receipt.note)).map_err(|error| error.to_string())?;
        let lost = || self.restore_of(&then).unwrap_or_default();
        match self.receipted.get(&receipt.index).copied().flatten() {
            Some(here) if here == hash::leaf(&receipt.entry) => {}
            Some(_) => return Err(format!("the log says something else today{}", lost())),
            None if receipt.index >= head.size => {
                return Err(format!(
                    "the log has {} events: its tail is cut off{}",
                    head.size,
                    lost()
                ));
            }
            None => {
                let or = match self.brought.scope {
                    Scope::Stream { .. } => ", or not of what was asked for",
                    _ => "",
                };
                return Err(format!("its event is not here: left out{or}"));
            }
        }
        let size = then.size;
        if size <= head.size {
            return is_continued(&then, roots).map(|()| None).map_err(|what| what + &lost());
        }
        // A bundle may be older than the receipt's head, but not where the log has another name since.
        if then.origin != head.origin {
            return Err(format!("its head of {size} events is not there any more{}", lost()));
        }
        let at = receipt.index;
        Ok(Some(format!(
            "that the head of {size} events is continued that the receipt at {at} is of"
        )))
    }
}
