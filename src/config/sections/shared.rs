//! `cache.shared:` a memory that several replicas have in common: Redis or Valkey, one server, Sentinels
//! or a cluster.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    resolve::Reading,
    sap::{KeyFiles, KeyFilesFile},
    secret::{Secret, SecretRef},
    units::DurationText,
};

/// Longest prefix: it is in every key.
const LONGEST_PREFIX: usize = 40;

/// Where the shared memory is, and how it is used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedMemory {
    /// Who answers.
    pub servers: SharedServers,
    /// TLS to all of them; `None`: in plain text, over loopback only.
    pub tls: Option<SharedTls>,
    /// Who logs in.
    pub login: Option<SharedLogin>,
    /// The most that a call waits for it, in all.
    pub budget: Duration,
    /// What every key begins with.
    pub prefix: String,
}

/// A host and its port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedAddress {
    /// Name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Who answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SharedServers {
    /// One server.
    Single(SharedAddress),
    /// Whoever these say is the master.
    Sentinel {
        /// What the Sentinels call it.
        master: String,
        /// Where they are.
        sentinels: Vec<SharedAddress>,
        /// Who logs in to them.
        login: Option<SharedLogin>,
    },
    /// A cluster, by some of its nodes.
    Cluster(Vec<SharedAddress>),
}

/// TLS to the servers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SharedTls {
    /// PEM file of the CA that signed their certificates; `None`: the system's roots.
    pub ca_file: Option<PathBuf>,
    /// The certificate that is shown to them.
    pub identity: Option<KeyFiles>,
}

/// User and password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedLogin {
    /// A user of the server's ACL; `None`: its default user.
    pub user: Option<String>,
    /// Its password.
    pub password: Secret,
}

/// How the servers stand to each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// One server.
    #[default]
    Single,
    /// Sentinels say which server it is.
    Sentinel,
    /// A cluster.
    Cluster,
}

/// `cache.shared:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["urls"]))]
pub(in crate::config) struct SharedFile {
    /// How the servers stand to each other.
    mode: Mode,
    /// `rediss://host:port` of the server, of each Sentinel, or of some nodes of the cluster.
    #[schemars(with = "Vec<String>")]
    urls: Vec<Option<String>>,
    /// With `mode: sentinel`: what the Sentinels call the master.
    master: Option<String>,
    /// User and password at the servers.
    login: Option<SharedLoginFile>,
    /// User and password at the Sentinels.
    sentinel_login: Option<SharedLoginFile>,
    /// Whom we believe, and whom we show.
    tls: SharedTlsFile,
    /// The most that a call waits for the shared memory, in all.
    budget: DurationText,
    /// What every key begins with: gateways with the same one share a memory.
    prefix: String,
}

/// `cache.shared.login:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["password"]))]
pub(in crate::config) struct SharedLoginFile {
    /// A user of the server's ACL; without it, the default user.
    user: Option<String>,
    /// Where its password is found.
    #[schemars(with = "SecretRef")]
    password: Option<SecretRef>,
}

/// `cache.shared.tls:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct SharedTlsFile {
    /// PEM file of the CA that signed the servers' certificates; without it, the system's roots.
    ca_file: Option<String>,
    /// A certificate that is shown to the servers.
    certificate: Option<KeyFilesFile>,
}

/// There is a finding.
struct Wrong;

impl Default for SharedFile {
    fn default() -> Self {
        Self {
            mode: Mode::Single,
            urls: Vec::new(),
            master: None,
            login: None,
            sentinel_login: None,
            tls: SharedTlsFile::default(),
            budget: "30ms".into(),
            prefix: "dialgate".to_owned(),
        }
    }
}

impl SharedFile {
    /// `has_keys`: what is written there can be encrypted.
    pub(super) fn resolve(
        &self,
        has_keys: bool,
        reading: &mut Reading<'_>,
    ) -> Option<SharedMemory> {
        if !has_keys {
            let told = "needs cache.keys: what others could read is encrypted; make a key with \
                        `openssl rand -base64 32`, the same one for all replicas";
            reading.at("cache.shared", told);
        }
        let addresses = self.addresses(reading);
        let master = self.master(reading);
        let login = login("cache.shared.login", self.login.as_ref(), reading);
        let at_sentinels = login_of_sentinels(self.mode, self.sentinel_login.as_ref(), reading);
        let bounds = Duration::from_millis(5)..=Duration::from_millis(500);
        let budget = reading.duration("cache.shared.budget", &self.budget, bounds);
        let prefix = self.prefix(reading);
        let (addresses, is_tls) = addresses?;
        let tls = self.tls.resolve(is_tls, reading).ok()?;
        let login = login.ok()?;
        let servers = match self.mode {
            Mode::Single => SharedServers::Single(addresses.into_iter().next()?),
            Mode::Sentinel => SharedServers::Sentinel {
                master: master?,
                sentinels: addresses,
                login: at_sentinels.ok()?,
            },
            Mode::Cluster => SharedServers::Cluster(addresses),
        };
        let (budget, prefix) = (budget?, prefix?);
        has_keys.then_some(SharedMemory { servers, tls, login, budget, prefix })
    }

    fn prefix(&self, reading: &mut Reading<'_>) -> Option<String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let is_sound =
            (1..=LONGEST_PREFIX).contains(&self.prefix.len()) && self.prefix.chars().all(is_plain);
        if !is_sound {
            let told = "is no prefix; write 1 to 40 letters, digits, `-`, `_`, `.` or `:`";
            reading.at("cache.shared.prefix", told);
        }
        is_sound.then(|| self.prefix.clone())
    }

    fn master(&self, reading: &mut Reading<'_>) -> Option<String> {
        let key = "cache.shared.master";
        match (&self.master, self.mode) {
            (Some(_), Mode::Single | Mode::Cluster) => {
                reading.at(key, "is not used, because cache.shared.mode is not `sentinel`");
                None
            }
            (None, Mode::Sentinel) => {
                reading.at(key, "is missing; Sentinels know a master by its name, e.g. `mymaster`");
                None
            }
            (Some(name), Mode::Sentinel) if name.trim().is_empty() => {
                reading.at(key, "is empty");
                None
            }
            (master, _) => master.clone(),
        }
    }

    /// Where the servers are, and whether TLS is spoken there.
    fn addresses(&self, reading: &mut Reading<'_>) -> Option<(Vec<SharedAddress>, bool)> {
        let key = "cache.shared.urls";
        if self.urls.is_empty() {
            let told = "is empty; write for example `[\"rediss://cache.example.com:6379\"]`";
            reading.at(key, told);
            return None;
        }
        if self.mode == Mode::Single && self.urls.len() > 1 {
            let told = "names several servers, and cache.shared.mode is `single`; write `sentinel` \
                        or `cluster`";
            reading.at(key, told);
            return None;
        }
        let default_port = if self.mode == Mode::Sentinel { 26379 } else { 6379 };
        let read: Vec<_> = self
            .urls
            .iter()
            .enumerate()
            .map(|(place, text)| {
                // An empty place has a finding of its own.
                address(&format!("{key}[{place}]"), text.as_deref()?, default_port, reading)
            })
            .collect();
        let read = read.into_iter().collect::<Option<Vec<_>>>()?;
        let is_tls = read.first().is_some_and(|(_, is_tls)| *is_tls);
        if let Some(place) = read.iter().position(|(_, other)| *other != is_tls) {
            let told =
                "begins otherwise than the first one; TLS is spoken to all servers or to none";
            reading.at(&format!("{key}[{place}]"), told);
            return None;
        }
        Some((read.into_iter().map(|(address, _)| address).collect(), is_tls))
    }
}

impl SharedTlsFile {
    fn resolve(&self, is_tls: bool, reading: &mut Reading<'_>) -> Result<Option<SharedTls>, Wrong> {
        if !is_tls {
            for (key, is_set) in
                [("ca_file", self.ca_file.is_some()), ("certificate", self.certificate.is_some())]
            {
                if is_set {
                    let told = "is not used, because cache.shared.urls begin with `redis://`";
                    reading.at(&format!("cache.shared.tls.{key}"), told);
                }
            }
            return Ok(None);
        }
        let ca_file = self.ca_file.as_deref().map(|path| reading.path(path));
        let identity = match &self.certificate {
            None => None,
            Some(files) => Some(files.resolve(reading).ok_or(Wrong)?),
        };
        Ok(Some(SharedTls { ca_file, identity }))
    }
}

fn login_of_sentinels(
    mode: Mode,
    file: Option<&SharedLoginFile>,
    reading: &mut Reading<'_>,
) -> Result<Option<SharedLogin>, Wrong> {
    let key = "cache.shared.sentinel_login";
    if file.is_some() && mode != Mode::Sentinel {
        reading.at(key, "is not used, because cache.shared.mode is not `sentinel`");
        return Err(Wrong);
    }
    login(key, file, reading)
}

fn login(
    key: &str,
    file: Option<&SharedLoginFile>,
    reading: &mut Reading<'_>,
) -> Result<Option<SharedLogin>, Wrong> {
    let Some(file) = file else { return Ok(None) };
    let user = file.user.clone();
    if user.as_deref().is_some_and(|user| user.is_empty() || user.contains(char::is_whitespace)) {
        reading.at(&format!("{key}.user"), "is no user of an ACL: it is empty, or has a blank");
        return Err(Wrong);
    }
    // A section without it has a finding of its own.
    let password = file.password.as_ref().ok_or(Wrong)?;
    let password = reading.secret(&format!("{key}.password"), password).ok_or(Wrong)?;
    Ok(Some(SharedLogin { user, password }))
}

/// Repeats nothing of the text: it may carry a password.
fn address(
    key: &str,
    text: &str,
    default_port: u16,
    reading: &mut Reading<'_>,
) -> Option<(SharedAddress, bool)> {
    let parsed = text.parse::<Uri>().ok();
    let wrong = match &parsed {
        _ if text.contains('@') => {
            "carries a user or password; they belong into cache.shared.login"
        }
        None => "is not a URL; write for example `rediss://cache.example.com:6379`",
        Some(url) if !matches!(url.scheme_str(), Some("redis" | "rediss")) => {
            "does not begin with `rediss://` (or `redis://`)"
        }
        Some(url) if url.host().is_none_or(str::is_empty) => "names no host",
        Some(url) if !matches!(url.path(), "" | "/") || text.contains(['?', '#']) => {
            "goes on after the port; a database or options cannot be chosen here"
        }
        Some(url) => {
            let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let is_tls = url.scheme_str() == Some("rediss");
            if is_tls || is_here(&host) {
                let port = url.port_u16().unwrap_or(default_port);
                return Some((SharedAddress { host, port }, is_tls));
            }
            "would carry passwords in plain text to another machine; write `rediss://`"
        }
    };
    reading.at(key, wrong);
    None
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
