//! What of the file is never shown, not even to the operator who wrote it: findings end up in logs
//! and tickets.
//!
//! A password that was written where it does not belong is still a password, so the veil lies over
//! places, not over values that look right.

use std::ops::Range;

use super::node::{Node, Yaml};

/// Keys whose values are, or lead to, secrets. In a text that is no YAML everything below them is
/// hidden.
const SECRET_SECTIONS: [&str; 14] = [
    "login",
    "basic",
    "user",
    "headers",
    "oauth2",
    "parameters",
    "password",
    "proxy_login",
    "client_secret",
    "env",
    "file",
    "credential",
    "clients",
    "secrets",
];

/// What stands below `sap.login` and is no secret: addresses, names and paths.
const OPEN_IN_LOGIN: [&str; 13] = [
    "certificate.certificate",
    "certificate.key",
    "oauth2.token_url",
    "oauth2.client_id",
    "oauth2.client_authentication",
    "oauth2.key",
    "oauth2.key_id",
    "oauth2.certificate",
    "oauth2.scope",
    "oauth2.resource",
    "oauth2.audience",
    "oauth2.ca_file",
    "oauth2.proxy",
];

/// The parts of a readable file that are not shown. Comments are among them: it is there that the
/// password of yesterday stands.
pub(in crate::config) fn over_tree(tree: &Node, text: &str) -> Vec<Range<usize>> {
    let mut veils = Vec::new();
    let mut leaves = Vec::new();
    tree.leaves("", &mut |key, leaf| {
        leaves.push(leaf.span.clone());
        if is_secret(key, &leaf.value) {
            veils.push(leaf.span.clone());
        }
    });
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_comment = |sign: &usize| {
            let before = line.get(..*sign).unwrap_or_default();
            let byte = start + sign;
            (before.is_empty() || before.ends_with([' ', '\t', '\r']))
                && !leaves.iter().any(|leaf| leaf.contains(&byte))
        };
        let sign = line.match_indices('#').map(|(sign, _)| sign).find(is_comment);
        if let Some(sign) = sign {
            veils.push(start + sign + 1..start + line.trim_end().len());
        }
        start += line.len();
    }
    veils
}

/// The value under a key is a secret, or may be one.
pub(in crate::config) fn is_secret(key: &str, value: &Yaml) -> bool {
    let Yaml::Text(text) = value else {
        return is_in_secret_section(key) && !matches!(value, Yaml::Null)
            || key.contains(".secrets[")
            || key.contains(".keys[");
    };
    // A URL may carry user and password.
    if text.contains("://") && text.contains('@') {
        return true;
    }
    if is_in_secret_section(key) {
        let name = key.strip_prefix("sap.login.").unwrap_or_default();
        // A key that stands where its path belongs has line breaks.
        if name == "oauth2.token_timeout" || OPEN_IN_LOGIN.contains(&name) {
            return text.contains('\n') || text.contains("-----");
        }
        return match key.rsplit('.').next() {
            Some("login") => text != "none",
            // `user:password` in one.
            Some("user") => {
                !["sap.login.basic.user", "sap.proxy_login.user"].contains(&key) || !is_word(text)
            }
            Some("credential") => {
                !text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
            }
            Some("env") => !is_environment_name(text),
            Some("file") => false,
            _ => true,
        };
    }
    is_below(key, "clients") && !is_open_in_clients(key)
}

/// What a client has beside passwords and keys is known to others as well.
fn is_open_in_clients(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or_default();
    let last = last.split_once('[').map_or(last, |(list, _place)| list);
    ["name", "dns", "uri", "sha256", "subject", "addresses", "any_of", "all_of"].contains(&last)
}

fn is_in_secret_section(key: &str) -> bool {
    ["sap.login", "sap.proxy_login", "traces.otlp.headers"]
        .iter()
        .any(|section| is_below(key, section))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn is_below(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Looks like the name of an environment variable and not like a password: `SAP_PASSWORD`.
pub(in crate::config) fn is_environment_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        && text.contains('_')
}

/// The parts of a text that is no YAML that are not shown: all but keys, and the values of keys that
/// are known and hold no secret. `is_known` says which keys those may be.
pub(in crate::config) fn over_text(
    text: &str,
    is_known: impl Fn(&str) -> bool,
) -> Vec<Range<usize>> {
    let mut veils = Vec::new();
    // The indentation of the secret section that the line is in.
    let mut secret: Option<usize> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        let content = line.trim();
        let indent = line.len() - line.trim_start().len();
        let key = key_of(content);
        if secret.is_some_and(|outer| {
            indent < outer || indent == outer && key.is_some() && !content.starts_with('-')
        }) {
            secret = None;
        }
        if secret.is_none() && key.is_some_and(|key| SECRET_SECTIONS.contains(&key)) {
            secret = Some(indent);
        }
        let shown = match key {
            Some(key) if secret.is_none() && is_known(key) && is_plain(content) => end - start,
            Some(_) => line.find(':').map_or(0, |colon| colon + 1),
            None => 0,
        };
        let blanks = line.get(shown..).map_or(0, |rest| rest.len() - rest.trim_start().len());
        let shown = shown + blanks;
        if start + shown < end {
            veils.push(start + shown..end);
        }
        start += line.len();
    }
    veils
}

/// The key at the beginning of a line, also after the `-` of a list.
fn key_of(content: &str) -> Option<&str> {
    let content = content.strip_prefix("- ").unwrap_or(content).trim_start();
    let (key, _) = content.split_once(':')?;
    let is_word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then_some(key)
}

/// One key and one value, with no room for another key.
fn is_plain(content: &str) -> bool {
    let value = content.split_once(':').map_or("", |(_, value)| value);
    !value.contains(['{', '[', '@', '#']) && !value.contains(": ")
}
