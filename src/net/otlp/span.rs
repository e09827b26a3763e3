//! A span as whoever makes one sees it.

use crate::telemetry::trace::{SpanId, TraceId};

/// Something that took time, as a part of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace that it is part of.
    pub trace: TraceId,
    /// Its own name in it.
    pub id: SpanId,
    /// What it is a part of; `None` where it begins the trace.
    pub parent: Option<SpanId>,
    /// That is somebody else's.
    pub is_parent_remote: bool,
    /// What it is called, with the same words for all of its kind.
    pub name: String,
    /// Which side of a request it is.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// The word for why it failed; `None`: it did not.
    pub error: Option<&'static str>,
    /// A span of another trace that it waited for.
    pub link: Option<(TraceId, SpanId)>,
}

/// Which side of a request a span is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Inside this process.
    Internal,
    /// A request that is answered here.
    Server,
    /// A request that is sent.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Truth(bool),
}

impl Span {
    /// Adds an attribute.
    pub fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push((key, value.into()));
    }

    /// Adds an attribute that not every such span has.
    pub fn note_if_any(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.note(key, value);
        }
    }

    /// It failed; `why` is a word of a closed list.
    pub fn fail(&mut self, why: &'static str) {
        self.error = Some(why);
        self.note("error.type", why);
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}
