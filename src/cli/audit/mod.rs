//! `dialgate audit`: what the security auditor asks.

mod config;
pub(super) mod posture;
mod trail;

use clap::Subcommand;

use super::Failure;
pub(super) use config::{Format, render};
pub(super) use trail::{failed, open};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// What in the configuration is weak, open, about to end, unused or readable by others.
    Config(config::AuditConfig),
    /// Make the keys of an audit trail, and print what those need who check it.
    ///
    /// What signs stays in the folder, for dialgate alone. The public key and the first MAC key are for
    /// whoever checks the trail; the first MAC key is soon nowhere but in what is printed.
    Keys(trail::NewKeys),
    /// Check that nothing was changed, left out, added or moved; say where if it was.
    Verify(trail::Verify),
}

impl AuditCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Config(config) => config.execute(),
            Self::Keys(keys) => keys.execute(),
            Self::Verify(verify) => verify.execute(),
        }
    }
}
