//! What was found, for people and, in the last line, for programs.

use crate::asking::Asked;
use crate::world::{Folded, Imported};

pub struct Findings {
    pub casks: u64,
    pub imported: Imported,
    pub folded: Folded,
    pub searches: Asked,
    pub pages: Asked,
    /// More than before, while a file of 20 MiB comes.
    pub upload_mib: f64,
}

pub fn print(findings: &Findings) {
    let Findings { casks, imported, folded, searches, pages, upload_mib } = findings;
    println!(
        "\n{casks} casks, all of them imported and folded as any others: nothing was filled in\n\
         import, in a process with no other role: {:.0} casks/s ({:.1} s)\n\
         then the fold, by a process with the role projections: {:.0} casks/s ({:.1} s); the read model of casks \
         is {} MiB\n",
        imported.per_s, imported.seconds, folded.per_s, folded.seconds, folded.mib,
    );
    table("search", searches);
    table("page", pages);
    println!("\nwhile files of 20 MiB come in, a process holds at most {upload_mib:.1} MiB more");
    println!(
        "\nRESULT p95_search_ms={:.1} p95_page_ms={:.1} import_per_s={:.0} upload_mib={upload_mib:.1} \
         folded_per_s={:.0} searches_per_s={:.0} pages_per_s={:.0}",
        searches.p95_ms(),
        pages.p95_ms(),
        imported.per_s,
        folded.per_s,
        searches.per_s,
        pages.per_s,
    );
}

fn table(what: &str, asked: &Asked) {
    println!(
        "\n{:<28} {:>8} {:>8} {:>8} {:>8}",
        format!("{what}, {} at once", asked.at_once),
        "asked",
        "p50 ms",
        "p95 ms",
        "p99 ms"
    );
    for took in &asked.kinds {
        println!(
            "{:<28} {:>8} {:>8.1} {:>8.1} {:>8.1}",
            took.kind,
            took.sorted.len(),
            took.ms(50),
            took.ms(95),
            took.ms(99),
        );
    }
}
