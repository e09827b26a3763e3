//! What a partner is called in the shared memory: nobody without a key finds out whom a name means, or
//! whether a partner is there.

use crate::net::kv::Link;

use super::super::memory::Key;

/// The names of one partner: under the key that seals, and under one that is being replaced.
pub(super) struct Names {
    pub(super) own: Name,
    pub(super) before: Option<Name>,
}

/// One name, and the keys that belong to it: all in one slot of a cluster.
pub(super) struct Name {
    /// What the value is bound to.
    pub(super) digest: [u8; 16],
    pub(super) value: String,
    pub(super) turn: String,
}

impl Names {
    pub(super) fn of(link: &Link, key: &Key) -> Self {
        let system = key.system.bytes();
        let whom: [&[u8]; 3] = [b"partner", &system, key.partner.as_str().as_bytes()];
        let mut names = link.keys().names(&whom).map(|name| Name::of(link, name));
        // A shared memory without a key is a finding of the configuration.
        let own = names.next().unwrap_or_else(|| Name::of(link, [0; 16]));
        let before = names.next();
        Self { own, before }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.own).chain(&self.before)
    }
}

impl Name {
    fn of(link: &Link, name: [u8; 16]) -> Self {
        let group = name.iter().fold(String::new(), |group, byte| format!("{group}{byte:02x}"));
        Self { digest: name, value: link.key(&group, "said"), turn: link.key(&group, "turn") }
    }
}
