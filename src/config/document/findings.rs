//! What is wrong with a file, all of it: every finding with its place, its line and what to do.
//!
//! Findings name keys and places; the line is shown through a veil over everything that is, or may
//! be, a secret.

use std::{collections::BTreeSet, fmt, ops::Range, sync::Arc};

use super::node::{Node, Yaml};

/// Most characters of a text from the file that a message repeats.
const MAX_SHOWN: usize = 60;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The file's name as the operator gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The key in full: `sap.login.basic.password`. Empty where the file itself is meant.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
    /// More about what to write.
    pub help: Option<String>,
    /// The file is in force all the same; somebody should know.
    pub is_note: bool,
    pub(super) document: usize,
    pub(super) span: Range<usize>,
}

/// Everything that is wrong. Without one, the file is in force; with one, nothing of it is. Notes go
/// along with them, and stand in nobody's way.
#[derive(Clone, Default)]
pub struct Findings {
    pub(super) documents: Vec<Document>,
    pub(super) list: Vec<Finding>,
    /// Keys whose values could not be read: what follows from their absence is no finding.
    unread: BTreeSet<String>,
}

/// A file that findings point into.
#[derive(Clone)]
pub(super) struct Document {
    name: String,
    pub(super) text: Arc<str>,
    tree: Option<Arc<Node>>,
    /// What is not shown.
    pub(super) veils: Vec<Range<usize>>,
}

impl Findings {
    /// No findings yet in a file. A byte order mark at its beginning is not part of the text.
    pub(in crate::config) fn new(name: &str, text: &str) -> Self {
        let mut findings = Self::default();
        findings.open(name, text);
        findings
    }

    /// Adds a file that findings may point into.
    pub(in crate::config) fn open(&mut self, name: &str, text: &str) -> usize {
        self.documents.push(Document {
            name: printable(name),
            text: text.into(),
            tree: None,
            veils: Vec::new(),
        });
        self.documents.len() - 1
    }

    /// From here on keys can be found in the file's tree.
    pub(in crate::config) fn know(&mut self, tree: Arc<Node>) {
        if let Some(document) = self.documents.first_mut() {
            document.tree = Some(tree);
        }
    }

    /// Adds a finding at a key of `config.yaml`, or, where the key is not there, at its section.
    /// Nothing is added where the key's own value could not be read: that is a finding already.
    pub fn at(&mut self, key: &str, message: impl Into<String>) {
        self.at_with_help(key, message, None);
    }

    /// Adds a note at a key: what an operator should know, and what is in force all the same.
    pub fn note(&mut self, key: &str, message: impl Into<String>) {
        if self.is_unread(key) {
            return;
        }
        let span = self.place(key);
        self.add(0, span, key, &message.into(), None, true);
    }

    /// Adds a note at bytes of a file.
    pub(in crate::config) fn note_at(
        &mut self,
        document: usize,
        span: Range<usize>,
        message: impl Into<String>,
    ) {
        self.add(document, span, "", &message.into(), None, true);
    }

    pub(in crate::config) fn at_with_help(
        &mut self,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        if self.is_unread(key) {
            return;
        }
        let span = self.place(key);
        self.push(0, span, key, message.into(), help);
    }

    /// Adds a finding at bytes of a file.
    pub(in crate::config) fn push(
        &mut self,
        document: usize,
        span: Range<usize>,
        key: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.add(document, span, key, &message.into(), help, false);
    }

    fn add(
        &mut self,
        document: usize,
        span: Range<usize>,
        key: &str,
        message: &str,
        help: Option<String>,
        is_note: bool,
    ) {
        let (file, line, column) = match self.documents.get(document) {
            Some(document) => {
                let (line, column) = position(&document.text, span.start);
                (document.name.clone(), line, column)
            }
            None => (String::new(), 1, 1),
        };
        let (key, message) = (printable(key), printable(message));
        self.list.push(Finding { file, line, column, key, message, help, is_note, document, span });
        self.list.sort_by_key(|finding| (finding.document, finding.span.start));
    }

    /// Remembers that the value of a key could not be read.
    pub(in crate::config) fn unread(&mut self, key: &str) {
        self.unread.insert(key.to_owned());
    }

    /// The value of this key, or of a section around it, could not be read.
    pub(in crate::config) fn is_unread(&self, key: &str) -> bool {
        self.unread.contains("") || self.unread.iter().any(|unread| is_within(key, unread))
    }

    /// Nothing is wrong with a key or with anything below it.
    pub fn spare(&self, section: &str) -> bool {
        !self.is_unread(section)
            && self.iter().all(|f| f.document != 0 || !is_within(&f.key, section))
            && !self.unread.iter().any(|unread| is_within(unread, section))
    }

    /// The places of those entries of a list in which something is wrong.
    pub(in crate::config) fn faulty_entries(&self, list: &str) -> BTreeSet<usize> {
        let place = |key: &str| {
            let rest = key.strip_prefix(list)?.strip_prefix('[')?;
            rest.split_once(']')?.0.parse().ok()
        };
        let keys = self.iter().filter(|finding| finding.document == 0).map(|f| f.key.as_str());
        keys.chain(self.unread.iter().map(String::as_str)).filter_map(place).collect()
    }

    /// Nothing is wrong in any of the files that `config.yaml` names, as far as they were opened.
    pub(in crate::config) fn spare_other_files(&self) -> bool {
        self.iter().all(|finding| finding.document == 0)
    }

    /// Does not show these bytes of `config.yaml`.
    pub(in crate::config) fn veil(&mut self, span: Range<usize>) {
        if let Some(document) = self.documents.first_mut()
            && !span.is_empty()
        {
            document.veils.push(span);
        }
    }

    /// Some of these bytes are not shown.
    pub(in crate::config) fn is_veiled(&self, span: &Range<usize>) -> bool {
        self.documents.first().is_some_and(|document| {
            document.veils.iter().any(|veil| veil.start < span.end && span.start < veil.end)
        })
    }

    /// Where a key is, as `config.yaml:12`.
    pub(in crate::config) fn line_of(&self, key: &str) -> String {
        self.line_of_byte(0, self.place(key).start)
    }

    /// Where a byte of a file is, as `numbers.csv:12`.
    pub(in crate::config) fn line_of_byte(&self, document: usize, byte: usize) -> String {
        let line = self.line_number(document, byte);
        let name = self.documents.get(document).map(|document| document.name.as_str());
        name.map_or_else(String::new, |name| format!("{name}:{line}"))
    }

    /// The line of a byte of a file, from 1.
    pub(in crate::config) fn line_number(&self, document: usize, byte: usize) -> usize {
        self.documents.get(document).map_or(1, |document| position(&document.text, byte).0)
    }

    /// The bytes a finding at a key points at: the value if it is short, else the key.
    fn place(&self, key: &str) -> Range<usize> {
        let Some(tree) = self.documents.first().and_then(|document| document.tree.as_deref())
        else {
            return 0..0;
        };
        let (name, value) = tree.nearest(key);
        match (&value.value, name) {
            (Yaml::List(_) | Yaml::Map(_) | Yaml::Null, Some(name)) => name.span.clone(),
            (Yaml::Map(entries), None) if !key.is_empty() && !std::ptr::eq(value, tree) => {
                entries.first().map_or(value.span.clone(), |first| first.key.span.clone())
            }
            (Yaml::List(_) | Yaml::Map(_) | Yaml::Null, None) if std::ptr::eq(value, tree) => 0..0,
            _ => value.span.clone(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// One after the other, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter().filter(|finding| !finding.is_note)
    }

    /// What somebody should know besides, in the order of the file.
    pub fn notes(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter().filter(|finding| finding.is_note)
    }
}

/// The first line of a finding, which is enough to act: `config.yaml:12:3: sap.timeout: …`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if self.is_note {
            f.write_str("note: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All of them with their lines, without colour.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(false))
    }
}

/// As [`Display`](fmt::Display): the texts of the files are not for logs.
impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Findings {}

/// `key` is `section` or stands below it.
fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A text from outside, short and without anything that could steer a terminal.
pub(in crate::config) fn shown(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    printable(&format!("{short}{more}"))
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Line and column (in characters) of a byte, both from 1. A byte after the last line counts to it.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let line = line_at(text, byte);
    let number = text.get(..line.start).unwrap_or_default().matches('\n').count() + 1;
    let before = text.get(line.start..byte.min(line.end)).unwrap_or_default();
    (number, before.chars().count() + 1)
}

/// The bytes of the line that a byte is in, without its end.
pub(in crate::config) fn line_at(text: &str, byte: usize) -> Range<usize> {
    let byte = text.floor_char_boundary(byte.min(text.trim_end_matches(['\n', '\r']).len()));
    let start = text.get(..byte).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let rest = text.get(start..).unwrap_or_default();
    let length = rest.find('\n').unwrap_or(rest.len());
    let line = rest.get(..length).unwrap_or_default();
    start..start + line.trim_end_matches('\r').len()
}

/// The byte of a line and a column, both from 1.
pub(in crate::config) fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let offset = rest.char_indices().nth(column - 1).map_or(rest.len(), |(offset, _)| offset);
    start + offset
}
