//! Where in SAP's answer something stands: `d.results`, `SalesData[0].Text`, `$.a.b[*]['c']`.
//!
//! Three things that JSONPath itself does not know are needed here. A member that the dialect names
//! and SAP does not send is a mistake and told apart from one that is empty. `{"results": […]}`, in
//! which SAP Gateway wraps every list and Cloud for Customer none, is looked through. And the path
//! needs no `$` in front, as in jtel's own fields. Whatever else begins with `$` (filters, slices,
//! `..`) is left to `serde_json_path`; there a missing member counts as empty.

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};
use smallvec::SmallVec;

use crate::sap::reply::json::Node;

/// The longest path accepted, in bytes; the presets stay below 60.
const MAX_PATH: usize = 500;

/// The list inside SAP Gateway's wrapper.
const WRAPPER: &str = "results";

/// What OData v2 puts around every answer.
const ENVELOPE: &str = "d";

/// What a member that is not there means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sap) enum Absent {
    /// The path is wrong, or `$expand` and `$select` do not fit it.
    IsAMistake,
    /// There is nothing to tell.
    IsEmpty,
}

/// What is at a path. Most paths lead to one thing, and lists of a partner's have a few: these need no
/// memory of their own.
pub(in crate::sap) type Nodes<'v> = SmallVec<[&'v Node<'v>; 4]>;

/// A path that can be followed.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Path {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Plain(Vec<PathStep>),
    JsonPath(JsonPath),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum PathStep {
    Member(String),
    Index(usize),
    All,
}

/// Why a text is not a path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::sap) enum PathProblem {
    /// Not even a beginning.
    #[error(
        "is empty; write a path such as `d.results[0].CountryCode`, or `$` for the whole answer"
    )]
    Empty,
    /// Nobody writes such a path.
    #[error("has more than {MAX_PATH} characters")]
    Length,
    /// Neither of the two ways of writing.
    #[error("is no path at position {position}: {expected} expected")]
    Syntax {
        /// In bytes, from 0.
        position: usize,
        /// What would have been right there.
        expected: &'static str,
    },
    /// Begins with `$`, but JSONPath does not know it either.
    #[error("is no JSONPath: {0}")]
    JsonPath(String),
}

/// A member that the path names is not in SAP's answer. Shows the dialect's text, never SAP's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::sap) struct Missing(pub(in crate::sap) String);

impl Path {
    /// Reads a path.
    pub(in crate::sap) fn compile(text: &str) -> Result<Self, PathProblem> {
        if text.is_empty() {
            return Err(PathProblem::Empty);
        }
        if text.len() > MAX_PATH {
            return Err(PathProblem::Length);
        }
        let kind = match (plain_steps(text), text.starts_with('$')) {
            (Ok(steps), _) => Kind::Plain(steps),
            (Err(problem), false) => return Err(problem),
            (Err(_), true) => Kind::JsonPath(
                JsonPath::parse(text).map_err(|error| PathProblem::JsonPath(error.to_string()))?,
            ),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// The same path as seen from a record. jtel's own fields write it from the answer's top down to
    /// the first record (`d.results[0].CountryCode`), and here it may be written like that, too.
    #[must_use]
    pub(in crate::sap) fn seen_from(self, rows: &Self) -> Self {
        let (Kind::Plain(steps), Kind::Plain(above)) = (&self.kind, &rows.kind) else {
            return self;
        };
        let Some(rest) = steps.strip_prefix(above.as_slice()) else { return self };
        let wrapped = rest.strip_prefix(&[PathStep::Member(WRAPPER.to_owned())]).unwrap_or(rest);
        let is_whole_answer = above == &[PathStep::Member(ENVELOPE.to_owned())];
        let rest = match wrapped.strip_prefix(&[PathStep::Index(0)]) {
            Some(rest) => rest.to_vec(),
            // A single record stands in the envelope itself.
            None if is_whole_answer => rest.to_vec(),
            None => return self,
        };
        Self { kind: Kind::Plain(rest), ..self }
    }

    /// Everything at this path, in SAP's order. Where SAP says `null` on the way or at the end,
    /// that `null` is in the list; an empty list on the way leaves nothing.
    pub(in crate::sap) fn nodes<'v>(&self, root: &'v Node<'v>) -> Result<Nodes<'v>, Missing> {
        self.find(root, Absent::IsAMistake)
    }

    /// The same, for an SAP that may leave out what is empty.
    pub(in crate::sap) fn find<'v>(
        &self,
        root: &'v Node<'v>,
        absent: Absent,
    ) -> Result<Nodes<'v>, Missing> {
        match &self.kind {
            Kind::JsonPath(path) => Ok(by_json_path(path, root)),
            Kind::Plain(steps) => {
                let mut nodes = Nodes::from_iter([root]);
                for step in steps {
                    let mut next = Nodes::new();
                    for node in nodes {
                        self.follow(step, node, absent, &mut next)?;
                    }
                    nodes = next;
                }
                Ok(nodes)
            }
        }
    }

    /// The records at this path: the elements of a list, or the one thing that stands there.
    pub(in crate::sap) fn rows<'v>(
        &self,
        root: &'v Node<'v>,
        absent: Absent,
    ) -> Result<Nodes<'v>, Missing> {
        let mut rows = Nodes::new();
        for node in self.find(root, absent)? {
            match list(node) {
                Some(elements) => rows.extend(elements),
                None => rows.push(node),
            }
        }
        rows.retain(|row| !row.is_null());
        if rows.iter().all(|row| row.is_object()) { Ok(rows) } else { Err(self.missing()) }
    }

    /// As the dialect writes it.
    pub(in crate::sap) fn text(&self) -> &str {
        &self.text
    }

    /// The same for the records that were asked for: nothing at all (`null`, on the way or in the
    /// list) is no answer, while an empty list is one.
    pub(in crate::sap) fn records<'v>(&self, root: &'v Node<'v>) -> Result<Nodes<'v>, Missing> {
        let nodes = self.find(root, Absent::IsAMistake)?;
        let has_null = |node: &&Node<'_>| {
            node.is_null() || list(node).is_some_and(|elements| elements.iter().any(Node::is_null))
        };
        if nodes.iter().any(has_null) {
            Err(self.missing())
        } else {
            self.rows(root, Absent::IsAMistake)
        }
    }

    fn follow<'v>(
        &self,
        step: &PathStep,
        node: &'v Node<'v>,
        absent: Absent,
        next: &mut Nodes<'v>,
    ) -> Result<(), Missing> {
        match (step, node) {
            (_, Node::Null) => next.push(node),
            (PathStep::Member(name), Node::Object(_)) => match node.get(name) {
                Some(member) => next.push(member),
                None if absent == Absent::IsEmpty => {}
                None => return Err(self.missing()),
            },
            // A bare list where the path was written for a wrapped one.
            (PathStep::Member(name), Node::List(_)) if name == WRAPPER => next.push(node),
            (PathStep::Member(_), _) => return Err(self.missing()),
            (PathStep::Index(index), _) => {
                next.extend(list(node).ok_or_else(|| self.missing())?.get(*index));
            }
            (PathStep::All, _) => next.extend(list(node).ok_or_else(|| self.missing())?),
        }
        Ok(())
    }

    fn missing(&self) -> Missing {
        Missing(self.text.clone())
    }
}

/// A list, bare or in its wrapper.
fn list<'v>(node: &'v Node<'v>) -> Option<&'v [Node<'v>]> {
    match node.get(WRAPPER).unwrap_or(node) {
        Node::List(elements) => Some(elements),
        _ => None,
    }
}

/// JSONPath finds places in `serde_json`'s values; the places are the same in ours.
fn by_json_path<'v>(path: &JsonPath, root: &'v Node<'v>) -> Nodes<'v> {
    let value = Value::from(root);
    let follow = |node: &'v Node<'v>, element: &PathElement<'_>| match element {
        PathElement::Name(name) => node.get(name),
        PathElement::Index(index) => node.at(*index),
    };
    path.query_located(&value)
        .locations()
        .filter_map(|place| place.iter().try_fold(root, follow))
        .collect()
}

/// Reads `a.b[0].c`, `$.a.b[*]['c']` and `$`.
fn plain_steps(text: &str) -> Result<Vec<PathStep>, PathProblem> {
    let mut steps = Vec::new();
    let (mut rest, mut may_begin) = match text.strip_prefix('$') {
        Some(rest) => (rest, false),
        None => (text, true),
    };
    while !rest.is_empty() {
        let position = text.len() - rest.len();
        let wrong = |expected| PathProblem::Syntax { position, expected };
        if let Some(inside) = rest.strip_prefix('[') {
            let (step, after) =
                bracket(inside).ok_or_else(|| wrong("`[0]`, `[*]` or `['name']`"))?;
            steps.push(step);
            rest = after;
        } else {
            let name = match rest.strip_prefix('.') {
                Some(name) if !may_begin => name,
                None if may_begin => rest,
                _ => return Err(wrong("`.` and a name, or `[`")),
            };
            let length = name.find(|c| !is_name(c)).unwrap_or(name.len());
            let (name, after) = name.split_at(length);
            if name.is_empty() {
                return Err(wrong("a name"));
            }
            steps.push(PathStep::Member(name.to_owned()));
            rest = after;
        }
        may_begin = false;
    }
    Ok(steps)
}

/// What stands in brackets, and what follows them. Names in quotes have no escapes here; JSONPath
/// knows them.
fn bracket(inside: &str) -> Option<(PathStep, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, after) = quoted.split_once(quote)?;
            let after = after.strip_prefix(']')?;
            return (!name.is_empty() && !name.contains('\\'))
                .then(|| (PathStep::Member(name.to_owned()), after));
        }
    }
    let (index, after) = inside.split_once(']')?;
    if index == "*" {
        return Some((PathStep::All, after));
    }
    // No sign: `parse` would take `+1`.
    let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let index = digits.then(|| index.parse().ok())??;
    Some((PathStep::Index(index), after))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '@')
}

#[cfg(test)]
mod tests;
