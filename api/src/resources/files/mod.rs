//! Files: uploaded, looked at, worked on, deleted.

mod form;
mod served;
mod shown;

use commands::Commands;
use commands::file::{ORIGINAL, object};
use commands::outside::file_links::{FileLinks, Opened};
use domain::file::{Bounds, FileKind, ImageFormat, LONGEST_SIDE, Made, Rendition};
use domain::id::{FileId, TenantId, WhiskeyId};
use domain::permission::{Actor, Permission};
use domain::violation::Violation;
use domain::whiskey::AttachmentRole;
use eventstore::Clock;
use poem::http::header;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};
use projections::files::{self, FileRow};
use projections::{Projection, Readers};

use self::form::UploadForm;
use self::served::{Servable, Served};
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

impl Files {
    async fn opened_by(&self, link: &str, file: FileId) -> Result<FileRow, Problem> {
        let opened = self.links.check(link, self.clock.now()).filter(|opened| opened.file == file);
        let opened = opened.ok_or_else(|| Problem::new(ErrorCode::TokenInvalid))?;
        self.readers.file(Some(opened.tenant), file).await?.ok_or_else(unknown)
    }

    /// A private file is its owner's. Of a cask's, everybody who may see the cask sees the images;
    /// documents are for its owner, the warehouse and whoever judges casks.
    async fn seen_by(&self, actor: &Actor, file: FileId) -> Result<FileRow, Problem> {
        let row = self.readers.file(Some(actor.tenant()), file).await?.ok_or_else(unknown)?;
        if row.public || owns(actor, &row) {
            return Ok(row);
        }
        match row.attached_to.map(WhiskeyId::new) {
            Some(whiskey) if self.sees(actor, whiskey, file).await? => Ok(row),
            Some(_) | None => Err(unknown()),
        }
    }

    async fn sees(&self, actor: &Actor, cask: WhiskeyId, file: FileId) -> Result<bool, Problem> {
        let Some(cask) = self.readers.whiskey(actor.tenant(), cask).await? else {
            return Ok(false);
        };
        let role = cask.attachments.iter().find(|it| it.file == file).map(|it| it.role);
        let closer = actor.user().is_some_and(|user| user.value() == cask.owner)
            || actor.may(Permission::KEEP_WHISKEY)
            || actor.may(Permission::APPROVE_WHISKEY);
        Ok(actor.may(Permission::READ_WHISKEY)
            && match role {
                Some(AttachmentRole::Image) => true,
                Some(AttachmentRole::Document) => closer,
                None => false,
            })
    }
}

fn owns(actor: &Actor, row: &FileRow) -> bool {
    actor.tenant().value() == row.tenant
        && actor.user().is_some_and(|user| user.value() == row.owner)
}

/// What is meant by `wanted`, if it is there for whoever asks.
fn servable(
    row: &FileRow,
    wanted: Option<&str>,
    accept: &str,
    is_owner: bool,
) -> Result<Servable, Problem> {
    let kind = FileKind::named(&row.kind).ok_or_else(|| Problem::internal(&"a file of no kind"))?;
    let (tenant, file) = (TenantId::new(row.tenant), FileId::new(row.file_id));
    let of = |what: &str, media_type, size, sha256: &str, saved_as| Servable {
        object: object(tenant, file, what),
        media_type,
        size,
        sha256: sha256.to_owned(),
        public: row.public && what != ORIGINAL,
        saved_as,
    };
    let wanted = wanted.unwrap_or(if kind.is_image() { "full" } else { ORIGINAL });
    if wanted == ORIGINAL {
        // An image as it came may say where it was taken.
        if kind.is_image() && !is_owner {
            return Err(unknown());
        }
        let name = row.name.clone().unwrap_or_else(|| row.file_id.to_string());
        let size = row.size.unsigned_abs();
        return Ok(of(ORIGINAL, kind.media_type(), size, &row.sha256, Some(name)));
    }
    let made = rendition(row, wanted, accept)?;
    let name = made.rendition.name();
    Ok(of(&name, made.rendition.format.media_type(), made.size, &made.sha256, None))
}

/// The rendition of this name, or the best of this size.
fn rendition<'a>(row: &'a FileRow, wanted: &str, accept: &str) -> Result<&'a Made, Problem> {
    if row.refused.is_some() {
        return Err(Problem::new(ErrorCode::ImageUnreadable));
    }
    let of_size = |name: &str| {
        name == wanted || name.rsplit_once('.').is_some_and(|(size, _)| size == wanted)
    };
    let fitting: Vec<_> = row.renditions.iter().filter(|(name, _)| of_size(name)).collect();
    if fitting.is_empty() {
        let known: Vec<_> = row.renditions.keys().map(String::as_str).collect();
        let violation = Violation::NotOneOf(known.join(", "));
        return Err(Problem::invalid_field("rendition", violation));
    }
    let made: Vec<_> = fitting.into_iter().filter_map(|(_, made)| made.as_ref()).collect();
    let webp = |made: &&&Made| made.rendition.format == ImageFormat::Webp;
    let best = match accept.contains(ImageFormat::Webp.media_type()) {
        true => made.iter().find(webp),
        false => made.iter().find(|made| !webp(made)),
    };
    let being_made = || {
        let details = serde_json::json!({ "state": "PROCESSING", "command": "read" });
        Problem::new(ErrorCode::IllegalState).with_details(details)
    };
    best.or(made.first()).copied().ok_or_else(being_made)
}
