//! `clients:` who may ask.

use std::{collections::HashMap, fmt, sync::Arc};

use aws_lc_rs::{constant_time, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolve::Reading;

/// The most characters of a client's name.
const MAX_NAME: usize = 32;

/// While a password is replaced, the old and the new one are both valid; more are forgotten ones.
const MAX_SECRETS: usize = 2;

/// Somebody who may ask.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// User name, and field of records.
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

/// SHA-256 of a password that `dialgate secret new` generated. Plain SHA-256 is enough because such
/// a password has 256 random bits; a person's own password would need a slow hash.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SecretHash([u8; 32]);

/// Why a text is not the hash of a secret. Does not repeat the text: it may be the secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "is not `sha256:` and 64 hexadecimal digits; `dialgate secret new NAME` prints the line to write here"
)]
pub struct SecretHashError;

impl SecretHash {
    /// The hash of a password.
    pub fn of(password: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, password).as_ref());
        Self(hash)
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// See [`SecretHashError`].
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        let digits = text.strip_prefix("sha256:").ok_or(SecretHashError)?.as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(SecretHashError) };
        if pairs.len() != 32 {
            return Err(SecretHashError);
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(hash))
    }

    /// Compares in constant time, whatever the password.
    pub fn matches(&self, password: &[u8]) -> bool {
        self.is_same(&Self::of(password))
    }

    /// Compares with another hash in constant time.
    pub fn is_same(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

fn nibble(digit: u8) -> Result<u8, SecretHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(SecretHashError),
    }
}

/// As `config.yaml` wants it.
impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Says nothing: a hash in a log is a target.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:***")
    }
}

/// One entry of `clients:` or `admin.operators:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["name", "secrets"]))]
pub(in crate::config) struct ClientFile {
    /// User name, also in metrics and records: 1 to 32 of a-z, 0-9 and -.
    #[schemars(with = "String")]
    name: Option<String>,
    /// One or two lines `sha256:…` as `dialgate secret new NAME` prints them.
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
    named("clients", files, reading)
}

/// Everybody on a list of names and passwords; `list`: its key.
pub(in crate::config) fn named(
    list: &str,
    files: &[Option<ClientFile>],
    reading: &mut Reading<'_>,
) -> Vec<Client> {
    let mut clients = Vec::new();
    let mut names = HashMap::new();
    for (index, file) in files.iter().enumerate() {
        let Some(file) = file else { continue };
        let entry = format!("{list}[{index}]");
        let name = file.name.as_deref().and_then(|text| {
            let key = format!("{entry}.name");
            let name = ClientName::parse(text).map_err(|e| reading.at(&key, e.to_string())).ok()?;
            if let Some(first) = names.insert(text.to_owned(), index) {
                let first = reading.findings.line_of(&format!("{list}[{first}].name"));
                reading.at(&key, format!("`{text}` is here already, in {first}"));
            }
            Some(name)
        });
        let secrets = file.secrets(&entry, reading);
        if let (Some(name), Some(secrets)) = (name, secrets) {
            clients.push(Client { name, secrets });
        }
    }
    clients
}

impl ClientFile {
    fn secrets(&self, entry: &str, reading: &mut Reading<'_>) -> Option<Vec<SecretHash>> {
        let key = format!("{entry}.secrets");
        let texts = self.secrets.as_deref()?;
        let name = self.name.as_deref().unwrap_or("NAME");
        let whose = if entry.starts_with("admin.") { "--operator " } else { "" };
        if texts.is_empty() {
            reading.at(
                &key,
                format!(
                    "is empty; run `dialgate secret new {whose}{name}` and write the line it prints here"
                ),
            );
        }
        if texts.len() > MAX_SECRETS {
            reading.at(&key, format!("has {}; two are enough to replace one", texts.len()));
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
        Some(hashes)
    }
}
