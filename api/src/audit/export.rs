//! Writing a bundle.

use eventstore::database::{self, Role};
use eventstore::ledger::bundle::{Bundle, Scope};
use eventstore::ledger::export::Export;
use serde_json::json;

use super::{Output, Undecided, tenant};
use crate::config::Config;
use crate::wiring::required;

pub async fn run(config: &Config, wanted: super::Export) -> Result<(), Undecided> {
    let scope = scope(&wanted)?;
    let url = required(&config.database_url, "database_url")?;
    let pool = database::pool(&url, Role::Log, 2)?;
    let bundle = Bundle::at(&wanted.to_folder);
    let contents = Export::new(pool)
        .write(&bundle, &scope, wanted.witnessed, |progress| {
            eprintln!("  {} of {} positions", progress.positions, progress.of);
        })
        .await?;
    match wanted.output {
        Output::Json => println!("{}", json!(contents)),
        Output::Text => println!(
            "{} of the {} events of {} are in {}",
            contents.events,
            contents.size,
            contents.origin,
            wanted.to_folder.display()
        ),
    }
    Ok(())
}

fn scope(wanted: &super::Export) -> Result<Scope, Undecided> {
    if let Some(id) = &wanted.tenant {
        return Ok(Scope::Tenant { tenant: tenant(id)? });
    }
    if let Some(stream) = &wanted.stream {
        let (aggregate_type, aggregate_id) =
            stream.split_once('/').ok_or("a stream is named as in whiskey/29488301056000005")?;
        let (aggregate_type, aggregate_id) = (aggregate_type.to_owned(), aggregate_id.to_owned());
        return Ok(Scope::Stream { aggregate_type, aggregate_id });
    }
    Ok(match (wanted.from, wanted.before) {
        (None, None) => Scope::Log,
        (from, before) => Scope::Range { from: from.unwrap_or(0), to: before.unwrap_or(u64::MAX) },
    })
}
