//! Values in a record: where they are, and whether they set a mark.

use std::borrow::Cow;

use super::{ReplyProblem, json::Node, truth::truth_of};
use crate::sap::dialect::path::{Absent, Path};

/// A path with the text it was written as.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Named {
    pub(in crate::sap) path: Path,
    pub(in crate::sap) text: String,
}

/// A mark on a record: set when the value at `path` is one of `values`.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Mark {
    pub(in crate::sap) path: Path,
    pub(in crate::sap) values: Vec<String>,
}

/// Marks of which any is enough.
#[derive(Clone, Debug, Default)]
pub(in crate::sap) struct MarkSet {
    pub(in crate::sap) any: Vec<Mark>,
    /// A rule needs them. Where none does, one that is not there or cannot be read is not set: it makes
    /// no difference, and must not cost a call.
    pub(in crate::sap) is_needed: bool,
}

impl MarkSet {
    /// Whether any of them is set.
    pub(super) fn is_set(&self, row: &Node<'_>, absent: Absent) -> Result<bool, ReplyProblem> {
        let mut is_set = false;
        for mark in &self.any {
            match mark.is_set(row, absent) {
                Ok(set) => is_set |= set,
                Err(problem) if self.is_needed => return Err(problem),
                Err(_makes_no_difference) => {}
            }
        }
        Ok(is_set)
    }
}

impl Mark {
    /// Whether it is set in a record, or in a part of one.
    pub(super) fn is_set(&self, at: &Node<'_>, absent: Absent) -> Result<bool, ReplyProblem> {
        let mut is_set = false;
        for node in self.path.find(at, absent)? {
            is_set |= self.is_set_by(node)?;
        }
        Ok(is_set)
    }

    /// A mark that asks for a truth value understands each form of one, and nothing else: what cannot
    /// be read must not pass for "not blocked".
    fn is_set_by(&self, node: &Node<'_>) -> Result<bool, ReplyProblem> {
        let told = match node {
            Node::Bool(truth) => Some(Cow::Borrowed(word(*truth))),
            node => node.to_text(),
        };
        if told.is_some_and(|told| self.values.iter().any(|value| *value == told)) {
            return Ok(true);
        }
        let is_truth = |value: &String| matches!(value.as_str(), "true" | "false");
        if !self.values.iter().any(is_truth) {
            return Ok(false);
        }
        match truth_of(node) {
            Some(truth) => Ok(self.values.iter().any(|value| value == word(truth))),
            None if self.values.iter().all(is_truth) => {
                let path = self.path.text().to_owned();
                Err(ReplyProblem::Value { what: "truth value", path })
            }
            None => Ok(false),
        }
    }
}

/// As the configuration writes it.
fn word(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}
