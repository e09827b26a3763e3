//! From SAP's answer to a [`Lookup`]: status and headers first, then the body.
//!
//! Everything that is not plainly an answer about the partner that was asked for is an error with a
//! kind of its own. "Unknown" is only what SAP says in a proper way: an empty list of records, or a
//! status that the dialect names.

mod addresses;
mod areas;
mod dates;
mod fields;
pub(in crate::sap) mod json;
pub(in crate::sap) mod looked;
mod mark;
mod record;
pub(in crate::sap) mod said;
mod truth;

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode, header};

use crate::domain::{Ambiguity, BusinessPartner, CountryCode, Facts, Lookup, PartnerId};
use crate::sap::{
    dialect::facts::FactPaths, dialect::path::Absent, error::ReplyProblem, error::not_json,
    link::encoding::Encoding,
};
use json::Json;
use said::Said;

pub(super) use addresses::{Addresses, Usage, Validity};
pub(super) use areas::{AreaRule, Areas, Channel, Unmapped};
pub(super) use fields::OwnFields;
pub(super) use mark::{Mark, MarkSet, Named};
pub(super) use record::{Identity, Next};

/// With this header BTP says that it wants a login, also with status 200 (SAP BTP Neo).
const LOGIN_WANTED: &str = "com.sap.cloud.security.login";

/// Errors of SAP Gateway's hub, which knows services and no partners (`/IWFND/MED/170`: there is no
/// such service). Those of the backend begin with `/IWBEP/`.
const GATEWAY_HUB: &str = "/IWFND/";

/// How the answers of one step are read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) rows: Named,
    pub(super) identity: Identity,
    pub(super) next: Next,
    pub(super) blocked: MarkSet,
    pub(super) contact_refused: MarkSet,
    /// ISO's codes by SAP's, where they differ.
    pub(super) country_codes: BTreeMap<String, CountryCode>,
    pub(super) absent: Absent,
    /// What the rules look at.
    pub(super) facts: FactPaths,
    pub(super) unknown_statuses: Vec<u16>,
    pub(super) unknown_needs_error: bool,
    pub(super) blocked_statuses: Vec<u16>,
}

/// Who was asked for.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    /// In the form in which it was sent.
    pub id: PartnerId,
    /// The dialled number without plus.
    pub phone: Option<&'a str>,
}

/// What an answer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Read {
    /// All there is to know.
    Known(Lookup),
    /// The partner is known, but channel and country are another one's.
    LeadsOn {
        /// `None`: there is no other partner.
        id: Option<PartnerId>,
        /// The step to ask about it.
        step: usize,
        /// The marks of the record that leads on.
        marks: Marks,
    },
}

/// The marks of a partner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Marks {
    /// SAP says that the partner is blocked.
    pub blocked: bool,
    /// SAP says that the partner does not want to be contacted.
    pub contact_refused: bool,
    /// What each of the partner's records has that the rules look at.
    pub facts: Vec<Facts>,
}

/// What status and headers alone say.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Head {
    /// The body has the answer.
    Json,
    /// The status is the answer.
    Answer(Lookup),
    /// The status is the answer if the body has an error, see [`Reader::is_unknown`].
    UnknownIfError,
    /// 401: our credentials.
    Credentials,
    /// 403: our rights.
    Forbidden,
    /// 3xx.
    Redirect,
    /// 429: too many requests.
    Throttled,
    /// 503 and a page for people.
    Maintenance,
    /// Any other status.
    Status,
    /// 200, and still no answer.
    Problem(ReplyProblem),
}

impl Reader {
    /// Reads status and headers.
    pub(super) fn head(&self, status: StatusCode, headers: &HeaderMap) -> Head {
        let media_type = media_type(headers);
        let is_page = is_page(&media_type);
        // A text or a page for people is the web server or load balancer in front, a login or a missing
        // right: taken for SAP's word it would call every partner unknown or blocked.
        let is_its_own = is_json(&media_type) || media_type.is_empty();
        if is_its_own && self.unknown_statuses.contains(&status.as_u16()) {
            return match (self.unknown_needs_error, is_json(&media_type)) {
                (false, _) => Head::Answer(Lookup::Unknown),
                (true, true) => Head::UnknownIfError,
                // A page of the web server in front, most likely: there is no such service.
                (true, false) => Head::Status,
            };
        }
        if is_its_own && self.blocked_statuses.contains(&status.as_u16()) {
            return Head::Answer(Lookup::Found(BusinessPartner::new(None, None, true, false)));
        }
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Head::Credentials,
            StatusCode::FORBIDDEN => return Head::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => return Head::Throttled,
            StatusCode::SERVICE_UNAVAILABLE if is_page => return Head::Maintenance,
            status if status.is_redirection() => return Head::Redirect,
            _ => return Head::Status,
        }
        if let Err(problem) = Encoding::of(headers) {
            return Head::Problem(problem);
        }
        if is_page || headers.contains_key(LOGIN_WANTED) {
            Head::Problem(ReplyProblem::Html)
        } else if is_json(&media_type) {
            Head::Json
        } else {
            Head::Problem(ReplyProblem::ContentType)
        }
    }

    /// Whether the error that came with such a status is about the partner, and not about the
    /// service: SAP Gateway's hub answers 404 as well where a service is not active, and then every
    /// partner would look unknown.
    pub(super) fn is_unknown(said: Option<&Said>) -> bool {
        said.is_some_and(|said| {
            said.is_odata && said.code.as_ref().is_none_or(|code| !code.starts_with(GATEWAY_HUB))
        })
    }

    /// Reads a body that says it is JSON.
    ///
    /// # Errors
    ///
    /// [`ReplyProblem`]: it is no answer about the partner that was asked for.
    pub fn body(&self, sought: Sought<'_>, body: &[u8]) -> Result<Read, ReplyProblem> {
        let body = without_mark(body);
        let Json { root, goes_on } = json::read(body).map_err(|error| not_json(body, &error))?;
        if let Some(said) = said::in_json(&root) {
            return Err(ReplyProblem::ErrorBody { code: said.code });
        }
        let rows = self.rows.path.records(&root)?;
        for row in &rows {
            self.identity.check(sought, row)?;
        }
        match rows.as_slice() {
            // Never decided on half of it: the rest may say otherwise.
            [] | [_] if goes_on => Err(ReplyProblem::HalfList),
            [] => Ok(Read::Known(Lookup::Unknown)),
            [row] => self.partner(row),
            _ => Ok(Read::Known(Lookup::Ambiguous(Ambiguity::Records))),
        }
    }
}

/// A body without the byte order mark that some servers begin with (RFC 8259 section 8.1 lets a reader
/// ignore it).
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// The content type without its parameters, in lower case; empty if there is none or more than one.
fn media_type(headers: &HeaderMap) -> String {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(only), None) => only
            .to_str()
            .ok()
            .and_then(|text| text.split(';').next())
            .map(|media_type| media_type.trim().to_ascii_lowercase())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// Whether an answer is a page for people.
pub(super) fn shows_page(headers: &HeaderMap) -> bool {
    is_page(&media_type(headers))
}

fn is_page(media_type: &str) -> bool {
    matches!(media_type, "text/html" | "application/xhtml+xml")
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

#[cfg(test)]
mod tests;
