//! Importing casks from a file: each line is registered once, however often the file is imported.
//!
//! A line's cask has an id of its own from the beginning: the file claims as many ids as it has lines,
//! for ever, and the stream's first event is there or is not. So nothing is kept per line, and nothing
//! runs out.

use domain::id::{UserId, WhiskeyId};
use domain::permission::Permission;
use domain::tenant::Tenant;
use domain::user::User;
use domain::whiskey::details::Details;
use domain::whiskey::{RegisterWhiskey, Whiskey};
use eventstore::ids::IdRange;
use eventstore::{Claim, CommitError};

use crate::claims::IMPORT;
use crate::error::CommandError;
use crate::execute::{Asked, Commands};

/// A file on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    owner: UserId,
    ids: IdRange,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// At this position.
    Registered(i64),
    /// By an earlier run.
    Before,
}

impl Commands {
    /// Begins an import, or goes on with one of the same file for the same owner. `file` is a digest
    /// of what stands in it.
    pub async fn begin_import(
        &self,
        asked: &Asked,
        owner: UserId,
        file: &[u8],
        lines: i64,
    ) -> Result<Import, CommandError> {
        asked.must_be_allowed(Permission::REGISTER_WHISKEY)?;
        let tenant = asked.context.tenant();
        let of_tenant = self.store.load_fresh::<Tenant>(tenant, &tenant.to_string()).await?;
        of_tenant.state.must_be_open()?;
        let person = self.store.load_fresh::<User>(tenant, &owner.to_string()).await?;
        person.state.account()?.must_be_active()?;
        let digest = self.claim_digests.import(tenant, owner, file);
        loop {
            if let Some(first) = self.store.holder_of(tenant, IMPORT, &digest).await? {
                let broken = |_| CommandError::Broken("an import has no ids".to_owned());
                let ids = IdRange::beginning_with(first.parse().map_err(broken)?);
                return Ok(Import { owner, ids });
            }
            let ids = self.store.reserve_ids(lines).await?;
            let holder = ids.first().to_string();
            let claim = Claim { kind: IMPORT, digest: digest.clone(), holder, let_go: false };
            match self.store.commit(self.begin(asked).claiming(vec![claim])).await {
                Ok(_) => return Ok(Import { owner, ids }),
                // Somebody else began it just now.
                Err(CommitError::Claimed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Registers the cask of a line. Its number is at most as great as there are lines.
    pub async fn import_whiskey(
        &self,
        asked: &Asked,
        import: Import,
        line: i64,
        details: Details,
    ) -> Result<Imported, CommandError> {
        let whiskey = WhiskeyId::new(import.ids.at(line)).to_string();
        let command = RegisterWhiskey { owner: import.owner, details };
        let (loaded, events) = self.decide_first::<Whiskey, _>(asked, &whiskey, &command)?;
        match self.store.commit(self.begin(asked).append(&loaded, events)).await {
            Ok(committed) => Ok(Imported::Registered(committed.position)),
            // Nothing else is ever written under this id.
            Err(CommitError::Stale) => Ok(Imported::Before),
            Err(error) => Err(error.into()),
        }
    }
}
