//! The development outbox, as a page and as JSON: what would have been mailed.

use commands::outside::mail::Mail;
use commands::outside::outbox::Outbox;
use poem::http::header;
use poem::web::Data;
use poem::{IntoResponse, Request, Response, handler};
use serde_json::json;

use crate::http::problem::Problem;

/// The newest mails, newest first. Only wired where an outbox is configured.
#[handler]
pub async fn outbox(request: &Request, outbox: Data<&Outbox>) -> poem::Result<Response> {
    let mails = outbox.newest().await.map_err(|error| Problem::internal(&error))?;
    let accept = request.header(header::ACCEPT).unwrap_or_default();
    Ok(if accept.contains("text/html") {
        poem::web::Html(page(&mails)).into_response()
    } else {
        poem::web::Json(json!({ "success": true, "data": mails })).into_response()
    })
}

fn page(mails: &[Mail]) -> String {
    let letters: String = mails
        .iter()
        .map(|mail| {
            format!(
                "<article><h2>{}</h2><p>to {}</p><pre>{}</pre></article>",
                escaped(&mail.subject),
                escaped(&mail.to),
                linked(&escaped(&mail.body))
            )
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Outbox</title>\
         <h1>Outbox</h1><p>What would have been mailed, newest first.</p>{letters}</html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Links stand on lines of their own.
fn linked(body: &str) -> String {
    body.lines()
        .map(|line| {
            if line.starts_with("http") {
                format!("<a href=\"{line}\">{line}</a>\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}
