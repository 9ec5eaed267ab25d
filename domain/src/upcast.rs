//! Old event versions brought to today's shape on reading; stored bytes are never touched.

use cqrs_es::persist::EventUpcaster;

/// Every upcaster, oldest transition first. Each lives in its aggregate's folder, in a file named
/// after the transition; no event has a second version yet.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    Vec::new()
}
