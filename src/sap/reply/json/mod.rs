//! SAP's JSON, with one reading only: a member that is there twice has two, and which one counts
//! depends on the reader. What looks harmless here may have been another partner's record to SAP.
//!
//! Texts stay where they are in SAP's answer, unless something in them is escaped: of an answer of 2 KB
//! a handful of values is looked at (read into `serde_json::Value` it took 7 us, and does 2 so).

mod node;
mod reading;

use serde_json::Deserializer;

pub(in crate::sap) use node::Node;

/// A text, read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sap) struct Json<'t> {
    /// The value that it is.
    pub(in crate::sap) root: Node<'t>,
    /// A list somewhere in it goes on elsewhere: OData v2 `__next`, v4 `@odata.nextLink` (of an expanded
    /// list: behind its name).
    pub(in crate::sap) goes_on: bool,
}

impl Json<'_> {
    fn into_owned(self) -> Json<'static> {
        Json { root: self.root.into_owned(), goes_on: self.goes_on }
    }
}

/// Reads a text in which no object has a member twice.
///
/// # Errors
///
/// What is no JSON, or has two readings, with its place.
pub(in crate::sap) fn read(body: &[u8]) -> Result<Json<'_>, serde_json::Error> {
    // As a whole it is known to be UTF-8 much sooner than text by text.
    let read = match str::from_utf8(body) {
        Ok(text) => reading::read(&mut Deserializer::from_str(text)),
        Err(_) => reading::read(&mut Deserializer::from_slice(body)),
    };
    read.or_else(|error| match without_lone_surrogates(body) {
        Some(mended) => reading::read(&mut Deserializer::from_slice(&mended)).map(Json::into_owned),
        None => Err(error),
    })
}

/// The same text with U+FFFD for each escape of half a character; `None` where there is none.
///
/// ABAP and JavaScript cut texts in the middle of a pair of UTF-16. Such a text is broken, the record it
/// stands in is not: it is read, and compares with nothing.
fn without_lone_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(length) = escape_at(body, at) {
        let next = match unit_at(body, at) {
            Some(0xD800..=0xDBFF) if matches!(unit_at(body, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                let digits = mended.get_or_insert_with(|| body.to_vec()).get_mut(at + 2..at + 6);
                if let Some(digits) = digits {
                    digits.copy_from_slice(b"FFFD");
                }
                6
            }
            _ => length,
        };
        at += next;
    }
    mended
}

/// How many bytes the escape, or the plain byte, at a place has; `None` behind the end.
fn escape_at(body: &[u8], at: usize) -> Option<usize> {
    Some(if *body.get(at)? == b'\\' { 2 } else { 1 })
}

/// The unit of UTF-16 that is escaped at a place: `\uD83D`.
fn unit_at(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(str::from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
}

#[cfg(test)]
mod tests;
