//! What SAP's records have under the paths that rules look at.
//!
//! Values are kept and not verdicts: a changed rule counts at once for what is remembered, and what
//! is remembered means the same whatever the rules are.

use std::sync::Arc;

/// What one record has under the paths that rules look at.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Facts(Vec<(Arc<str>, Vec<String>)>);

impl Facts {
    /// Notes the values under a path; none is a fact, too.
    pub fn note(&mut self, path: &Arc<str>, values: Vec<String>) {
        if !values.is_empty() {
            self.0.push((Arc::clone(path), values));
        }
    }

    /// The paths with values, and these, in the order in which they were noted.
    pub fn noted(&self) -> impl Iterator<Item = (&Arc<str>, &[String])> {
        self.0.iter().map(|(path, values)| (path, values.as_slice()))
    }

    /// The values under a path.
    pub(super) fn of(&self, path: &str) -> &[String] {
        let found = self.0.iter().find(|(noted, _)| **noted == *path);
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    }
}
