//! Changes values in the text of a `config.yaml` and leaves everything else as it is, comments
//! included. The demo runs with the shipped file, changed in this way.

use std::ops::Range;

use super::{
    findings::Findings,
    node::{Node, Yaml},
};

/// Writes other values under keys that are there: `("sap.url", "https://…".into())`. A value is
/// YAML on one line, e.g. `8443`, `"a text"` or `[{ name: jtel }]`.
///
/// # Errors
///
/// The text is no YAML, a key is not there, a value is not YAML on one line, or two changes meet.
pub fn edit(text: &str, changes: &[(&str, String)]) -> Result<String, Findings> {
    let name = "config.yaml";
    let mark = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let (mark, text) = text.split_at(mark);
    let mut findings = Findings::new(name, text);
    let tree = match Node::parse(text) {
        Ok(tree) => tree,
        Err(error) => {
            findings.push(0, 0..0, "", format!("is not YAML: {}", error.message), None);
            return Err(findings);
        }
    };
    let mut places: Vec<(Range<usize>, &str, String)> = Vec::new();
    for (key, value) in changes {
        match (tree.find(key), Node::parse(value)) {
            (None, _) => {
                findings.push(0, 0..0, key, "is not in the text".to_owned(), None);
            }
            (Some(_), Err(_)) => {
                findings.push(0, 0..0, key, "the new value is not YAML".to_owned(), None);
            }
            (Some(_), Ok(_)) if value.contains('\n') => {
                findings.push(
                    0,
                    0..0,
                    key,
                    "the new value has more than one line".to_owned(),
                    None,
                );
            }
            (Some((name, node)), Ok(_)) => {
                places.push((whole(text, name, node), key, value.clone()));
            }
        }
    }
    places.sort_by_key(|(place, ..)| place.start);
    for pair in places.windows(2) {
        if let [(one, first, _), (other, second, _)] = pair
            && other.start < one.end.max(one.start + 1)
        {
            let message = format!("stands within `{first}`, which is changed as well");
            findings.push(0, other.clone(), second, message, None);
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut edited = text.to_owned();
    for (place, _, value) in places.iter().rev() {
        // An empty value stands directly behind the colon.
        let blank = if place.is_empty() { " " } else { "" };
        edited.replace_range(place.clone(), &format!("{blank}{value}"));
    }
    // Not every value can be written at every place, e.g. between the lines of a block text.
    let after = Node::parse(&edited).ok();
    for (_, key, value) in &places {
        let wanted = Node::parse(value).ok();
        let is = after.as_ref().and_then(|after| after.find(key)).map(|(_, node)| node);
        if !wanted.zip(is).is_some_and(|(wanted, is)| wanted.is_same(is)) {
            findings.push(0, 0..0, key, "cannot be changed where it stands".to_owned(), None);
        }
    }
    if findings.is_empty() { Ok([mark, &edited].concat()) } else { Err(findings) }
}

/// All bytes of the value under a key. What is empty stands directly behind the key's colon.
fn whole(text: &str, name: Option<&Node>, node: &Node) -> Range<usize> {
    match name {
        Some(name) if node.span.is_empty() && matches!(node.value, Yaml::Null) => {
            let rest = text.get(name.span.end..).unwrap_or_default();
            let behind = name.span.end + rest.find(':').map_or(0, |colon| colon + 1);
            behind..behind
        }
        _ => extent(text, node),
    }
}

/// All bytes of a value, from its first to its last.
fn extent(text: &str, node: &Node) -> Range<usize> {
    let start = node.span.start;
    let is_flow = text.get(start..).is_some_and(|rest| rest.starts_with(['{', '[']));
    match &node.value {
        Yaml::List(_) | Yaml::Map(_) if is_flow => start..flow_end(text, node),
        Yaml::List(_) | Yaml::Map(_) => start..last_byte(text, node),
        _ => node.span.clone(),
    }
}

fn last_byte(text: &str, node: &Node) -> usize {
    let last = match &node.value {
        Yaml::List(items) => items.last(),
        Yaml::Map(entries) => entries.last().map(|entry| &entry.value),
        _ => None,
    };
    let own = extent_end(text, node);
    last.map_or(own, |last| extent(text, last).end).max(own)
}

fn extent_end(text: &str, node: &Node) -> usize {
    let written = text.get(node.span.clone()).unwrap_or_default();
    node.span.start + written.trim_end().len()
}

/// The byte after the bracket that closes a flow collection.
fn flow_end(text: &str, node: &Node) -> usize {
    let inner = match &node.value {
        Yaml::List(items) => items.last(),
        Yaml::Map(entries) => entries.last().map(|entry| &entry.value),
        _ => None,
    };
    // Behind the last value only blanks, comments, a comma and the bracket itself can follow.
    let from = inner.map_or(node.span.start + 1, |inner| extent(text, inner).end);
    let mut is_comment = false;
    for (offset, character) in text.get(from..).unwrap_or_default().char_indices() {
        match character {
            '#' => is_comment = true,
            '\n' => is_comment = false,
            '}' | ']' if !is_comment => return from + offset + 1,
            _ => {}
        }
    }
    from
}
