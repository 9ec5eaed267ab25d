//! Writing a bundle.

use eventstore::database::{self, Role};
use eventstore::ledger::bundle::Bundle;
use eventstore::ledger::export::Export;
use serde_json::json;

use super::{Output, Undecided};
use crate::config::Config;
use crate::wiring::required;

pub async fn run(config: &Config, wanted: super::Export) -> Result<(), Undecided> {
    let scope = wanted.of.scope()?;
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
