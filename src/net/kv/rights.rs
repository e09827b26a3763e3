//! Whether the user may do what is needed there: tried out on keys of its own, which are gone afterwards.

use redis::{RedisResult, Value};
use tokio::time::timeout;

use super::{connect::Connection, script::Script, tried::WITHIN};
use crate::config::SharedMemory;

/// Each command that lookups, limits and tokens need, once. Returns those that the server refuses.
/// KEYS: a text, a stream, a sorted set.
static TRY: Script = Script::new(
    r"
    local refused = {}
    local function try(command, ...)
      local told = redis.pcall(command, ...)
      if type(told) == 'table' and told.err then refused[#refused + 1] = command end
    end
    try('DEL', KEYS[1], KEYS[2], KEYS[3])
    try('SET', KEYS[1], '1', 'PX', 5000)
    try('GET', KEYS[1])
    try('GETRANGE', KEYS[1], 0, 0)
    try('PEXPIRE', KEYS[1], 5000)
    try('TIME')
    try('XADD', KEYS[2], '*', 'a', 'b')
    try('XRANGE', KEYS[2], '-', '+')
    try('XREVRANGE', KEYS[2], '+', '-')
    try('ZADD', KEYS[3], 1, 'a')
    try('ZCARD', KEYS[3])
    try('ZRANGE', KEYS[3], 0, -1)
    try('ZREM', KEYS[3], 'b')
    try('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(0')
    try('ZSCORE', KEYS[3], 'a')
    redis.pcall('DEL', KEYS[1], KEYS[2], KEYS[3])
    return refused
    ",
);

/// The commands that it may not use.
///
/// # Errors
///
/// What the server says where it runs no scripts at all, or does not answer in time.
pub(super) async fn missing(
    section: &SharedMemory,
    connection: &mut Connection,
) -> Result<Vec<String>, String> {
    let group = format!("check-{:016x}", fastrand::u64(..));
    let key = |what: &str| format!("{}:{{{group}}}:{what}", section.prefix);
    let call = TRY.call().key(key("text")).key(key("stream")).key(key("set"));
    let answer: RedisResult<Value> = timeout(WITHIN, connection.script(&call))
        .await
        .map_err(|_elapsed| "it does not run a script within 2 s".to_owned())?;
    let refused = answer.map_err(|error| error.to_string())?;
    let mut refused: Vec<String> =
        redis::from_redis_value(refused).map_err(|error| error.to_string())?;
    refused.sort_unstable();
    Ok(refused)
}
