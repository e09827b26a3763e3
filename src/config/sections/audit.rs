//! `audit:` and `privacy:` the trail of decisions that cannot be changed unnoticed, and what it says of
//! persons.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    resolve::Reading,
    sap::is_loopback,
    units::{DurationText, SizeText},
};

/// The audit trail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audit {
    /// Where its files are.
    pub folder: PathBuf,
    /// Where the keys are that sign it and that pseudonyms are made with.
    pub keys: PathBuf,
    /// What happens to calls while it cannot be written.
    pub when_unwritable: WhenUnwritable,
    /// Where something was written, a checkpoint is signed so often.
    pub checkpoint_every: Duration,
    /// A longer file is followed by the next one, in bytes.
    pub rotate_bytes: usize,
    /// Files are removed after so many days; `None`: never.
    pub keep_days: Option<u32>,
    /// Where checkpoints go besides.
    pub anchors: Vec<Anchor>,
}

/// What happens to calls while the trail cannot be written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnwritable {
    /// They are refused: nothing is decided that is not in the trail.
    Refuse,
    /// They go on; the trail says later how many records are missing.
    Continue,
}

/// A second place that keeps checkpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// Appended to a file, on another disk or machine.
    File(PathBuf),
    /// Sent to a log server (RFC 5424), by datagrams or over a connection.
    Syslog {
        /// Its address.
        address: SocketAddr,
        /// Over TCP, framed by octet counting (RFC 6587).
        tcp: bool,
    },
    /// Sent to a server by POST, as JSON.
    Http {
        /// Scheme, host, port and path.
        url: Uri,
        /// PEM file of the CA that signed its certificate; `None`: the system's roots.
        ca_file: Option<PathBuf>,
    },
}

/// What the trail says of persons.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Privacy {
    /// The business partner.
    pub partner: PersonalData,
    /// The number that was to be dialled.
    pub number: PersonalData,
    /// A key is in use for so many days.
    pub rotate_days: u32,
    /// So many keys are kept; older ones are dropped, and what they named can no longer be found.
    pub keep_epochs: usize,
}

/// How something personal is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalData {
    /// Under a name that only whoever has the key can make.
    Pseudonym,
    /// Not at all.
    Absent,
}

/// `audit:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["folder", "keys", "when_unwritable"]))]
pub(in crate::config) struct AuditFile {
    /// The folder of the trail's files.
    #[schemars(with = "String")]
    folder: Option<String>,
    /// The folder of its keys, which `dialgate audit keys FOLDER` makes.
    #[schemars(with = "String")]
    keys: Option<String>,
    /// What happens to calls while it cannot be written: refuse or continue.
    #[schemars(with = "WhenUnwritable")]
    when_unwritable: Option<WhenUnwritable>,
    /// A checkpoint is signed so often, where something was written.
    checkpoint_every: DurationText,
    /// A file that is longer is followed by the next one; so is one of the day before.
    rotate_size: SizeText,
    /// Files are removed after so many days; without it, never.
    #[schemars(range(min = 1, max = 36500))]
    keep_days: Option<u32>,
    /// Second places for checkpoints.
    anchors: Vec<AnchorFile>,
}

/// One of `audit.anchors` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum AnchorFile {
    /// Appended to this file, on another disk or machine.
    File(String),
    /// A log server (RFC 5424), by UDP: IP address and port.
    SyslogUdp(String),
    /// A log server (RFC 5424), by TCP: IP address and port.
    SyslogTcp(String),
    /// A server that takes them by POST.
    Http(HttpFile),
}

/// `http:` of one of `audit.anchors`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["url"]))]
struct HttpFile {
    /// Scheme, host, port and path, e.g. `https://anchors.example.com/dialgate`.
    #[schemars(with = "String")]
    url: Option<String>,
    /// PEM file of the CA that signed its certificate; without it, the system's roots.
    ca_file: Option<String>,
}

/// `privacy:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct PrivacyFile {
    /// The business partner in the audit trail.
    partner: PersonalData,
    /// The dialled number in the audit trail.
    number: PersonalData,
    /// A key of pseudonyms is in use for so many days.
    #[schemars(range(min = 1, max = 3650))]
    rotate_days: u32,
    /// So many keys are kept; what older ones named can no longer be found.
    #[schemars(range(min = 1, max = 1000))]
    keep_epochs: usize,
}

impl Default for AuditFile {
    fn default() -> Self {
        Self {
            folder: None,
            keys: None,
            when_unwritable: None,
            checkpoint_every: "10s".into(),
            rotate_size: "64MiB".into(),
            keep_days: None,
            anchors: Vec::new(),
        }
    }
}

impl Default for PrivacyFile {
    fn default() -> Self {
        Self {
            partner: PersonalData::Pseudonym,
            number: PersonalData::Absent,
            rotate_days: 30,
            keep_epochs: 12,
        }
    }
}

impl AuditFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Audit> {
        let mut folder = |key: &str, path: Option<&str>| match path? {
            "" => {
                reading.at(&format!("audit.{key}"), "is empty; write the path of a folder");
                None
            }
            path => Some(reading.path(path)),
        };
        let (folder, keys) =
            (folder("folder", self.folder.as_deref()), folder("keys", self.keys.as_deref()));
        if folder.is_some() && folder == keys {
            let told = "is audit.folder; take another one, so that the trail can be copied without its keys";
            reading.at("audit.keys", told);
        }
        let bounds = Duration::from_secs(1)..=Duration::from_mins(5);
        let checkpoint_every =
            reading.duration("audit.checkpoint_every", &self.checkpoint_every, bounds);
        let bounds = 64 * 1024..=1024 * 1024 * 1024;
        let rotate_bytes = reading.size("audit.rotate_size", &self.rotate_size, bounds);
        let anchors: Vec<_> = self
            .anchors
            .iter()
            .enumerate()
            .map(|(place, anchor)| anchor.resolve(&format!("audit.anchors[{place}]"), reading))
            .collect();
        Some(Audit {
            folder: folder?,
            keys: keys?,
            when_unwritable: self.when_unwritable?,
            checkpoint_every: checkpoint_every?,
            rotate_bytes: rotate_bytes?,
            keep_days: self.keep_days,
            anchors: anchors.into_iter().collect::<Option<_>>()?,
        })
    }
}

impl AnchorFile {
    fn resolve(&self, key: &str, reading: &mut Reading<'_>) -> Option<Anchor> {
        match self {
            Self::File(path) if path.is_empty() => {
                reading.at(&format!("{key}.file"), "is empty; write the path of a file");
                None
            }
            Self::File(path) => Some(Anchor::File(reading.path(path))),
            Self::SyslogUdp(address) => {
                let address = reading.address(&format!("{key}.syslog_udp"), address)?;
                Some(Anchor::Syslog { address, tcp: false })
            }
            Self::SyslogTcp(address) => {
                let address = reading.address(&format!("{key}.syslog_tcp"), address)?;
                Some(Anchor::Syslog { address, tcp: true })
            }
            Self::Http(http) => {
                let url = url(&format!("{key}.http.url"), http.url.as_deref()?, reading)?;
                let ca_file = http.ca_file.as_deref().map(|path| reading.path(path));
                Some(Anchor::Http { url, ca_file })
            }
        }
    }
}

/// Repeats nothing of the text: it may carry a password.
fn url(key: &str, text: &str, reading: &mut Reading<'_>) -> Option<Uri> {
    let wrong = match text.parse::<Uri>() {
        Err(_) => "is not a URL; write for example `https://anchors.example.com/dialgate`",
        Ok(url) if !matches!(url.scheme_str(), Some("https" | "http")) => {
            "does not begin with `https://` or `http://`"
        }
        Ok(url) if url.host().is_none_or(str::is_empty) => "names no host",
        Ok(_) if text.contains(['@', '?', '#']) => {
            "carries a user, a query or a fragment; write scheme, host, port and path"
        }
        Ok(url) if url.scheme_str() == Some("http") && !is_loopback(&url) => {
            "begins with `http://`, so that anybody on the way could answer for the second place; write \
             `https://`"
        }
        Ok(url) => return Some(url),
    };
    reading.at(key, wrong);
    None
}

impl PrivacyFile {
    pub(in crate::config) fn resolve(&self) -> Privacy {
        let Self { partner, number, rotate_days, keep_epochs } = *self;
        Privacy { partner, number, rotate_days, keep_epochs }
    }
}
