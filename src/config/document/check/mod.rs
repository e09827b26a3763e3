//! Compares the file with its schema: every key that does not exist, is missing, is there twice or
//! holds the wrong kind of value, in one walk.
//!
//! The schema is derived from the structs that the file is read into afterwards, so the walk knows
//! only the part of JSON Schema that such structs lead to. What is wrong is left out of the value
//! that the walk returns, and the rest can still be read: its own mistakes belong to the same report.

mod scalar;
mod schema;
mod words;

use std::cell::OnceCell;

use serde_json::{Map, Value, json};

use self::{
    schema::{first_kind, is_kind, property_names, words_of},
    words::{join, one_of, quoted},
};
use super::{
    findings::{Findings, shown},
    node::{Entry, Node, Yaml},
    suggest::{Keys, ends_with, nearest},
};

/// Walks a tree along a schema.
pub(in crate::config) struct Check<'a> {
    /// The whole schema, for `$ref`.
    schema: &'a Value,
    /// The text of the file, for numbers as they were written.
    text: &'a str,
    /// Every key that exists. Only a key that does not exist needs them: a tenth of a start's work.
    keys: OnceCell<Keys>,
    findings: &'a mut Findings,
}

impl<'a> Check<'a> {
    /// A walk that reports to `findings`.
    pub(in crate::config) fn new(
        schema: &'a Value,
        text: &'a str,
        findings: &'a mut Findings,
    ) -> Self {
        Self { schema, text, keys: OnceCell::new(), findings }
    }

    /// The tree as JSON, without what is wrong.
    pub(in crate::config) fn run(mut self, tree: &Node) -> Value {
        let schema = self.schema;
        self.value(tree, schema, "").unwrap_or_else(|| {
            self.findings.unread("");
            json!({})
        })
    }

    fn value(&mut self, node: &Node, schema: &'a Value, key: &str) -> Option<Value> {
        if node.is_alias {
            return self.refuse(
                node,
                key,
                "aliases are not read here; write the value itself".to_owned(),
            );
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            if self.misfit(node, reference, key) {
                return None;
            }
            let target = reference.strip_prefix('#').and_then(|path| self.schema.pointer(path));
            return self.value(node, target?, key);
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            let mut some = branches.iter().filter(|branch| !is_kind(branch, "null"));
            let is_list = matches!(node.value, Yaml::List(_));
            let some = some.clone().find(|one| is_list == is_kind(one, "array")).or(some.next())?;
            return match node.value {
                Yaml::Null => Some(Value::Null),
                _ => self.value(node, some, key),
            };
        }
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            return self.choice(node, branches, key);
        }
        if is_kind(schema, "null") && matches!(node.value, Yaml::Null) {
            return Some(Value::Null);
        }
        match schema.get("type").and_then(first_kind) {
            Some("object") => self.section(node, schema, key),
            Some("array") => self.list(node, schema, key),
            Some("string") if schema.get("enum").is_some() => {
                self.choice(node, std::slice::from_ref(schema), key)
            }
            Some("string") => self.text(node, schema, key),
            Some("boolean") => self.boolean(node, key),
            Some("integer" | "number") => self.number(node, schema, key),
            _ => None,
        }
    }

    fn section(&mut self, node: &Node, schema: &'a Value, key: &str) -> Option<Value> {
        let entries = match &node.value {
            Yaml::Map(entries) => entries.as_slice(),
            // All of its keys are commented out.
            Yaml::Null => &[],
            _ => {
                let message = format!("{} stands where a section with keys belongs", kind(node));
                return self.refuse(node, key, message);
            }
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut section = Map::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(name) = self.name(entry, key) else { continue };
            let child_key = entry.child_key(key);
            let earlier = entries.iter().take(index).find(|earlier| is_named(earlier, name));
            let child = properties.and_then(|properties| properties.get(name));
            match (earlier, child.or_else(|| schema.get("additionalProperties"))) {
                (Some(_), _) => {
                    let first = self.findings.line_of(&child_key);
                    if !is_scalar(&entry.value) {
                        self.veil(&entry.value);
                    }
                    self.tell(&entry.key, &child_key, format!("is here twice, first in {first}"));
                }
                (None, Some(child)) if child.is_object() => {
                    match self.value(&entry.value, child, &child_key) {
                        Some(value) => drop(section.insert(name.to_owned(), value)),
                        None => self.findings.unread(&child_key),
                    }
                }
                (None, _) => self.unknown(entry, name, schema, entries, key),
            }
        }
        self.missing(schema, &section, key);
        Some(Value::Object(section))
    }

    /// The name of a key; a finding where it is not a text.
    fn name<'n>(&mut self, entry: &'n Entry, section: &str) -> Option<&'n str> {
        if let Yaml::Text(name) = &entry.key.value
            && !entry.key.is_alias
        {
            return Some(name);
        }
        self.veil(&entry.value);
        self.tell(&entry.key, section, "a key is a plain word".to_owned());
        None
    }

    fn unknown(&mut self, entry: &Entry, name: &str, schema: &Value, entries: &[Entry], key: &str) {
        let known: Vec<&str> = property_names(schema).collect();
        let is_free = |known: &str| !entries.iter().any(|entry| is_named(entry, known));
        let free: Vec<&str> = known.iter().copied().filter(|known| is_free(known)).collect();
        let close = nearest(name, &free).or_else(|| nearest(name, &known));
        let elsewhere = self.keys.get_or_init(|| Keys::of(self.schema)).elsewhere(name, key);
        let mut message = "there is no such key".to_owned();
        let mut help = None;
        match (ends_with(name, &known).as_slice(), close, elsewhere) {
            (several @ [_, _, ..], _, None) => {
                message = format!("{message}; did you mean {}?", one_of(&quoted(several)));
            }
            (_, Some((close, _)), None) | (_, Some((close, 0.9..)), Some(_)) => {
                message = format!("{message}; did you mean `{close}`?");
                // The mistyped key is the one that would be missing: one mistake, one finding.
                if is_free(close) {
                    self.findings.unread(&join(key, close));
                }
            }
            (.., Some(elsewhere)) => message = format!("{message} here; there is `{elsewhere}`"),
            (_, None, None) => help = Some(format!("known here: {}", known.join(", "))),
        }
        self.veil(&entry.value);
        let key = shown(&entry.child_key(key));
        self.findings.push(0, entry.key.span.clone(), &key, message, help);
    }

    fn missing(&mut self, schema: &Value, section: &Map<String, Value>, key: &str) {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            let child_key = join(key, name);
            if section.contains_key(name) || self.findings.is_unread(&child_key) {
                continue;
            }
            let about = schema
                .pointer(&format!("/properties/{name}/description"))
                .and_then(Value::as_str)
                .map(|about| format!("{name}: {}", about.replace('\n', " ")));
            self.findings.at_with_help(&child_key, "is missing", about);
            self.findings.unread(&child_key);
        }
    }

    fn list(&mut self, node: &Node, schema: &'a Value, key: &str) -> Option<Value> {
        let items = match &node.value {
            Yaml::List(items) => items.as_slice(),
            Yaml::Null => &[],
            _ => {
                let message = format!(
                    "{} stands where a list belongs; write each entry on its own line after `- `",
                    kind(node)
                );
                return self.refuse(node, key, message);
            }
        };
        let item_schema = schema.get("items")?;
        let values = items.iter().enumerate().map(|(index, item)| {
            let item_key = format!("{key}[{index}]");
            // An empty place keeps the others at theirs.
            self.value(item, item_schema, &item_key).unwrap_or_else(|| {
                self.findings.unread(&item_key);
                Value::Null
            })
        });
        Some(Value::Array(values.collect()))
    }

    /// One of some words, or a section with exactly one of some keys.
    fn choice(&mut self, node: &Node, branches: &'a [Value], key: &str) -> Option<Value> {
        let words: Vec<&str> = branches.iter().flat_map(words_of).collect();
        let sections: Vec<(&str, &'a Value)> = branches
            .iter()
            .filter_map(|branch| branch.get("properties")?.as_object()?.iter().next())
            .map(|(name, schema)| (name.as_str(), schema))
            .collect();
        match &node.value {
            Yaml::Map(entries) if !sections.is_empty() => {
                return self.chosen_section(node, entries, &sections, key);
            }
            Yaml::Text(_) | Yaml::Bool(_) | Yaml::Number(_) => {
                let written = self.written(node);
                if let Some(word) = words.iter().find(|word| **word == written) {
                    return Some(json!(word));
                }
            }
            _ => {}
        }
        let written = self.written(node).to_owned();
        let forms: Vec<String> = quoted(&words)
            .into_iter()
            .chain(sections.iter().map(|(name, _)| format!("`{{ {name}: … }}`")))
            .collect();
        let forms = one_of(&forms);
        if !sections.is_empty() || !is_scalar(node) || self.findings.is_veiled(&node.span) {
            return self.refuse(node, key, format!("{} stands where {forms} belongs", kind(node)));
        }
        let told = match nearest(&written, &words) {
            Some((word, _)) => format!("did you mean `{word}`?"),
            None => format!("write {forms}"),
        };
        self.tell_value(node, key, format!("`{}` is not known here; {told}", shown(&written)))
    }

    fn chosen_section(
        &mut self,
        node: &Node,
        entries: &[Entry],
        sections: &[(&'a str, &'a Value)],
        key: &str,
    ) -> Option<Value> {
        let names: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
        let mut chosen = Map::new();
        let mut taken: Option<&str> = None;
        for entry in entries {
            let Some(name) = self.name(entry, key) else { continue };
            let child_key = entry.child_key(key);
            let Some((_, schema)) = sections.iter().find(|(known, _)| *known == name) else {
                let told = match nearest(name, &names) {
                    Some((close, _)) => format!("did you mean `{close}`?"),
                    None => format!("known here: {}", names.join(", ")),
                };
                self.veil(&entry.value);
                self.tell(&entry.key, &child_key, format!("there is no such key; {told}"));
                continue;
            };
            if let Some(first) = taken {
                self.veil(&entry.value);
                let message = format!("stands beside `{first}`; only one of them is possible");
                self.tell(&entry.key, &child_key, message);
                continue;
            }
            taken = Some(name);
            match self.value(&entry.value, schema, &child_key) {
                Some(value) => drop(chosen.insert(name.to_owned(), value)),
                None => self.findings.unread(&child_key),
            }
        }
        if entries.is_empty() {
            return self.refuse(node, key, format!("is empty; write {}", one_of(&quoted(&names))));
        }
        (!chosen.is_empty()).then_some(Value::Object(chosen))
    }

    /// A value of the wrong shape: it may be anything, so nothing of it is shown.
    fn refuse(&mut self, node: &Node, key: &str, message: String) -> Option<Value> {
        self.veil(node);
        self.tell_value(node, key, message)
    }

    fn tell_value(&mut self, node: &Node, key: &str, message: String) -> Option<Value> {
        if is_scalar(node) || key.is_empty() {
            self.findings.push(0, node.span.clone(), key, message, None);
        } else {
            self.findings.at(key, message);
        }
        None
    }

    fn tell(&mut self, key_node: &Node, key: &str, message: String) {
        self.findings.push(0, key_node.span.clone(), &shown(key), message, None);
    }

    fn veil(&mut self, node: &Node) {
        let mut spans = Vec::new();
        node.leaves("", &mut |_, leaf| spans.push(leaf.span.clone()));
        for span in spans {
            self.findings.veil(span);
        }
    }

    /// A scalar as it stands in the text.
    fn written(&self, node: &'a Node) -> &'a str {
        match &node.value {
            Yaml::Text(text) => text,
            _ => self.text.get(node.span.clone()).unwrap_or_default(),
        }
    }
}

fn is_named(entry: &Entry, name: &str) -> bool {
    matches!(&entry.key.value, Yaml::Text(text) if text == name)
}

fn is_scalar(node: &Node) -> bool {
    matches!(node.value, Yaml::Bool(_) | Yaml::Number(_) | Yaml::Text(_))
}

fn kind(node: &Node) -> &'static str {
    match node.value {
        Yaml::Null => "nothing",
        Yaml::Bool(_) => "`true` or `false`",
        Yaml::Number(_) => "a number",
        Yaml::Text(_) => "a text",
        Yaml::List(_) => "a list",
        Yaml::Map(_) => "a section",
    }
}
