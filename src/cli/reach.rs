//! How a command reaches the admin listener of a running gateway.

use std::{
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use ::http::Response;
use clap::Args;
use hyper::body::Incoming;

use super::{
    ConfigFile, Failure,
    http::{self, Reply, Trust},
};
use crate::config::{self, Admin, Environment, Secret};

/// Name and password of an operator, as `NAME:PASSWORD`.
const OPERATOR: &str = "DIALGATE_OPERATOR";

/// Where the gateway is.
#[derive(Args, Debug)]
pub(super) struct Reach {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// The admin listener, where it is not the configuration's: an address, or a URL.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// PEM file with the CA of its certificate, for a URL with https.
    #[arg(long, value_name = "FILE", requires = "admin")]
    ca: Option<PathBuf>,
}

/// A gateway that can be asked.
pub(super) struct Gateway {
    base: String,
    trust: Trusted,
    operator: Option<(String, Secret)>,
}

enum Trusted {
    Nothing,
    Ca(PathBuf),
    Certificate(PathBuf),
}

impl Reach {
    /// Finds out where it is; asks nobody yet.
    pub(super) fn gateway(&self) -> Result<Gateway, Failure> {
        let (base, trust) = match &self.admin {
            Some(admin) => {
                let base = admin.trim_end_matches('/');
                let base =
                    if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
                let trust = self.ca.clone().map_or(Trusted::Nothing, Trusted::Ca);
                (base, trust)
            }
            None => return Gateway::here(&admin_section(&self.file.config)?),
        };
        Ok(Gateway { base, trust, operator: operator()? })
    }
}

impl Gateway {
    /// The one on this machine that runs with this section.
    pub(super) fn here(admin: &Admin) -> Result<Self, Failure> {
        let (base, trust) = of(admin);
        Ok(Self { base, trust, operator: operator()? })
    }

    /// Whether it is a dialgate that answers there, whoever it lets in.
    pub(super) async fn is_a_dialgate(&self) -> bool {
        let reply = http::get(&self.url("/coverage.json"), self.trust(), self.login()).await;
        reply.is_ok_and(|reply| {
            reply.body.contains("\"seen\"") || reply.body.contains("admin.operators")
        })
    }

    /// Asks it once.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        let reply = http::get(&self.url(path), self.trust(), self.login()).await?;
        anyhow::ensure!(
            reply.status != 401,
            "{} wants to know who asks: write NAME:PASSWORD of one of admin.operators into the \
             environment variable {OPERATOR}",
            self.base
        );
        Ok(reply)
    }

    /// Asks for something that goes on.
    pub(super) async fn open(&self, path: &str) -> anyhow::Result<Response<Incoming>> {
        let response = http::open(&self.url(path), self.trust(), self.login()).await?;
        let status = response.status();
        anyhow::ensure!(
            status != 401,
            "{} wants to know who asks: write NAME:PASSWORD of one of admin.operators into the \
             environment variable {OPERATOR}",
            self.base
        );
        anyhow::ensure!(status.is_success(), "{} answers {status}", self.url(path));
        Ok(response)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn trust(&self) -> Trust<'_> {
        match &self.trust {
            Trusted::Nothing => Trust::Nothing,
            Trusted::Ca(file) => Trust::Ca(file),
            Trusted::Certificate(file) => Trust::Certificate(file),
        }
    }

    fn login(&self) -> Option<(&str, &Secret)> {
        self.operator.as_ref().map(|(name, password)| (name.as_str(), password))
    }
}

/// By the configuration of a gateway on this machine. Its certificate is known, whatever names are in it.
fn of(admin: &Admin) -> (String, Trusted) {
    let address = reachable(admin.address);
    match &admin.tls {
        None => (format!("http://{address}"), Trusted::Nothing),
        Some(tls) => (format!("https://{address}"), Trusted::Certificate(tls.certificate.clone())),
    }
}

fn operator() -> Result<Option<(String, Secret)>, Failure> {
    let Some(both) = env::var_os(OPERATOR) else { return Ok(None) };
    let both = both.into_string().ok();
    match both.as_deref().and_then(|both| both.split_once(':')) {
        Some((name, password)) => Ok(Some((name.to_owned(), Secret::new(password.to_owned())))),
        None => Err(anyhow::anyhow!("{OPERATOR} is not NAME:PASSWORD").into()),
    }
}

/// The admin section. Nothing else of the file counts: whoever asks need not have the secrets that it
/// names.
fn admin_section(file: &Path) -> Result<Admin, Failure> {
    let mut admin = None;
    let loaded = config::load(file, &Environment::process(), |draft, _findings| {
        admin.clone_from(&draft.admin);
    });
    match (admin, loaded) {
        (Some(admin), _) => Ok(admin),
        (None, Err(findings)) => Err(findings.into()),
        (None, Ok(config)) => Ok(config.admin),
    }
}

/// A wildcard address is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
