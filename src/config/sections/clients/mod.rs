//! `clients:` who may ask.

mod hash;
mod proofs;

use std::{collections::HashMap, sync::Arc};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolve::Reading;

pub use hash::{SecretHash, SecretHashError};
pub(in crate::config) use proofs::{CertificateFile, check_listener};
pub use proofs::{CertificateMatch, Proof, Proofs};

/// The most characters of a client's name.
const MAX_NAME: usize = 32;

/// While a password is replaced, the old and the new one are both valid; more are forgotten ones.
const MAX_SECRETS: usize = 2;

/// Somebody who may ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// User name, and field of records.
    pub name: ClientName,
    /// Up to two: while a password is replaced, the old and the new one are both valid.
    pub secrets: Vec<SecretHash>,
    /// Bearer keys, up to two for the same reason.
    pub keys: Vec<SecretHash>,
    /// What its certificate says; one is enough.
    pub certificates: Vec<CertificateMatch>,
    /// Where it comes from.
    pub addresses: Vec<IpNet>,
    /// One of these has to be shown; where there is none, nothing of the kind.
    pub any_of: Proofs,
    /// All of these have to be shown.
    pub all_of: Proofs,
}

impl Client {
    /// Whether so much shows that it is this client.
    pub const fn is_shown_by(&self, shown: Proofs) -> bool {
        shown.have_all(self.all_of) && (self.any_of.is_empty() || shown.have_any(self.any_of))
    }
}

/// Somebody who may see and do everything on the admin listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator {
    /// User name, and in lines of the log.
    pub name: ClientName,
    /// One or two: while a password is replaced, the old and the new one are both valid.
    pub secrets: Vec<SecretHash>,
}

/// A client's name, which is also its user name: 1 to 32 of `a-z`, `0-9` and `-`. Each of its calls
/// has one, so a clone allocates nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientName(Arc<str>);

/// Stands for everybody.
const ANYBODY: &str = "anybody";

/// Why a text is not a client's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not 1 to 32 of `a-z`, `0-9` and `-`")]
pub struct ClientNameError;

impl ClientName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// See [`ClientNameError`].
    pub fn parse(text: &str) -> Result<Self, ClientNameError> {
        let is_word = text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_word && (1..=MAX_NAME).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(ClientNameError)
        }
    }

    /// Stands for everybody where the configuration lets everybody ask.
    pub fn anybody() -> Self {
        Self(ANYBODY.into())
    }

    /// Whether it stands for everybody.
    pub fn is_anybody(&self) -> bool {
        &*self.0 == ANYBODY
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One entry of `clients:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["name"]))]
pub(in crate::config) struct ClientFile {
    /// User name, also in metrics and records: 1 to 32 of a-z, 0-9 and -.
    #[schemars(with = "String")]
    name: Option<String>,
    /// One or two lines `sha256:…` as `dialgate secret new NAME` prints them.
    #[schemars(with = "Vec<String>")]
    secrets: Option<Vec<Option<String>>>,
    /// Bearer keys: one or two lines `sha256:…` as `dialgate secret new --key NAME` prints them.
    #[schemars(with = "Vec<String>")]
    keys: Vec<Option<String>>,
    /// What its certificate says (listen.tls.clients); one of them is enough.
    #[schemars(with = "Vec<CertificateFile>")]
    certificates: Vec<Option<CertificateFile>>,
    /// Addresses and ranges (192.0.2.0/24) that it comes from.
    #[schemars(with = "Vec<String>")]
    addresses: Vec<Option<String>>,
    /// One of these has to be shown. Without it: password, key or certificate, whichever it has.
    any_of: Option<Vec<Proof>>,
    /// All of these have to be shown. Without it: address, where it has addresses.
    all_of: Option<Vec<Proof>>,
}

/// One entry of `admin.operators:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["name", "secrets"]))]
pub(in crate::config) struct OperatorFile {
    /// User name, also in the log: 1 to 32 of a-z, 0-9 and -.
    #[schemars(with = "String")]
    name: Option<String>,
    /// One or two lines `sha256:…` as `dialgate secret new --operator NAME` prints them.
    #[schemars(with = "Vec<String>")]
    secrets: Option<Vec<Option<String>>>,
}

/// Reads the list; with nobody on it, the file has to say in words that anybody may ask.
pub(in crate::config) fn resolve(
    files: &[Option<ClientFile>],
    anybody_may_ask: bool,
    reading: &mut Reading<'_>,
) -> Vec<Client> {
    if files.is_empty() && !anybody_may_ask {
        reading.at(
            "clients",
            "nobody may ask; run `dialgate secret new jtel` and write the client it prints here",
        );
    }
    if !files.is_empty() && anybody_may_ask {
        reading.at(
            "anybody_may_ask",
            "is true, yet there are clients, who would not be asked for their password; remove \
             one of the two",
        );
    }
    let mut clients = Vec::new();
    let mut names = Names::new("clients");
    for (index, file) in files.iter().enumerate() {
        let Some(file) = file else { continue };
        let entry = format!("clients[{index}]");
        let name = names.read(index, file.name.as_deref(), reading);
        let whose = file.name.as_deref().unwrap_or("NAME");
        let hashes = |key: &str, texts: &[Option<String>], command: &str, reading: &mut _| {
            hashes(&format!("{entry}.{key}"), texts, &format!("{command}{whose}"), reading)
        };
        let secrets = file.secrets.as_deref();
        let secrets = secrets.map_or_else(Vec::new, |texts| hashes("secrets", texts, "", reading));
        let keys = match &*file.keys {
            [] => Vec::new(),
            texts => hashes("keys", texts, "--key ", reading),
        };
        let shown = file.shown(&entry, reading);
        let Some(name) = name else { continue };
        let proofs::Shown { certificates, addresses, any_of, all_of } = shown;
        let client = Client { name, secrets, keys, certificates, addresses, any_of, all_of };
        clients.push((index, client));
    }
    proofs::tell_apart(&clients, reading);
    clients.into_iter().map(|(_, client)| client).collect()
}

/// Reads `admin.operators`.
pub(in crate::config) fn operators(
    files: &[Option<OperatorFile>],
    reading: &mut Reading<'_>,
) -> Vec<Operator> {
    let mut operators = Vec::new();
    let mut names = Names::new("admin.operators");
    for (index, file) in files.iter().enumerate() {
        let Some(file) = file else { continue };
        let name = names.read(index, file.name.as_deref(), reading);
        let whose = file.name.as_deref().unwrap_or("NAME");
        let key = format!("admin.operators[{index}].secrets");
        let secrets = file.secrets.as_deref();
        let secrets =
            secrets.map(|texts| hashes(&key, texts, &format!("--operator {whose}"), reading));
        if let (Some(name), Some(secrets)) = (name, secrets) {
            operators.push(Operator { name, secrets });
        }
    }
    operators
}

/// The names on a list, each there once.
struct Names<'l> {
    list: &'l str,
    seen: HashMap<String, usize>,
}

impl<'l> Names<'l> {
    fn new(list: &'l str) -> Self {
        Self { list, seen: HashMap::new() }
    }

    fn read(
        &mut self,
        index: usize,
        text: Option<&str>,
        reading: &mut Reading<'_>,
    ) -> Option<ClientName> {
        let (list, text) = (self.list, text?);
        let key = format!("{list}[{index}].name");
        let name = ClientName::parse(text).map_err(|e| reading.at(&key, e.to_string())).ok()?;
        if let Some(first) = self.seen.insert(text.to_owned(), index) {
            let first = reading.findings.line_of(&format!("{list}[{first}].name"));
            reading.at(&key, format!("`{text}` is here already, in {first}"));
        }
        Some(name)
    }
}

/// Reads a list of hashes under `key`; `dialgate secret new ARGUMENTS` makes one.
fn hashes(
    key: &str,
    texts: &[Option<String>],
    arguments: &str,
    reading: &mut Reading<'_>,
) -> Vec<SecretHash> {
    if texts.is_empty() {
        reading.at(
            key,
            format!(
                "is empty; run `dialgate secret new {arguments}` and write the line it prints here"
            ),
        );
    }
    if texts.len() > MAX_SECRETS {
        reading.at(key, format!("has {}; two are enough to replace one", texts.len()));
    }
    let mut hashes: Vec<SecretHash> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let key = format!("{key}[{place}]");
        match SecretHash::parse(text) {
            Ok(hash) if hash == SecretHash::of(b"") => {
                reading.at(&key, "is the hash of nothing at all");
            }
            Ok(hash) if hashes.contains(&hash) => reading.at(&key, "is here twice"),
            Ok(hash) => hashes.push(hash),
            Err(error) => reading.at(&key, error.to_string()),
        }
    }
    hashes
}
