//! The configuration in force as YAML: every key, those with their defaults included.

use std::fmt::{self, Write};

use super::{clients::SecretHash, file::read_sections};
use crate::config::document::{
    findings::Findings,
    node::{Entry, Node, Yaml},
    veil::is_secret,
};

/// The file with every key it could have. A secret is shown as where it is found, never itself;
/// texts that may carry one are shown as `***`.
///
/// # Errors
///
/// What is wrong with keys and kinds of values. Texts that cannot be read are shown as they are.
pub fn show(text: &str, name: &str) -> Result<String, Findings> {
    let (file, mut findings) = read_sections(text, name)?;
    if !findings.is_empty() {
        return Err(findings);
    }
    // JSON is YAML, and unlike a JSON value its text keeps the order of the keys.
    let json = serde_json::to_string(&file).map_err(|error| error.to_string());
    let tree = json.and_then(|json| Node::parse(&json).map_err(|error| error.message));
    let mut shown = String::new();
    let done = tree.and_then(|mut tree| {
        tree.change_leaves("", &mut |key, value| {
            let is_hash = matches!(value, Yaml::Text(text) if SecretHash::parse(text).is_ok());
            if is_secret(key, value) && !is_hash {
                *value = Yaml::Text("***".to_owned());
            }
        });
        block(&tree, 0, &mut shown).map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => Ok(shown),
        Err(message) => {
            findings.at("", message);
            Err(findings)
        }
    }
}

/// A section or list over several lines, each with `depth` times two blanks before it.
fn block(node: &Node, depth: usize, shown: &mut String) -> fmt::Result {
    let indent = "  ".repeat(depth);
    match &node.value {
        Yaml::Map(entries) => {
            for entry in entries {
                write!(shown, "{indent}{}:", scalar(&entry.key.value))?;
                value(&entry.value, depth, shown)?;
            }
        }
        Yaml::List(items) => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner)?;
                // The first line of the entry moves behind the dash.
                write!(shown, "{indent}- {}", inner.trim_start())?;
            }
        }
        other => {
            writeln!(shown, "{indent}{}", scalar(other))?;
        }
    }
    Ok(())
}

/// What follows the colon of a key.
fn value(node: &Node, depth: usize, shown: &mut String) -> fmt::Result {
    match &node.value {
        Yaml::Map(entries) if is_reference(entries) => {
            let pairs = entries.iter().map(|entry| {
                format!("{}: {}", scalar(&entry.key.value), scalar(&entry.value.value))
            });
            writeln!(shown, " {{ {} }}", pairs.collect::<Vec<_>>().join(", "))?;
        }
        Yaml::Map(entries) if entries.is_empty() => writeln!(shown, " {{}}")?,
        Yaml::List(items) if items.is_empty() => writeln!(shown, " []")?,
        Yaml::Map(_) | Yaml::List(_) => {
            writeln!(shown)?;
            block(node, depth + 1, shown)?;
        }
        other => {
            writeln!(shown, " {}", scalar(other))?;
        }
    }
    Ok(())
}

/// `{ env: NAME }` and `{ file: path }` stand on one line, as everybody writes them.
fn is_reference(entries: &[Entry]) -> bool {
    matches!(entries, [only] if matches!(&only.key.value, Yaml::Text(key) if ["env", "file", "credential"].contains(&key.as_str())))
}

fn scalar(value: &Yaml) -> String {
    match value {
        Yaml::Null => "null".to_owned(),
        Yaml::Bool(value) => value.to_string(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Text(written) => text(written),
        Yaml::List(_) | Yaml::Map(_) => String::new(),
    }
}

/// A text as it can be written behind a key, with quotes where it needs them.
pub(super) fn text(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // A JSON text is a text of YAML in double quotes.
    serde_json::Value::from(text).to_string()
}

/// Means the same with and without quotes.
fn is_plain(text: &str) -> bool {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./ ".contains(c))
        && !text.ends_with(' ');
    let is_unit = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    (is_word || is_unit)
        && !reserved.contains(&text.to_ascii_lowercase().as_str())
        && matches!(Node::parse(text), Ok(Node { value: Yaml::Text(read), .. }) if read == text)
}
