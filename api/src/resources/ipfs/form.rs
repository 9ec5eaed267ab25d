//! In which form content is asked for: as a file, or as a block.

use domain::violation::Violation;
use poem::Request;
use poem::http::header;
use serde::Deserialize;

use crate::http::error_code::ErrorCode;
use crate::http::problem::Problem;

/// In which form content is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bytes of the file.
    File,
    /// The block of the identifier: whoever doubts it hashes it.
    Block,
}

#[derive(Deserialize)]
struct Parameters {
    format: Option<String>,
}

const RAW: &str = "application/vnd.ipld.raw";
/// What peers ask for in other forms begins so.
const PEERS: &str = "application/vnd.ipld.";

impl Form {
    /// `?format=` counts before `Accept`.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let unknown = || Problem::invalid_field("format", Violation::NotOneOf("raw".to_owned()));
        match request.params::<Parameters>().map_err(|_| unknown())?.format.as_deref() {
            Some("raw") => Ok(Self::Block),
            Some(_) => Err(unknown()),
            None => accepted(request.header(header::ACCEPT).unwrap_or_default()),
        }
    }

    /// What a client knows content by that it has. A block and the file it begins are two things.
    pub fn tag(self, cid: &str) -> String {
        match self {
            Self::File => format!("\"{cid}\""),
            Self::Block => format!("\"{cid}.raw\""),
        }
    }
}

fn accepted(accept: &str) -> Result<Form, Problem> {
    let names = || accept.split(',').map(|range| range.split(';').next().unwrap_or("").trim());
    if names().any(|name| name.eq_ignore_ascii_case(RAW)) {
        Ok(Form::Block)
    } else if names().all(|name| name.starts_with(PEERS)) {
        Err(Problem::new(ErrorCode::NotAcceptable))
    } else {
        Ok(Form::File)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(uri: &str, accept: &str) -> Result<Form, u16> {
        let uri = uri.parse().unwrap();
        let request = Request::builder().uri(uri).header(header::ACCEPT, accept).finish();
        Form::of(&request).map_err(|problem| problem.code.status())
    }

    #[test]
    fn the_block_is_asked_for_by_name() {
        assert_eq!(form("/ipfs/a", "*/*"), Ok(Form::File));
        assert_eq!(form("/ipfs/a", ""), Ok(Form::File));
        assert_eq!(form("/ipfs/a?format=raw", "*/*"), Ok(Form::Block));
        assert_eq!(form("/ipfs/a", "text/html, application/vnd.ipld.raw;q=0.9"), Ok(Form::Block));
        assert_eq!(form("/ipfs/a", "application/vnd.ipld.car, */*"), Ok(Form::File));
        assert_eq!(form("/ipfs/a", "application/vnd.ipld.car; version=1"), Err(406));
        assert_eq!(form("/ipfs/a?format=raw&other=1", "application/vnd.ipld.car"), Ok(Form::Block));
        for bad in ["car", "", "RAW", "raw&format=raw"] {
            assert_eq!(form(&format!("/ipfs/a?format={bad}"), "*/*"), Err(400), "{bad}");
        }
    }
}
