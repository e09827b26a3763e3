//! Tries the shared memory, as `dialgate check --connect` shows it.

use super::{Line, fail, hint, ok, warn};
use crate::{
    config::{Config, SharedServers},
    net::kv::{Tried, try_out},
};

/// Nothing where there is none.
pub(super) async fn lines(config: &Config) -> Vec<Line> {
    let Some(shared) = &config.cache.shared else { return Vec::new() };
    let kind = match &shared.servers {
        SharedServers::Single(_) => "one server",
        SharedServers::Sentinel { .. } => "the master that the Sentinels name",
        SharedServers::Cluster(_) => "a cluster",
    };
    let tried = match try_out(shared).await {
        Ok(tried) => tried,
        Err(told) => return vec![fail(format!("the shared memory ({kind}): {told}"))],
    };
    let Tried { took, version, missing, full } = tried;
    let version = version.unwrap_or_else(|| "a server that does not say what it is".to_owned());
    let told = format!("the shared memory ({kind}) answers in {} ms: {version}", took.as_millis());
    let mut lines = vec![if took > shared.budget {
        warn(told + ", longer than cache.shared.budget")
    } else {
        ok(told)
    }];
    if !missing.is_empty() {
        lines.push(fail(format!(
            "the shared memory: its user may not use {}; README.md has the line for the ACL",
            missing.join(", ")
        )));
    }
    match full {
        Some((0, _)) => lines.push(hint(
            "the shared memory has no maxmemory: it grows with the partners, by about 400 bytes each"
                .to_owned(),
        )),
        Some((_, policy)) if policy == "noeviction" => lines.push(warn(
            "the shared memory keeps what it has when it is full (maxmemory-policy noeviction), and then \
             takes nothing new; set `allkeys-lru`"
                .to_owned(),
        )),
        _ => {}
    }
    lines
}
