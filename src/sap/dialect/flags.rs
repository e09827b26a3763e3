//! The tests of `rules.refuse_when`: which of them a record meets.

use serde_json::Value;

use crate::config::{FlagTest, PartnerFlag};
use crate::sap::{dialect::path::Path, problem::DialectProblem};

/// One test, ready to be made.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Flag {
    path: Path,
    test: FlagTest,
}

/// The tests of the configuration; all problems at once.
pub(in crate::sap) fn compile(flags: &[PartnerFlag]) -> Result<Vec<Flag>, Vec<DialectProblem>> {
    let mut problems = Vec::new();
    let mut compiled = Vec::new();
    for (index, flag) in flags.iter().enumerate() {
        match Path::compile(&flag.path) {
            Ok(path) => compiled.push(Flag { path, test: flag.test.clone() }),
            Err(problem) => {
                let key = format!("rules.refuse_when[{index}].path");
                problems.push(DialectProblem::new(key, problem.to_string()));
            }
        }
    }
    if problems.is_empty() { Ok(compiled) } else { Err(problems) }
}

/// The tests that a record meets, one bit each.
///
/// A path that leads nowhere is no error, unlike those of the dialect: an individual customer and an
/// account do not have the same members. It has no value, and a value that is not there equals
/// nothing.
pub(in crate::sap) fn met(flags: &[Flag], row: &Value) -> u32 {
    let set = (0_u32..).zip(flags).filter(|(_, flag)| flag.is_met(row));
    set.fold(0, |bits, (place, _)| bits | 1_u32.checked_shl(place).unwrap_or(0))
}

impl Flag {
    fn is_met(&self, row: &Value) -> bool {
        let nodes = self.path.nodes(row).unwrap_or_default();
        let texts: Vec<String> = nodes.into_iter().filter_map(text).collect();
        match &self.test {
            FlagTest::Exists => !texts.is_empty(),
            FlagTest::OneOf(values) => texts.iter().any(|text| values.contains(text)),
            FlagTest::NoneOf(values) => !texts.iter().any(|text| values.contains(text)),
        }
    }
}

/// A value as the configuration writes it; SAP's empty text is no value.
fn text(node: &Value) -> Option<String> {
    match node {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flag(path: &str, test: FlagTest) -> PartnerFlag {
        PartnerFlag { path: path.to_owned(), test }
    }

    #[test]
    fn each_operator_sets_its_bit_where_the_value_says_so() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let flags = compile(&[
            flag("Status", FlagTest::OneOf(texts(&["8", "9"]))),
            flag("Status", FlagTest::NoneOf(texts(&["2"]))),
            flag("Status", FlagTest::Exists),
            flag("Areas[*].Blocked", FlagTest::OneOf(texts(&["true"]))),
        ])
        .unwrap();

        for (row, bits) in [
            (json!({"Status": "2"}), 0b0100),
            (json!({"Status": "9"}), 0b0111),
            (json!({"Status": 8}), 0b0111),
            (json!({"Status": ""}), 0b0010),
            (json!({"Status": null}), 0b0010),
            (json!({}), 0b0010),
            (json!({"Status": "2", "Areas": [{"Blocked": false}, {"Blocked": true}]}), 0b1100),
        ] {
            assert_eq!(met(&flags, &row), bits, "{row}");
        }
    }

    #[test]
    fn a_path_that_is_none_is_told_with_its_key() {
        let problems = compile(&[flag("a[", FlagTest::Exists)]).unwrap_err();

        assert_eq!(problems[0].key, "rules.refuse_when[0].path");
    }
}
