//! Values without others in them: texts, numbers, yes and no.

use serde_json::{Value, json};

use super::{Check, is_scalar, kind};
use crate::config::document::{
    findings::shown,
    node::{Node, Yaml},
    units::size_text,
};

impl Check<'_> {
    /// What is wrong with a value where a secret, a time or a size belongs, if that is plain to see.
    /// True where it has been told.
    pub(super) fn misfit(&mut self, node: &Node, reference: &str, key: &str) -> bool {
        let name = reference.rsplit('/').next().unwrap_or_default();
        match (name, &node.value) {
            ("SecretRef", Yaml::Map(_) | Yaml::Null) => {}
            ("SecretRef", _) => {
                let told = "a secret does not stand in this file; write `{ env: NAME }` or \
                            `{ file: path }`";
                self.refuse(node, key, told.to_owned());
                return true;
            }
            ("Duration", Yaml::Number(_)) => {
                let written = shown(self.written(node));
                let told = format!(
                    "`{written}` has no unit; write `{written}s` for seconds, `{written}ms` for \
                     milliseconds"
                );
                self.tell_value(node, key, told);
                return true;
            }
            ("Size", Yaml::Number(number)) => {
                let size = number.as_u64().and_then(|size| usize::try_from(size).ok());
                let example = size.map_or_else(|| "16KiB".to_owned(), size_text);
                let written = shown(self.written(node));
                let told = format!("`{written}` has no unit; write for example `{example}`");
                self.tell_value(node, key, told);
                return true;
            }
            _ => {}
        }
        false
    }

    pub(super) fn text(&mut self, node: &Node, schema: &Value, key: &str) -> Option<Value> {
        let example = schema.pointer("/examples/0").and_then(Value::as_str);
        match (&node.value, example) {
            (Yaml::Text(text), _) => Some(json!(text)),
            // Where a text is wanted, a number is what was written: `1.20` stays `1.20`.
            (Yaml::Number(_) | Yaml::Bool(_), None) => Some(json!(self.written(node))),
            (Yaml::Null, _) => self.tell_value(node, key, "has no value".to_owned()),
            (_, Some(example)) => {
                let message = format!("{} stands where e.g. `{example}` belongs", kind(node));
                self.refuse(node, key, message)
            }
            _ => self.refuse(node, key, format!("{} stands where a text belongs", kind(node))),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node, key: &str) -> Option<Value> {
        match &node.value {
            Yaml::Bool(value) => Some(json!(value)),
            Yaml::Null => self.tell_value(node, key, "has no value".to_owned()),
            _ if is_scalar(node) => {
                let written = shown(self.written(node));
                let message = format!("`{written}` is neither `true` nor `false`");
                self.tell_value(node, key, message)
            }
            _ => {
                let message = format!("{} stands where `true` or `false` belongs", kind(node));
                self.refuse(node, key, message)
            }
        }
    }

    pub(super) fn number(&mut self, node: &Node, schema: &Value, key: &str) -> Option<Value> {
        if !is_scalar(node) {
            return self.refuse(node, key, format!("{} stands where a number belongs", kind(node)));
        }
        let written = shown(self.written(node));
        let least = schema.get("minimum").and_then(Value::as_u64).unwrap_or(0);
        let most = schema.get("maximum").and_then(Value::as_u64);
        let bounds = match most {
            Some(most) => format!("from {least} to {most}"),
            None => format!("from {least} upwards"),
        };
        match &node.value {
            Yaml::Number(number) => match number.as_u64() {
                Some(value) if value >= least && most.is_none_or(|most| value <= most) => {
                    Some(json!(value))
                }
                _ => {
                    let message = format!("`{written}` is not a whole number {bounds}");
                    self.tell_value(node, key, message)
                }
            },
            Yaml::Null => self.tell_value(node, key, "has no value".to_owned()),
            Yaml::Text(text) if text.parse::<u64>().is_ok() => {
                let message = format!("`{}` is a text; write it without quotes", shown(text));
                self.tell_value(node, key, message)
            }
            _ => {
                let message = format!("`{written}` is not a whole number {bounds}");
                self.tell_value(node, key, message)
            }
        }
    }
}
