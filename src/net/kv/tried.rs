//! Tries a shared memory before it is used: for `dialgate check --connect`.

use std::time::Duration;

use redis::{InfoDict, Value};
use tokio::time::{Instant, timeout};

use super::{connect::connect, rights};
use crate::config::SharedMemory;

/// The longest wait for each answer.
pub(super) const WITHIN: Duration = Duration::from_secs(2);

/// What came of it.
#[derive(Debug)]
pub struct Tried {
    /// How long a PING took.
    pub took: Duration,
    /// What the server says it is, such as `redis 7.0.15`; `None`: it does not say.
    pub version: Option<String>,
    /// Commands that the user needs and may not use.
    pub missing: Vec<String>,
    /// Its `maxmemory` in bytes and its `maxmemory-policy`, where it says them.
    pub full: Option<(u64, String)>,
}

/// Connects, logs in, asks for a PING, for each command that is needed, and for what the server says
/// of itself.
///
/// # Errors
///
/// Why it does not answer; the text has no secret.
pub async fn try_out(section: &SharedMemory) -> Result<Tried, String> {
    let mut connection = connect(section).await.map_err(|error| error.to_string())?;
    let began = Instant::now();
    let question = redis::cmd("PING");
    let pong = timeout(WITHIN, connection.command(&question)).await;
    pong.map_err(|_elapsed| "it does not answer a PING within 2 s".to_owned())?
        .map_err(|error| error.to_string())?;
    let took = began.elapsed();
    let missing = rights::missing(section, &mut connection).await?;
    // A user of the ACL need not be allowed to ask for it.
    let mut info = redis::cmd("INFO");
    let info = timeout(WITHIN, connection.command(info.arg("all"))).await;
    let info = info.ok().and_then(Result::ok).and_then(first_node);
    let text = |name: &str| info.as_ref().and_then(|info| info.get::<String>(name));
    let version = text("valkey_version")
        .map(|version| format!("valkey {version}"))
        .or_else(|| text("redis_version").map(|version| format!("redis {version}")));
    let maxmemory = info.as_ref().and_then(|info| info.get::<u64>("maxmemory"));
    let full = maxmemory.zip(text("maxmemory_policy"));
    Ok(Tried { took, version, missing, full })
}

/// A cluster answers for each node.
fn first_node(value: Value) -> Option<InfoDict> {
    let text = match value {
        Value::Map(nodes) => nodes.into_iter().next()?.1,
        value => value,
    };
    redis::from_redis_value(text).ok()
}
