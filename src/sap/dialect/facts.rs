//! What a record has under the paths that `rules.refuse_when` looks at.

use std::sync::Arc;

use crate::{
    config::RulePath,
    domain::Facts,
    sap::{dialect::path::Path, problem::DialectProblem, reply::json::Node},
};

/// The paths that are read, each once.
#[derive(Clone, Debug, Default)]
pub(in crate::sap) struct FactPaths(Vec<(Arc<str>, Path)>);

impl FactPaths {
    /// The paths of the configuration; all problems at once.
    pub(in crate::sap) fn compile(paths: &[RulePath]) -> Result<Self, Vec<DialectProblem>> {
        let mut problems = Vec::new();
        let mut compiled: Vec<(Arc<str>, Path)> = Vec::new();
        for RulePath { entry, path } in paths {
            if compiled.iter().any(|(known, _)| known == path) {
                continue;
            }
            match Path::compile(path) {
                Ok(ready) => compiled.push((Arc::clone(path), ready)),
                Err(problem) => {
                    let key = format!("rules.refuse_when[{entry}].path");
                    problems.push(DialectProblem::new(key, problem.to_string()));
                }
            }
        }
        if problems.is_empty() { Ok(Self(compiled)) } else { Err(problems) }
    }

    /// What they are called.
    pub(in crate::sap) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(name, _)| name)
    }

    /// What the record has; none where nothing is read.
    ///
    /// A path that leads nowhere is no error, unlike those of the dialect: an individual customer and
    /// an account do not have the same members. It has no value, and a value that is not there equals
    /// nothing.
    pub(in crate::sap) fn of(&self, row: &Node<'_>) -> Vec<Facts> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut facts = Facts::default();
        for (name, path) in &self.0 {
            let nodes = path.nodes(row).unwrap_or_default();
            facts.note(name, nodes.into_iter().filter_map(text).collect());
        }
        vec![facts]
    }
}

/// A value as the configuration writes it; SAP's empty text is no value.
fn text(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Text(text) if text.is_empty() => None,
        Node::Text(text) => Some(text.clone().into_owned()),
        Node::Number(number) => Some(number.to_string()),
        Node::Bool(truth) => Some(truth.to_string()),
        Node::Null | Node::List(_) | Node::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(entry: usize, path: &str) -> RulePath {
        RulePath { entry, path: path.into() }
    }

    #[test]
    fn values_are_read_as_the_configuration_writes_them() {
        let paths = [path(0, "Status"), path(1, "Status"), path(2, "Areas[*].Blocked")];
        let paths = FactPaths::compile(&paths).unwrap();
        let facts = |expected: &[(&str, &[&str])]| {
            let mut facts = Facts::default();
            for (path, values) in expected {
                facts.note(&(*path).into(), values.iter().map(|v| (*v).to_owned()).collect());
            }
            vec![facts]
        };

        for (row, expected) in [
            (json!({"Status": "2"}), facts(&[("Status", &["2"])])),
            (json!({"Status": 8}), facts(&[("Status", &["8"])])),
            (json!({"Status": ""}), facts(&[])),
            (json!({"Status": null}), facts(&[])),
            (json!({}), facts(&[])),
            (
                json!({"Status": "2", "Areas": [{"Blocked": false}, {"Blocked": true}]}),
                facts(&[("Status", &["2"]), ("Areas[*].Blocked", &["false", "true"])]),
            ),
        ] {
            assert_eq!(paths.of(&Node::from(&row)), expected, "{row}");
        }
    }

    #[test]
    fn a_path_that_is_none_is_told_with_its_key() {
        let problems = FactPaths::compile(&[path(3, "a[")]).unwrap_err();

        assert_eq!(problems[0].key, "rules.refuse_when[3].path");
    }
}
