//! The verdict on a bundle, for people or for programs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use eventstore::database::{self, Role};
use eventstore::ledger::bundle::{Bundle, Scope};
use eventstore::ledger::checkpoint::Checkpoint;
use eventstore::ledger::note::Note;
use eventstore::ledger::receipt::Receipt;
use eventstore::ledger::stored;
use eventstore::ledger::verify::{Brought, Claim, Finding, Report, verify};
use projections::differences::Difference;
use serde_json::json;

use super::{Output, Undecided, Verify, chain};
use crate::config::Config;
use crate::read_models::comparisons;
use crate::wiring::required;

/// Whether everything holds.
pub async fn run(config: &Config, wanted: &Verify) -> Result<bool, Undecided> {
    let earlier = wanted.earlier.as_deref().map(|path| kept(path, Note::parse)).transpose()?;
    let scope = wanted.of.scope()?;
    let receipts = wanted.receipt.iter().map(|path| receipt(path, &scope));
    let brought = Brought {
        key: wanted.key.clone(),
        scope: scope.clone(),
        witnesses: wanted.witness.clone(),
        earlier,
        receipts: receipts.collect::<Result<_, _>>()?,
        earlier_key: wanted.earlier_key.clone(),
        replay: !wanted.without_rules,
    };
    let began = Instant::now();
    let bundle = Bundle::at(&wanted.bundle);
    let mut report = verify(&bundle, &brought, |events| {
        eprintln!("  {events} events");
    })?;
    if !wanted.rpc.is_empty() {
        let from: BTreeMap<u64, u64> = wanted.from_block.iter().copied().collect();
        let compared = chain::compare(&bundle, &wanted.rpc, &from, &mut report).await;
        compared.or_else(|error| unsaid(error, "what chains have of its tokens", &mut report))?;
    }
    if wanted.database {
        let compared = read_models(config, &bundle, &mut report).await;
        compared.or_else(|error| unsaid(error, "what the database has", &mut report))?;
    }
    match wanted.output {
        Output::Json => {
            let mut page = json!(report);
            page["holds"] = json!(report.holds());
            println!("{page:#}");
        }
        Output::Text => print(&report, began.elapsed().as_secs_f64()),
    }
    Ok(report.holds())
}

/// What is refuted already stays so, whatever else cannot be asked.
fn unsaid(error: Undecided, what: &str, report: &mut Report) -> Result<(), Undecided> {
    if report.holds() {
        return Err(error);
    }
    report.limits.push(format!("{what}: {error}"));
    Ok(())
}

/// One of an event that would be in such a bundle.
fn receipt(path: &Path, scope: &Scope) -> Result<Receipt, String> {
    let receipt = kept(path, Receipt::parse)?;
    if scope.may_hold(receipt.index, &receipt.entry) {
        Ok(receipt)
    } else {
        let path = path.display();
        Err(format!("{path}: the receipt at {} is of none of {scope}", receipt.index))
    }
}

/// What an auditor kept in a file.
fn kept<T, E: std::fmt::Display>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, String> {
    let unread = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| unread(&error))?;
    parse(&text).map_err(|error| unread(&error))
}

/// Compares those of the database, whose log has to be the bundle's as far as that goes.
async fn read_models(
    config: &Config,
    bundle: &Bundle,
    report: &mut Report,
) -> Result<(), Undecided> {
    let size = report.contents.size;
    let url = required(&config.database_url, "database_url")?;
    let stored = stored::root(&database::pool(&url, Role::Log, 1)?, size).await?;
    let note = Note::parse(std::str::from_utf8(&bundle.read(&bundle.checkpoint_file())?)?)?;
    let mut findings = Vec::new();
    if stored != Some(Checkpoint::parse(&note.text)?.root) {
        let what = format!("the database has another log, or none, of the bundle's {size} events");
        findings.push(Finding { claim: Claim::ReadModels, position: None, what });
    }
    let comparisons = comparisons(config, None).await?;
    let rows: i64 = comparisons.iter().map(|comparison| comparison.rows).sum();
    let seen = format!("{} read models, {rows} rows, folded anew", comparisons.len());
    let finding = |it: &Difference| Finding {
        claim: Claim::ReadModels,
        position: None,
        what: format!(
            "{}.{}: {} rows too many, {} missing, as in {}",
            it.read_model, it.table, it.surplus, it.missing, it.example
        ),
    };
    for comparison in &comparisons {
        let folded = u64::try_from(comparison.position + 1).unwrap_or_default();
        if folded < size {
            let what = format!("{} stands at {folded} of {size} events", comparison.read_model);
            findings.push(Finding { claim: Claim::ReadModels, position: Some(folded), what });
        }
    }
    let all = comparisons.iter().flat_map(|comparison| &comparison.differences);
    findings.extend(all.map(finding));
    report.add(Claim::ReadModels, seen, findings);
    Ok(())
}

fn print(report: &Report, seconds: f64) {
    let contents = &report.contents;
    println!("{}, {} events, of which {} here", contents.origin, contents.size, contents.events);
    println!();
    for check in &report.checks {
        let verdict = if check.holds { "ok  " } else { "FAIL" };
        println!("{:<12} {verdict}  {}", format!("{:?}", check.claim).to_uppercase(), check.seen);
        for finding in report.findings.iter().filter(|finding| finding.claim == check.claim) {
            match finding.position {
                Some(position) => println!("                   at {position}: {}", finding.what),
                None => println!("                   {}", finding.what),
            }
        }
    }
    println!();
    println!("What this cannot show:");
    for limit in &report.limits {
        println!("  - {limit}");
    }
    println!();
    match report.findings_in_all {
        0 => println!("Every claim holds. {seconds:.1} s."),
        1 => println!("One finding. {seconds:.1} s."),
        count => println!("{count} findings. {seconds:.1} s."),
    }
}
