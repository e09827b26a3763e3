//! "Did you mean": the key or word that was probably meant.

use std::collections::BTreeSet;

use serde_json::Value;

/// How alike two words must be (Jaro-Winkler, 0 to 1). `timeout` and `total_timeout` have 0.79,
/// `port` and `address` 0.46.
const LIKE_ENOUGH: f64 = 0.75;

/// How alike words are that differ by one slip of the finger.
const SLIP: f64 = 0.95;

/// The word that is most like a given one, and how much.
pub(in crate::config) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<(&'a str, f64)> {
    let folded = fold(word);
    known
        .iter()
        .map(|known| (*known, likeness(&folded, &fold(known))))
        .filter(|(_, likeness)| *likeness >= LIKE_ENOUGH)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
}

fn likeness(one: &str, other: &str) -> f64 {
    // Jaro-Winkler is blind for two letters changed round in a short word: `ulr`, `url`.
    let is_slip = one.len().min(other.len()) >= 3 && strsim::osa_distance(one, other) <= 1;
    strsim::jaro_winkler(one, other).max(if is_slip { SLIP } else { 0.0 })
}

/// The keys whose last words are a given one: `connect_timeout` and `idle_timeout` for `timeout`.
pub(in crate::config) fn ends_with<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    let ending = format!("_{}", fold(word));
    known.iter().copied().filter(|known| known.ends_with(&ending)).collect()
}

/// `foundTTL`, `found-ttl` and `found_ttl` are the same word.
fn fold(word: &str) -> String {
    let mut folded = String::new();
    for character in word.chars().take(60) {
        let follows_lower = folded.ends_with(|c: char| c.is_ascii_lowercase());
        match character {
            '-' | ' ' => folded.push('_'),
            upper if upper.is_ascii_uppercase() => {
                if follows_lower {
                    folded.push('_');
                }
                folded.push(upper);
            }
            other => folded.push(other),
        }
    }
    folded.to_lowercase()
}

/// Every key that exists, in full.
pub(in crate::config) struct Keys(BTreeSet<String>);

impl Keys {
    /// All keys of a schema; those of list entries as `clients[].name`.
    pub(in crate::config) fn of(schema: &Value) -> Self {
        let mut keys = BTreeSet::new();
        collect(schema, schema, "", 0, &mut keys);
        Self(keys)
    }

    /// A key of the same name in another section than `section`.
    pub(in crate::config) fn elsewhere(&self, name: &str, section: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|key| {
            let (other, last) = key.rsplit_once('.').unwrap_or(("", key));
            // What stands in lists and behind a choice is not where a lost key belongs.
            last == name && other != section && !key.contains('[')
        })
    }

    /// Some key, in whatever section, has this name.
    pub(in crate::config) fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|key| key.rsplit('.').next() == Some(name))
    }

    /// All of them.
    #[cfg(test)]
    pub(in crate::config) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn collect(root: &Value, schema: &Value, key: &str, depth: usize, keys: &mut BTreeSet<String>) {
    if depth > 32 {
        return;
    }
    let target = schema.get("$ref").and_then(Value::as_str);
    if let Some(target) = target.and_then(|path| root.pointer(path.strip_prefix('#')?)) {
        collect(root, target, key, depth + 1, keys);
    }
    for (name, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let child_key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        collect(root, child, &child_key, depth + 1, keys);
        keys.insert(child_key);
    }
    if let Some(items) = schema.get("items") {
        collect(root, items, &format!("{key}[]"), depth + 1, keys);
    }
    for branches in ["oneOf", "anyOf"] {
        for branch in schema.get(branches).and_then(Value::as_array).into_iter().flatten() {
            collect(root, branch, key, depth + 1, keys);
        }
    }
}
