//! What came of finishing a restore, for people and for programs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::ledger::SignedHead;
use serde::Serialize;
use serde_json::json;

use crate::read_models::Output;

/// What came of it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How many events the log has, the one that tells of the restore among them.
    pub events: u64,
    /// The first position at which other events may have stood once.
    pub from: u64,
    /// gone, empty, or compared with the log.
    pub stream: &'static str,
    /// How many events are lost that were published, by type.
    pub lost: BTreeMap<String, u64>,
    /// The file they are kept in.
    pub lost_to: Option<PathBuf>,
    /// The last head that is known to have been signed under a name that ends here.
    pub signed: Option<SignedHead>,
    /// Whether the file is shown to hold all that this head was signed for beyond the log.
    pub proven: Option<bool>,
    /// People who had been erased and were here again.
    pub erased_again: u64,
    /// Sessions that had been ended, or had gone on with other tokens than the log knows of.
    pub ended_sessions: u64,
}

impl Outcome {
    pub fn tell(&self, output: Output) {
        if output == Output::Json {
            println!("{}", json!(self));
            return;
        }
        println!("the log has {} events; the stream is {}", self.events, self.stream);
        if let Some(path) = &self.lost_to {
            let lost: u64 = self.lost.values().sum();
            println!("{lost} that were published are lost, from position {} on:", self.from);
            self.lost.iter().for_each(|(of_type, count)| println!("  {count:>8}  {of_type}"));
            println!("they are kept in {}", path.display());
        }
        if let Some(SignedHead { origin, size, .. }) = &self.signed {
            println!("{origin} was signed up to {size} events at least, and ends here");
        }
        match self.proven {
            Some(true) => {
                println!("the file has all that is lost of what was signed: it is proven")
            }
            Some(false) => {
                println!("what is lost of what was signed is not at hand, or not all of it")
            }
            None => {}
        }
        println!("{} people are erased again", self.erased_again);
        println!("{} sessions are ended", self.ended_sessions);
        println!(
            "next: caskchain contract reconcile for each network, and a base backup into a new folder"
        );
    }
}
