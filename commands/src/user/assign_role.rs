//! Giving a person a role.

use domain::id::UserId;
use domain::role::Role;
use domain::user::{AssignRole, User};

use crate::error::CommandError;
use crate::execute::{Asked, Commands, Done};

impl Commands {
    pub async fn assign_role(
        &self,
        asked: &Asked,
        user: UserId,
        role: Role,
    ) -> Result<Done<UserId>, CommandError> {
        self.execute::<User, _, _>(asked, &user.to_string(), &AssignRole { role }, user).await
    }
}
