//! What is in `grafana/`: dashboards whose panels show something, alerts that fire, and a runbook for each.

mod alerts;
mod dashboards;
mod pictures;
mod schema;
mod watched;

use std::path::PathBuf;

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The metrics that an expression names.
fn metrics_of(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words
        .filter(|word| word.starts_with("dialgate_") || word.starts_with("process_"))
        .map(|word| {
            ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| word.strip_suffix(end))
                .unwrap_or(word)
                .to_owned()
        })
        .collect()
}

/// Whether `docs/metrics.md` has a metric.
fn is_exported(metric: &str) -> bool {
    include_str!("../../../docs/metrics.md").contains(&format!("| `{metric}` |"))
}
