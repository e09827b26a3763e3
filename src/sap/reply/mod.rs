//! From SAP's answer to a [`Lookup`]: status and headers first, then the body.
//!
//! Everything that is not plainly an answer about the partner that was asked for is an error with a
//! kind of its own. "Unknown" is only what SAP says in a proper way: an empty list of records, or a
//! status that the dialect names.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{
    error::ReplyProblem,
    path::{Missing, Path},
};
use crate::{
    config::SalesAreas,
    domain::{BusinessPartner, CountryCode, DistributionChannel, Lookup, PartnerId},
};

/// How the answers of one step are read.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) rows: Named,
    pub(super) id: Option<Named>,
    pub(super) channel: Named,
    pub(super) country: Named,
    pub(super) blocked: Option<Mark>,
    pub(super) contact_refused: Option<Mark>,
    pub(super) unknown_statuses: Vec<u16>,
    pub(super) blocked_statuses: Vec<u16>,
    pub(super) sales_areas: SalesAreas,
}

/// A path with the text it was written as.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) path: Path,
    pub(super) text: String,
}

/// A mark on a record: set when the value at `path` is one of `values`.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) path: Path,
    pub(super) values: Vec<String>,
}

/// What status and headers alone say.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Head {
    /// The body has the answer.
    Json,
    /// The status is the answer.
    Answer(Lookup),
    /// 401: our credentials.
    Credentials,
    /// 403: our rights.
    Forbidden,
    /// 3xx.
    Redirect,
    /// Any other status.
    Status,
    /// 200, and still no answer.
    Problem(ReplyProblem),
}

impl Reader {
    /// Reads status and headers.
    pub(super) fn head(&self, status: StatusCode, headers: &HeaderMap) -> Head {
        if self.unknown_statuses.contains(&status.as_u16()) {
            return Head::Answer(Lookup::Unknown);
        }
        if self.blocked_statuses.contains(&status.as_u16()) {
            return Head::Answer(Lookup::Found(BusinessPartner::new(None, None, true, false)));
        }
        match status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Head::Credentials,
            StatusCode::FORBIDDEN => return Head::Forbidden,
            status if status.is_redirection() => return Head::Redirect,
            _ => return Head::Status,
        }
        let encodings = headers.get_all(header::CONTENT_ENCODING);
        if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Head::Problem(ReplyProblem::ContentEncoding);
        }
        match media_type(headers).as_str() {
            "text/html" | "application/xhtml+xml" => Head::Problem(ReplyProblem::Html),
            "application/json" => Head::Json,
            media_type
                if media_type.starts_with("application/") && media_type.ends_with("+json") =>
            {
                Head::Json
            }
            _ => Head::Problem(ReplyProblem::ContentType),
        }
    }

    /// Reads a body that says it is JSON.
    pub(super) fn body(&self, asked: &PartnerId, body: &[u8]) -> Result<Lookup, ReplyProblem> {
        let root: Value = serde_json::from_slice(body).map_err(|error| ReplyProblem::NotJson {
            position: if error.is_eof() {
                body.len()
            } else {
                byte_position(body, error.line(), error.column())
            },
        })?;
        if ["error", "fault"].into_iter().any(|name| root.get(name).is_some_and(Value::is_object)) {
            return Err(ReplyProblem::ErrorBody);
        }
        let rows = self.rows.path.rows(&root)?;
        for row in &rows {
            self.check_id(asked, row)?;
        }
        match rows.as_slice() {
            [] => Ok(Lookup::Unknown),
            [row] => self.partner(row),
            _ => Ok(Lookup::Ambiguous),
        }
    }

    /// The record's own ID must be the one that was asked for, character by character: SAP pads
    /// with zeros and Cloud for Customer knows wildcards, and either would be somebody else.
    fn check_id(&self, asked: &PartnerId, row: &Value) -> Result<(), ReplyProblem> {
        let Some(id) = &self.id else { return Ok(()) };
        let is_asked = |node: &&Value| match node {
            Value::String(text) => text == asked.as_str(),
            Value::Number(number) => number.to_string() == asked.as_str(),
            _ => false,
        };
        let ids = id.path.nodes(row)?;
        if !ids.is_empty() && ids.iter().all(is_asked) {
            Ok(())
        } else {
            Err(ReplyProblem::WrongRecord)
        }
    }

    fn partner(&self, row: &Value) -> Result<Lookup, ReplyProblem> {
        let channel = self.one(&self.channel, row, "distribution channel", |text| {
            DistributionChannel::parse(text).ok()
        })?;
        let country =
            self.one(&self.country, row, "country code", |text| CountryCode::parse(text).ok())?;
        let blocked = is_set(self.blocked.as_ref(), row)?;
        let contact_refused = is_set(self.contact_refused.as_ref(), row)?;
        let (Picked::One(channel), Picked::One(country)) = (channel, country) else {
            return Ok(Lookup::Ambiguous);
        };
        Ok(Lookup::Found(BusinessPartner::new(channel, country, blocked, contact_refused)))
    }

    /// The one value at `place`, by the rule for several.
    fn one<T: PartialEq>(
        &self,
        place: &Named,
        row: &Value,
        what: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Picked<T>, ReplyProblem> {
        let wrong = || ReplyProblem::Value { what, path: place.text.clone() };
        let mut nodes = place.path.nodes(row)?;
        if self.sales_areas == SalesAreas::First {
            nodes.truncate(1);
        }
        let mut picked: Option<T> = None;
        let mut several = false;
        for node in nodes {
            let value = match node {
                Value::Null => continue,
                Value::String(text) if text.is_empty() => continue,
                Value::String(text) => parse(text).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            };
            several |= picked.as_ref().is_some_and(|first| *first != value);
            picked.get_or_insert(value);
        }
        Ok(if several { Picked::Several } else { Picked::One(picked) })
    }
}

/// What is left of several values.
enum Picked<T> {
    One(Option<T>),
    Several,
}

impl From<Missing> for ReplyProblem {
    fn from(Missing(path): Missing) -> Self {
        Self::PathMissing { path }
    }
}

fn is_set(mark: Option<&Mark>, row: &Value) -> Result<bool, ReplyProblem> {
    let Some(mark) = mark else { return Ok(false) };
    let matches = |node: &&Value| {
        let text = match node {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return false,
        };
        mark.values.contains(&text)
    };
    Ok(mark.path.nodes(row)?.iter().any(matches))
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

/// Lines count from 1 and columns are bytes in `serde_json`.
fn byte_position(body: &[u8], line: usize, column: usize) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (before + column.saturating_sub(1)).min(body.len())
}

#[cfg(test)]
mod tests;
