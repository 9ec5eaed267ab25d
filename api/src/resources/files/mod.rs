//! Files: uploaded, looked at, worked on, deleted.

mod access;
mod choice;
mod form;
mod served;
mod shown;

use commands::Commands;
use commands::outside::file_links::{FileLinks, Opened};
use domain::file::{Bounds, ImageFormat, LONGEST_SIDE, Rendition};
use domain::id::{FileId, TenantId};
use eventstore::Clock;
use poem::http::header;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::files;
use projections::{Projection, Readers};

use self::access::owns;
use self::choice::servable;
use self::form::UploadForm;
use self::served::Served;
use self::shown::{FileDetails, Link};
use super::Tag;
use crate::http::asking::{self, Headers};
use crate::http::authentication::{Caller, Visitor};
use crate::http::body::{Body, Checked};
use crate::http::envelope::{Accepted, Created, Found, Pagination};
use crate::http::error_code::ErrorCode;
use crate::http::field::{Needed, Parsed, Violations};
use crate::http::portion::Portion;
use crate::http::problem::Problem;
use crate::http::reading::{caught_up, page};
use crate::http::values::Whole;

pub struct Files {
    pub commands: Commands,
    pub readers: Readers,
    pub links: std::sync::Arc<FileLinks>,
    pub clock: Clock,
}

/// What was uploaded.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Uploaded {
    id: String,
}

/// A rendition that is being made.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Ordered {
    file_id: String,
    /// Its name among the file's renditions.
    rendition: String,
}

type Side = Whole<1, { LONGEST_SIDE as i64 }>;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ProcessImageBody {
    file_id: Needed<FileId>,
    /// What it has to fit into; with neither it is as large as the image.
    width: Parsed<Side>,
    height: Parsed<Side>,
    format: Needed<ImageFormat>,
}

impl Checked for ProcessImageBody {
    type Value = (FileId, Rendition);

    fn check(self, violations: &mut Violations) -> Option<Self::Value> {
        let file = violations.required("fileId", self.file_id);
        let width = violations.optional("width", self.width);
        let height = violations.optional("height", self.height);
        let format = violations.required("format", self.format);
        let side = |side: Option<Side>| side.and_then(|side| u32::try_from(side.0).ok());
        let within = match (side(width?), side(height?)) {
            (None, None) => None,
            // One is enough: the other follows from the proportions.
            (width, height) => Some(Bounds {
                width: width.unwrap_or(LONGEST_SIDE),
                height: height.unwrap_or(LONGEST_SIDE),
            }),
        };
        Some((file?, Rendition { within, format: format? }))
    }
}

fn file_id(text: &str) -> Result<FileId, Problem> {
    text.parse().map_err(|violation| Problem::invalid_field("id", violation))
}

fn unknown() -> Problem {
    Problem::new(ErrorCode::FileNotFound)
}

#[OpenApi(tag = "Tag::Files")]
impl Files {
    /// Upload an image or a document
    ///
    /// What it is, its bytes say. Of an image renditions are made, without what a camera wrote into
    /// it; they are there a moment later.
    #[oai(path = "/files/upload", method = "post", operation_id = "upload_file")]
    async fn upload_file(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        form: UploadForm,
    ) -> Result<Created<Uploaded>, Problem> {
        let beginning = asking::asked(caller.0.clone(), Headers::default(), Vec::new())?;
        let (upload, received) = self.filled(&beginning, form).await?;
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let request = format!("upload {} {} {:?}", received.sha256, upload.public, upload.name);
        let asked = match asking::asked(caller.0, headers, request.into_bytes()) {
            Ok(asked) => asked,
            Err(problem) => {
                self.commands.discard(&beginning, received.file).await;
                return Err(problem);
            }
        };
        let done = self.commands.upload_file(&asked, upload, received).await?;
        let id = done.answer.to_string();
        let location = format!("/api/v1/files/{id}");
        Ok(Created::new(Uploaded { id }).at(location).done(&done))
    }

    /// My files, newest first
    #[oai(path = "/files", method = "get", operation_id = "files")]
    async fn files(
        &self,
        caller: Caller,
        #[oai(name = "page")] number: Query<Option<String>>,
        limit: Query<Option<String>>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<Vec<FileDetails>>, Problem> {
        let page = page(number.0, limit.0)?;
        caught_up(&self.readers, files::Files::NAME, min_position.0).await?;
        let user = caller.0.user().ok_or_else(|| Problem::new(ErrorCode::Unauthorized))?;
        let rows = self.readers.files_of(caller.0.tenant(), user, page).await?;
        let total = rows.total;
        let rows = rows.items.into_iter().map(|row| FileDetails::of(row, None)).collect();
        Ok(Found::new(rows).paged(Pagination::of(page, total)))
    }

    /// What is known of a file, and a link to it
    ///
    /// The link opens a private file to whoever has it, for five minutes.
    #[oai(path = "/files/:id/details", method = "get", operation_id = "file_details")]
    async fn file_details(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Found<FileDetails>, Problem> {
        let id = file_id(&id.0)?;
        caught_up(&self.readers, files::Files::NAME, min_position.0).await?;
        let row = self.seen_by(&caller.0, id).await?;
        let of = Opened { tenant: TenantId::new(row.tenant), file: id };
        let (token, until) = self.links.link(of, self.clock.now());
        let url = format!("/api/v1/files/{id}?link={token}");
        let sequence = row.sequence;
        let link = Link { url, expires_at: until.to_string() };
        Ok(Found::new(FileDetails::of(row, Some(link))).at_sequence(sequence))
    }

    /// The bytes of a file
    ///
    /// Of an image a rendition, by size (`full`, `200x200`) in the best format the caller accepts, or
    /// by name (`200x200.webp`); `original` for its owner alone. Ranges are served.
    #[oai(path = "/files/:id", method = "get", operation_id = "file")]
    async fn file(
        &self,
        visitor: Visitor,
        request: &poem::Request,
        id: Path<String>,
        rendition: Query<Option<String>>,
        link: Query<Option<String>>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<String>>,
    ) -> Result<Served, Problem> {
        let id = file_id(&id.0)?;
        caught_up(&self.readers, files::Files::NAME, min_position.0).await?;
        let row = match (link.0, &visitor.0) {
            (Some(link), _) => self.opened_by(&link, id).await?,
            (None, Some(actor)) => self.seen_by(actor, id).await?,
            (None, None) => self.readers.file(None, id).await?.ok_or_else(unknown)?,
        };
        let is_owner = visitor.0.is_some_and(|actor| owns(&actor, &row));
        let accept = request.header(header::ACCEPT).unwrap_or_default();
        let servable = servable(&row, rendition.0.as_deref(), accept, is_owner)?;
        let portion = servable.portion(request.headers());
        let chunks = match &portion {
            Portion::Whole => Some(self.commands.objects.read(&servable.object, None).await),
            Portion::Part(part) => {
                Some(self.commands.objects.read(&servable.object, Some(part.clone())).await)
            }
            Portion::Unchanged | Portion::Nowhere => None,
        };
        let chunks = chunks.transpose().map_err(commands::CommandError::from)?;
        Ok(Served { servable, portion, chunks })
    }

    /// Delete a file of mine that belongs to no cask
    #[oai(path = "/files/:id", method = "delete", operation_id = "delete_file")]
    async fn delete_file(
        &self,
        caller: Caller,
        id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Found<Uploaded>, Problem> {
        let headers = Headers { idempotency_key: None, if_match: if_match.0 };
        let asked = asking::asked(caller.0, headers, Vec::new())?;
        let done = self.commands.delete_file(&asked, file_id(&id.0)?).await?;
        Ok(Found::new(Uploaded { id: done.answer.to_string() }).done(&done))
    }

    /// Make one more rendition of an image of mine
    #[oai(path = "/files/process-image", method = "post", operation_id = "process_image")]
    async fn process_image(
        &self,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<ProcessImageBody>,
    ) -> Result<Accepted<Ordered>, Problem> {
        let headers = Headers { idempotency_key: key.0, if_match: None };
        let asked = asking::asked(caller.0, headers, body.digest)?;
        let (file, rendition) = body.value;
        let done = self.commands.order_rendition(&asked, file, rendition).await?;
        let location = format!("/api/v1/files/{file}/details");
        let ordered = Ordered { file_id: file.to_string(), rendition: rendition.name() };
        Ok(Accepted::new(ordered).at(location).done(&done))
    }
}
