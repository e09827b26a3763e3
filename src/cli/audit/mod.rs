//! `dialgate audit`: what the security auditor asks.

mod config;
pub(super) mod posture;

use clap::Subcommand;

use super::Failure;
pub(super) use config::{Format, render};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// What in the configuration is weak, open, about to end, unused or readable by others.
    Config(config::AuditConfig),
}

impl AuditCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Config(config) => config.execute(),
        }
    }
}
