//! Choosing what one is told of one's casks, and by which way.

use std::collections::BTreeMap;

use domain::notices::{ChooseNotices, Notices, Topic, Ways};
use domain::permission::Permission;
use domain::user::UserError;

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    /// What is not among the choices stays as it is.
    pub async fn choose_notices(
        &self,
        asked: &Asked,
        choices: BTreeMap<Topic, Ways>,
    ) -> Result<Done<()>, CommandError> {
        let user = asked.context.actor.user().ok_or(UserError::Absent)?;
        let command = ChooseNotices { choices };
        self.execute::<Notices, _, _>(asked, &user.to_string(), &command, ()).await
    }

    /// What the caller has chosen, and what goes without saying.
    pub async fn notices(
        &self,
        asked: &Asked,
    ) -> Result<(i64, BTreeMap<Topic, Ways>), CommandError> {
        asked.must_be_allowed(Permission::OWN_ACCOUNT)?;
        let user = asked.context.actor.user().ok_or(UserError::Absent)?;
        let tenant = asked.context.tenant();
        let loaded = self.store.load_fresh::<Notices>(tenant, &user.to_string()).await?;
        let ways = Topic::ALL.map(|topic| (topic, loaded.state.ways(topic)));
        Ok((loaded.sequence, BTreeMap::from(ways)))
    }
}
