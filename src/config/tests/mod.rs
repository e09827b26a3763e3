//! What an operator gets to see for the files that operators write.

mod any_text;
mod audit;
mod cases;
mod cases_any;
mod cases_mistakes;
mod changes;
mod clients;
mod home;
mod mistakes;
mod number_files;
mod number_rules;
mod places;
mod sap_answers;
mod secrets;
mod shared;
mod shipped;
mod snapshot;
mod systems;
mod traces;

use std::path::Path;

use super::*;

/// What stands for a secret in these tests, and must never be seen in a finding.
const SECRET: &str = "hunter2";

/// A hash as `dialgate secret new` prints it.
fn hash() -> String {
    SecretHash::of(b"a generated password").to_string()
}

/// The shipped file with what an operator has to fill in.
fn filled_in() -> String {
    edit(EXAMPLE, &[("clients[0].secrets", format!("[\"{}\"]", hash()))]).unwrap()
}

/// The shipped file, filled in and with other values under some keys.
fn with(changes: &[(&str, &str)]) -> String {
    let changes: Vec<_> = changes.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    edit(&filled_in(), &changes).unwrap()
}

fn environment() -> Environment {
    Environment::of([
        ("SAP_PASSWORD", SECRET),
        ("SAP_API_KEY", "key"),
        ("OTLP_KEY", "key"),
        ("SHARED_PASSWORD", SECRET),
        ("SENTINEL_PASSWORD", SECRET),
        ("MEMORY_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ])
}

fn parsed(text: &str) -> Result<Config, Findings> {
    parsed_in(text, Path::new("/nowhere"))
}

fn parsed_in(text: &str, base_dir: &Path) -> Result<Config, Findings> {
    parse(text, "config.yaml", base_dir, &environment(), |_, _| {})
}

/// The first lines of all findings.
fn told(text: &str) -> Vec<String> {
    parsed(text)
        .err()
        .map(|found| found.iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

/// The only finding, without file, line and column.
fn only(text: &str) -> String {
    let told = told(text);
    let [only] = told.as_slice() else { panic!("{told:#?}") };
    only.splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
}
