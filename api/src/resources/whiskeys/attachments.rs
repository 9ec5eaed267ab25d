//! Images and documents of a cask.

use commands::Commands;
use domain::id::FileId;
use domain::whiskey::AttachmentRole;
use poem_openapi::param::{Header, Path};
use poem_openapi::{Object, OpenApi};

use super::whiskey_id;
use crate::http::asking::{self, Headers};
use crate::http::authentication::Caller;
use crate::http::body::{Body, Checked};
use crate::http::envelope::Found;
use crate::http::field::{Needed, Violations};
use crate::http::problem::Problem;
use crate::resources::Tag;

pub struct Attachments {
    pub commands: Commands,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AttachFileBody {
    file_id: Needed<FileId>,
    role: Needed<AttachmentRole>,
}

impl Checked for AttachFileBody {
    type Value = (FileId, AttachmentRole);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let file = violations.required("fileId", self.file_id);
        let role = violations.required("role", self.role);
        Some((file?, role?))
    }
}

/// The cask whose files have changed.
#[derive(Object)]
struct Attached {
    id: String,
}

#[OpenApi(tag = "Tag::Whiskeys")]
impl Attachments {
    /// Attach a file of mine to a cask
    #[oai(path = "/whiskeys/:id/files", method = "post", operation_id = "attach_file")]
    async fn attach_file(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<AttachFileBody>,
    ) -> Result<Found<Attached>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let (id, (file, role)) = (whiskey_id(&id.0)?, body.value);
        let done = self.commands.attach_file(&asked, id, file, role).await?;
        Ok(Found::new(Attached { id: done.answer.to_string() }).done(&done))
    }

    /// Take a file off a cask
    #[oai(path = "/whiskeys/:id/files/:file", method = "delete", operation_id = "detach_file")]
    async fn detach_file(
        &self,
        caller: Caller,
        id: Path<String>,
        file: Path<String>,
    ) -> Result<Found<Attached>, Problem> {
        let asked = asking::asked(caller.0, Headers::default(), Vec::new())?;
        let id = whiskey_id(&id.0)?;
        let file = file.0.parse().map_err(|violation| Problem::invalid_field("file", violation))?;
        let done = self.commands.detach_file(&asked, id, file).await?;
        Ok(Found::new(Attached { id: done.answer.to_string() }).done(&done))
    }
}
