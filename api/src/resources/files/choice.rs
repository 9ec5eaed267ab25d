//! Which bytes of a file are meant: as they came, or a rendition by size and format.

use commands::file::{ORIGINAL, object};
use domain::file::{FileKind, ImageFormat, Made};
use domain::id::{FileId, TenantId};
use domain::violation::Violation;
use projections::files::FileRow;

use super::served::Servable;
use super::unknown;
use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;

/// What is meant by `wanted`, if it is there for whoever asks.
pub(super) fn servable(
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
