//! Receipts that somebody kept: what each is of has to be here. The tree says how many events the log has,
//! and not how many a tenant or a stream has; whoever leaves out its last ones is found by the receipt of
//! one of them.

use super::super::checkpoint::Checkpoint;
use super::super::receipt::ReceiptError;
use super::tree::Roots;
use super::{Audit, Claim};

impl Audit<'_> {
    pub(super) fn receipts(&mut self, head: &Checkpoint, roots: &Roots) {
        let brought = self.brought;
        if brought.receipts.is_empty() {
            return;
        }
        for receipt in &brought.receipts {
            let at = Some(receipt.index);
            // Those of before a restore have the name of then.
            let keys = [Some(&brought.key), brought.earlier_key.as_ref()].into_iter().flatten();
            let mut signed = Err(ReceiptError::Malformed);
            for key in keys {
                signed = signed.or_else(|_| receipt.verify(key));
            }
            match signed {
                Err(error) => self.found(Claim::Receipts, at, format!("the receipt: {error}")),
                Ok(then) if !self.is_continued(Claim::Receipts, &then, head, roots) => {}
                Ok(_) if !self.seen.contains(&receipt.index) => {
                    let what = "there is a receipt of the event, and it is not here: left out, or not of \
                                what was asked for";
                    self.found(Claim::Receipts, at, what);
                }
                Ok(_) => {}
            }
        }
        let seen = format!("{} receipts are of events that are here", brought.receipts.len());
        self.checked(Claim::Receipts, seen);
    }
}
