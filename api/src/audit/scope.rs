//! Which events, as an auditor says it.

use eventstore::ledger::bundle::Scope;

use super::{Undecided, tenant};

#[derive(clap::Args)]
pub struct Wanted {
    /// Events from this position on; the whole log if neither this nor the others are given.
    #[arg(long, conflicts_with_all = ["tenant", "stream"])]
    from: Option<u64>,
    /// Events before this position.
    #[arg(long, conflicts_with_all = ["tenant", "stream"])]
    before: Option<u64>,
    /// Events of one tenant.
    #[arg(long, conflicts_with = "stream")]
    tenant: Option<String>,
    /// Events of one stream, as in whiskey/29488301056000005.
    #[arg(long)]
    stream: Option<String>,
}

impl Wanted {
    pub fn scope(&self) -> Result<Scope, Undecided> {
        if let Some(id) = &self.tenant {
            return Ok(Scope::Tenant { tenant: tenant(id)? });
        }
        if let Some(stream) = &self.stream {
            let (aggregate_type, aggregate_id) = stream
                .split_once('/')
                .ok_or("a stream is named as in whiskey/29488301056000005")?;
            let (aggregate_type, aggregate_id) =
                (aggregate_type.to_owned(), aggregate_id.to_owned());
            return Ok(Scope::Stream { aggregate_type, aggregate_id });
        }
        Ok(match (self.from, self.before) {
            (None, None) => Scope::Log,
            (from, to) => Scope::Range { from: from.unwrap_or(0), to: to.unwrap_or(u64::MAX) },
        })
    }
}
