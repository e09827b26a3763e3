//! Scripts that the server runs as one step: named by their digest, sent in full where it does not have
//! them (yet, or any more).

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use redis::{Cmd, ToRedisArgs};

/// A script in Lua. All keys of one call have to be in one slot of a cluster.
pub struct Script {
    text: &'static str,
    /// What the server calls it: no secret and no signature.
    name: OnceLock<String>,
}

/// A script with keys and arguments.
pub struct Call {
    script: &'static Script,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Script {
    /// Of its text.
    pub const fn new(text: &'static str) -> Self {
        Self { text, name: OnceLock::new() }
    }

    /// To be called with keys and arguments.
    pub const fn call(&'static self) -> Call {
        Call { script: self, keys: Vec::new(), arguments: Vec::new() }
    }

    fn name(&self) -> &str {
        self.name.get_or_init(|| {
            let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
            digest.as_ref().iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
        })
    }
}

impl Call {
    /// With one more key.
    #[must_use]
    pub fn key(mut self, key: impl ToRedisArgs) -> Self {
        self.keys.extend(key.to_redis_args());
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl ToRedisArgs) -> Self {
        self.arguments.extend(argument.to_redis_args());
        self
    }

    /// By its name.
    pub(super) fn named(&self) -> Cmd {
        self.command("EVALSHA", self.script.name())
    }

    /// By its text, which the server keeps.
    pub(super) fn in_full(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, command: &str, script: &str) -> Cmd {
        let mut built = redis::cmd(command);
        built.arg(script).arg(self.keys.len());
        for part in self.keys.iter().chain(&self.arguments) {
            built.arg(part.as_slice());
        }
        built
    }
}
