//! What was found, for people and, in the last line, for programs.

use std::fmt::Write;

use crate::asking::Asked;
use crate::loading::Loaded;

pub struct Findings {
    pub loaded: Loaded,
    pub searches: Option<Asked>,
    pub pages: Option<Asked>,
    /// More than before, while a file of 20 MiB comes.
    pub upload_mib: Option<f64>,
}

impl Findings {
    pub const fn of(loaded: Loaded) -> Self {
        Self { loaded, searches: None, pages: None, upload_mib: None }
    }
}

pub fn print(findings: &Findings) {
    let Findings { loaded: Loaded { casks, imported, folded }, searches, pages, upload_mib } =
        findings;
    println!(
        "\n{casks} casks, all of them imported and folded as any others: nothing was filled in\n\
         import, in a process with no other role: {:.0} casks/s ({:.1} s)\n\
         then the fold, by a process with the role projections: {:.0} casks/s ({:.1} s); the read model of casks \
         is {} MiB\n",
        imported.per_s, imported.seconds, folded.per_s, folded.seconds, folded.mib,
    );
    let mut result = String::from("RESULT");
    for (what, asked) in [("search", searches), ("page", pages)] {
        if let Some(asked) = asked {
            table(what, asked);
            write!(result, " p95_{what}_ms={:.1}", asked.p95_ms()).unwrap();
        }
    }
    write!(result, " import_per_s={:.0}", imported.per_s).unwrap();
    if let Some(mib) = upload_mib {
        println!("\nwhile files of 20 MiB come in, a process holds at most {mib:.1} MiB more");
        write!(result, " upload_mib={mib:.1}").unwrap();
    }
    write!(result, " folded_per_s={:.0}", folded.per_s).unwrap();
    for (what, asked) in [("searches", searches), ("pages", pages)] {
        if let Some(asked) = asked {
            write!(result, " {what}_per_s={:.0}", asked.per_s).unwrap();
        }
    }
    println!("\n{result}");
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
