//! Why an answer of SAP cannot be used.

use std::sync::Arc;

/// What makes an answer with a good status unusable.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplyProblem {
    /// A page for people.
    #[error(
        "an HTML page; usually a login form: check `sap.login` and the endpoint's logon procedure"
    )]
    Html,
    /// Neither JSON nor HTML.
    #[error(
        "something other than JSON; the request must ask for it, with `$format=json` in OData v2"
    )]
    ContentType,
    /// Compressed, although that was not asked for.
    #[error("a compressed body that was not asked for; look for a proxy in between")]
    ContentEncoding,
    /// Compressed as we asked for, and broken.
    #[error("a compressed body that cannot be unpacked; look for a proxy in between")]
    Packed,
    /// Longer than the limit.
    #[error(
        "more than {limit} bytes; narrow the request with `$select`, or raise `sap.max_answer`"
    )]
    TooLarge {
        /// `sap.max_answer`.
        limit: usize,
    },
    /// Not JSON, although it says so.
    #[error("a body that stops being JSON, or has a member twice, at byte {position}")]
    NotJson {
        /// From 0.
        position: usize,
    },
    /// A list that goes on in another answer.
    #[error("half a list, and a link to the rest; narrow the request with `$filter` or `$select`")]
    HalfList,
    /// Two lengths, and so two readings (RFC 9112 section 6.3).
    #[error("Content-Length beside Transfer-Encoding; look for a proxy in between")]
    TwoLengths,
    /// An error message where records should be.
    #[error("an error message and a good status; try the request by hand with `dialgate explain`")]
    ErrorBody {
        /// SAP's own code for it.
        code: Option<Arc<str>>,
    },
    /// A member that the dialect names is not there.
    #[error(
        "a record without `{path}`; compare the path with the answer, and `$expand` and `$select` with the path"
    )]
    PathMissing {
        /// As the dialect writes it.
        path: String,
    },
    /// A record of somebody else. Never used.
    #[error("the record of another partner; look for a proxy or cache in between")]
    WrongRecord,
    /// The record of the partner whose ID differs in leading zeros only. Never used.
    #[error(
        "the partner's ID with other leading zeros; write the form in which SAP answers into `sap.id_form`"
    )]
    OtherForm,
    /// A channel or country that cannot be one.
    #[error("a value at `{path}` that is no {what}")]
    Value {
        /// `distribution channel`, `country code` or `partner ID`.
        what: &'static str,
        /// As the dialect writes it.
        path: String,
    },
}

/// A body that is not JSON, and from where on.
pub(in crate::sap) fn not_json(body: &[u8], error: &serde_json::Error) -> ReplyProblem {
    let position =
        if error.is_eof() { body.len() } else { byte_position(body, error.line(), error.column()) };
    ReplyProblem::NotJson { position }
}

/// Lines count from 1 and columns are bytes in `serde_json`.
fn byte_position(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column.saturating_sub(1)).min(body.len())
}
