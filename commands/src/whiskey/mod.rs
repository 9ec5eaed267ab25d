//! Use cases around casks.

mod approve;
mod condition_report;
mod correct;
mod import;
mod movement;
mod regauge;
mod register;
mod reject;
mod resubmit;
mod retire;
mod settle_title;
mod transfer;
mod valuation;

use domain::id::UserId;
use domain::permission::Permission;
use domain::whiskey::Recorder;
pub use import::{Import, Imported};

use crate::error::CommandError;
use crate::execute::Asked;

/// Whoever asks: a person.
fn person(asked: &Asked) -> Result<UserId, CommandError> {
    let user = asked.context.actor.user();
    user.ok_or(CommandError::Forbidden(Permission::REGISTER_WHISKEY))
}

/// Whoever records something: for their own cask, or as the warehouse.
pub(crate) fn recorder(asked: &Asked) -> Result<Recorder, CommandError> {
    let is_keeper = asked.context.actor.may(Permission::KEEP_WHISKEY);
    Ok(Recorder { user: person(asked)?, is_keeper })
}
