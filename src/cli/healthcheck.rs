//! `dialgate healthcheck`: asks the running gateway whether it lives.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use clap::Args;

use super::{ConfigFile, Failure, block_on, http, output::print};
use crate::config::{self, Environment};

#[derive(Args, Debug)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    file: ConfigFile,
    /// The admin address, where the configuration is not at hand.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// Ask whether calls can be sent here, not only whether the process lives.
    #[arg(long)]
    ready: bool,
}

impl Healthcheck {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let admin = match self.admin {
            Some(address) => address,
            None => admin_address(&self.file.config)?,
        };
        let path = if self.ready { "/readyz?verbose" } else { "/livez" };
        let url = format!("http://{}{path}", reachable(admin));
        let answer = block_on(http::get(&url, None, None))??;
        print(&format!("{}\n", answer.body.trim_end()))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(anyhow::anyhow!("{url} answers {}", answer.status).into())
        }
    }
}

/// Where the admin listener is. Nothing else of the file counts: whoever asks for health need not
/// have the secrets that it names.
fn admin_address(file: &Path) -> Result<SocketAddr, Failure> {
    let mut admin = None;
    let loaded = config::load(file, &Environment::process(), |draft, _findings| {
        admin = draft.admin.as_ref().map(|admin| admin.address);
    });
    match (admin, loaded) {
        (Some(address), _) => Ok(address),
        (None, Err(findings)) => Err(findings.into()),
        (None, Ok(config)) => Ok(config.admin.address),
    }
}

/// A wildcard address is reached through loopback.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
