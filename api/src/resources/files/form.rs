//! The form of an upload: the bytes, whoever may see them, and what they are called; in any order.

use std::pin::pin;
use std::time::Duration;

use commands::Asked;
use commands::file::{Arriving, ReceiveError, Received, Upload};
use domain::file::BYTES_ALLOWED;
use domain::violation::Violation;
use poem::web::{Field, Multipart};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::Files;
use crate::http::error_code::ErrorCode;
use crate::http::field::FieldValue;
use crate::http::problem::Problem;
use crate::http::values::Text;

/// How long a client may take to send some more.
const PATIENCE: Duration = Duration::from_secs(15);
const CHUNK: usize = 64 * 1024;
/// Of a field that is no file.
const WORDS: u64 = 4 * 1024;
/// A form has three; whoever sends more wants something else.
const FIELDS: usize = 8;

/// `multipart/form-data`, not read yet.
pub struct UploadForm(Multipart);

impl<'a> ApiExtractor<'a> for UploadForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(_: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let text = |format: &'static str, description: &'static str| {
            let mut schema = MetaSchema::new_with_format("string", format);
            schema.description = Some(description);
            MetaSchemaRef::Inline(Box::new(schema))
        };
        let public = MetaSchema {
            description: Some("Anybody may see it; false unless it is said."),
            ..MetaSchema::new("boolean")
        };
        let schema = MetaSchema {
            required: vec!["file"],
            properties: vec![
                ("file", text("binary", "JPEG, PNG, WebP or PDF, at most 20 MiB.")),
                ("name", text("text", "What it is called; the file's own name by default.")),
                ("public", MetaSchemaRef::Inline(Box::new(public))),
            ],
            ..MetaSchema::new("object")
        };
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: "multipart/form-data",
                schema: MetaSchemaRef::Inline(Box::new(schema)),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let is_form = request
            .content_type()
            .is_some_and(|content_type| content_type.starts_with("multipart/form-data"));
        if !is_form {
            return Err(Problem::new(ErrorCode::FileTypeRefused).into());
        }
        Ok(Self(<Multipart as FromRequest>::from_request(request, body).await?))
    }
}

/// What has been read of a form.
#[derive(Default)]
struct Filled {
    received: Option<Received>,
    file_name: Option<String>,
    name: Option<String>,
    public: bool,
}

impl Files {
    /// Reads a form to its end. Of one that is not well, nothing stays.
    pub(super) async fn filled(
        &self,
        asked: &Asked,
        form: UploadForm,
    ) -> Result<(Upload, Received), Problem> {
        let mut filled = Filled::default();
        let outcome = self.fill(asked, form, &mut filled).await;
        match (outcome, filled) {
            (Ok(()), Filled { received: Some(received), file_name, name, public }) => {
                Ok((Upload { name: name.or(file_name), public }, received))
            }
            (outcome, Filled { received, .. }) => {
                if let Some(received) = received {
                    self.commands.discard(asked, received.file).await;
                }
                outcome?;
                Err(Problem::invalid_field("file", Violation::Required))
            }
        }
    }

    async fn fill(
        &self,
        asked: &Asked,
        form: UploadForm,
        filled: &mut Filled,
    ) -> Result<(), Problem> {
        let mut form = form.0;
        let mut fields = 0;
        while let Some(field) = next(&mut form).await? {
            fields += 1;
            if fields > FIELDS {
                return Err(Problem::invalid_field("body", Violation::TooMany(FIELDS)));
            }
            match field.name().map(str::to_owned).as_deref() {
                Some("file") if filled.received.is_none() => {
                    filled.file_name = field.file_name().and_then(display_name);
                    let arriving = self.commands.receive(asked).await?;
                    filled.received = Some(receive(arriving, field).await?);
                }
                Some("name") => filled.name = Some(named(&text(field).await?)?),
                Some("public") => filled.public = flag(&text(field).await?)?,
                Some(name) => return Err(Problem::invalid_field(name, Violation::Unknown)),
                None => return Err(Problem::invalid_field("body", Violation::Unknown)),
            }
        }
        Ok(())
    }
}

async fn next(form: &mut Multipart) -> Result<Option<Field>, Problem> {
    match timeout(PATIENCE, form.next_field()).await {
        Ok(Ok(field)) => Ok(field),
        Ok(Err(_)) | Err(_) => Err(incomplete()),
    }
}

async fn receive(mut arriving: Arriving, field: Field) -> Result<Received, Problem> {
    let mut bytes = pin!(field.into_async_read());
    let mut chunk = vec![0; CHUNK];
    loop {
        let taken = match read(&mut bytes, &mut chunk).await {
            Ok(0) => return arriving.finish().await.map_err(problem),
            Ok(length) => arriving.take(&chunk[..length]).await,
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            arriving.give_up().await;
            return Err(problem(error));
        }
    }
}

async fn read(
    bytes: &mut (impl AsyncRead + Unpin),
    chunk: &mut [u8],
) -> Result<usize, ReceiveError> {
    match timeout(PATIENCE, bytes.read(chunk)).await {
        Ok(Ok(length)) => Ok(length),
        Ok(Err(_)) | Err(_) => Err(ReceiveError::BrokenOff),
    }
}

async fn text(field: Field) -> Result<String, Problem> {
    let mut text = String::new();
    let mut words = pin!(field.into_async_read().take(WORDS));
    let read = words.read_to_string(&mut text);
    match timeout(PATIENCE, read).await {
        Ok(Ok(_)) => Ok(text),
        Ok(Err(_)) | Err(_) => Err(incomplete()),
    }
}

fn named(text: &str) -> Result<String, Problem> {
    let name = Text::<255>::read(text.into());
    name.map(|name| name.0).map_err(|violations| {
        let violation = violations.into_iter().next().map(|refused| refused.violation);
        Problem::invalid_field("name", violation.unwrap_or(Violation::Required))
    })
}

/// The last part of whatever path a client sends, if it can be shown. It is never used as a path.
fn display_name(sent: &str) -> Option<String> {
    let last = sent.rsplit(['/', '\\']).next()?.trim();
    named(last).ok()
}

fn flag(text: &str) -> Result<bool, Problem> {
    let malformed = Violation::NotOneOf("true, false".to_owned());
    text.parse().map_err(|_| Problem::invalid_field("public", malformed))
}

fn incomplete() -> Problem {
    Problem::invalid_field("body", Violation::WrongType("a form that is sent completely"))
}

fn problem(error: ReceiveError) -> Problem {
    match error {
        ReceiveError::TooLarge => Problem::new(ErrorCode::FileTooLarge)
            .with_details(serde_json::json!({ "maxBytes": BYTES_ALLOWED })),
        ReceiveError::UnknownKind => Problem::new(ErrorCode::FileTypeRefused),
        ReceiveError::Unreadable => Problem::new(ErrorCode::ImageUnreadable),
        ReceiveError::BrokenOff => incomplete(),
        ReceiveError::Store(error) => commands::CommandError::from(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_name_leads_nowhere() {
        let names = [
            ("head.jpg", Some("head.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\casks\\head.jpg", Some("head.jpg")),
            ("..", Some("..")),
            ("casks/", None),
            ("", None),
            ("a\u{0}b.jpg", None),
        ];
        for (sent, shown) in names {
            assert_eq!(display_name(sent).as_deref(), shown, "{sent}");
        }
    }
}
