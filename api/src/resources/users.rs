//! People, as they see themselves.

use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};
use projections::users::UserRow;
use projections::{Projection, Readers, users};

use super::{Tag, written};
use crate::http::authentication::Caller;
use crate::http::envelope::Found;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;
use crate::http::reading::caught_up;

pub struct Users {
    pub readers: Readers,
}

/// A person. What has been erased is null.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct User {
    id: String,
    status: String,
    roles: Vec<String>,
    email: Option<String>,
    username: Option<String>,
    full_name: Option<String>,
    phone: Option<String>,
    registered_at: String,
    email_verified_at: Option<String>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.user_id.to_string(),
            status: row.status,
            roles: row.roles,
            email: row.email,
            username: row.username,
            full_name: row.full_name,
            phone: row.phone,
            registered_at: written(row.registered_at),
            email_verified_at: row.email_verified_at.map(written),
        }
    }
}

#[OpenApi(tag = "Tag::Users")]
impl Users {
    /// Who I am
    #[oai(path = "/users/me", method = "get", operation_id = "me")]
    async fn me(
        &self,
        caller: Caller,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<User>, Problem> {
        caught_up(&self.readers, users::Users::NAME, min_position.0).await?;
        let actor = caller.0;
        let user = actor.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let row = self.readers.user(actor.tenant(), user).await?;
        let row = row.ok_or_else(|| Problem::new(ErrorCode::UserNotFound))?;
        let sequence = row.sequence;
        Ok(Found::new(row.into()).at_sequence(sequence))
    }
}
