//! How dialgate gets to where it runs: the package in a Debian of its own, the service under a systemd of its
//! own, the empty image, Kubernetes.
//!
//! Folders with another system in them belong to root; who is not root needs `sudo` without a password.

mod booted;
mod changes;
mod container;
mod debian;
mod kubernetes;
mod package;
mod sockets;
mod unit;

use std::{env, ffi::OsStr, path::PathBuf};

use dialgate::config::{self, SecretHash};
use tokio::process::Command;

use crate::support::gateway::CLIENT_PASSWORD;

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What `tests/run` has made and named by a variable.
fn made(variable: &str) -> PathBuf {
    let path = env::var_os(variable).map(PathBuf::from);
    let path =
        path.unwrap_or_else(|| panic!("{variable} is not set: start the tests with tests/run"));
    assert!(path.exists(), "{} is not there: start the tests with tests/run", path.display());
    path
}

/// A command that root runs.
fn as_root(program: impl AsRef<OsStr>) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("-n").arg(program);
    command
}

/// The shipped configuration as an administrator fills it in, for a SAP that asks for no login.
fn filled_in(text: &str, sap_url: &str, more: &[(&str, &str)]) -> String {
    let hash = SecretHash::of(CLIENT_PASSWORD.as_bytes());
    let mut changes = vec![
        ("listen.address", "127.0.0.1:0".to_owned()),
        ("admin.address", "127.0.0.1:0".to_owned()),
        ("clients", format!("[{{ name: jtel, secrets: [\"{hash}\"] }}]")),
        ("sap.url", sap_url.to_owned()),
        ("sap.login", "none".to_owned()),
        ("log.format", "json".to_owned()),
    ];
    for (key, value) in more {
        changes.retain(|(other, _)| other != key);
        changes.push((key, (*value).to_owned()));
    }
    config::edit(text, &changes).unwrap_or_else(|e| panic!("{e}"))
}
