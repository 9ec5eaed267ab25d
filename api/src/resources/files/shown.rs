//! A file as it is shown.

use domain::file::Made;
use poem_openapi::Object;
use projections::files::FileRow;

use crate::resources::written;

/// A file.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct FileDetails {
    id: String,
    owner: String,
    /// JPEG, PNG, WEBP, AVIF or PDF.
    kind: String,
    /// Bytes.
    size: i64,
    /// Of the bytes as they came, in hexadecimal.
    sha256: String,
    name: Option<String>,
    public: bool,
    /// The cask it belongs to.
    attached_to: Option<String>,
    /// STORED; of an image PROCESSING, READY or REFUSED.
    state: String,
    /// BROKEN, TOO_MANY_PIXELS or CHANGED.
    refused: Option<String>,
    renditions: Vec<RenditionDetails>,
    uploaded_at: String,
    link: Option<Link>,
}

/// Opens a private file.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Link {
    pub url: String,
    pub expires_at: String,
}

/// What is made of an image.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct RenditionDetails {
    /// For `?rendition=`.
    name: String,
    /// PROCESSING or READY.
    state: String,
    width: Option<u32>,
    height: Option<u32>,
    /// Bytes.
    size: Option<u64>,
    sha256: Option<String>,
}

impl FileDetails {
    pub fn of(row: FileRow, link: Option<Link>) -> Self {
        let state = match (&row.refused, row.renditions.values().any(Option::is_none)) {
            (Some(_), _) => "REFUSED",
            (None, true) => "PROCESSING",
            (None, false) if row.renditions.is_empty() => "STORED",
            (None, false) => "READY",
        };
        let renditions = match row.refused {
            Some(_) => Vec::new(),
            None => row.renditions.0.into_iter().map(RenditionDetails::of).collect(),
        };
        Self {
            id: row.file_id.to_string(),
            owner: row.owner.to_string(),
            kind: row.kind,
            size: row.size,
            sha256: row.sha256,
            name: row.name,
            public: row.public,
            attached_to: row.attached_to.map(|id| id.to_string()),
            state: state.to_owned(),
            refused: row.refused,
            renditions,
            uploaded_at: written(row.uploaded_at),
            link,
        }
    }
}

impl RenditionDetails {
    fn of((name, made): (String, Option<Made>)) -> Self {
        let state = if made.is_some() { "READY" } else { "PROCESSING" }.to_owned();
        let (width, height) = made.as_ref().map(|made| (made.width, made.height)).unzip();
        let (size, sha256) = made.map(|made| (made.size, made.sha256)).unzip();
        Self { name, state, width, height, size, sha256 }
    }
}
