//! Values in a record: where they are, and whether they set a mark.

use serde_json::Value;

use super::{ReplyProblem, truth::truth_of};
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
    pub(super) fn is_set(&self, row: &Value, absent: Absent) -> Result<bool, ReplyProblem> {
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
    pub(super) fn is_set(&self, at: &Value, absent: Absent) -> Result<bool, ReplyProblem> {
        let mut is_set = false;
        for node in self.path.find(at, absent)? {
            is_set |= self.is_set_by(node)?;
        }
        Ok(is_set)
    }

    /// A mark that asks for a truth value understands each form of one, and nothing else: what cannot
    /// be read must not pass for "not blocked".
    fn is_set_by(&self, node: &Value) -> Result<bool, ReplyProblem> {
        let told = match node {
            Value::Bool(truth) => Some(truth.to_string()),
            node => text(node),
        };
        if told.as_ref().is_some_and(|told| self.values.contains(told)) {
            return Ok(true);
        }
        let is_truth = |value: &String| matches!(value.as_str(), "true" | "false");
        if !self.values.iter().any(is_truth) {
            return Ok(false);
        }
        match truth_of(node) {
            Some(truth) => Ok(self.values.contains(&truth.to_string())),
            None if self.values.iter().all(is_truth) => {
                let path = self.path.text().to_owned();
                Err(ReplyProblem::Value { what: "truth value", path })
            }
            None => Ok(false),
        }
    }
}

/// A text or a number as text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
