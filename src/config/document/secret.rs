//! A text that must never be seen: no `Display`, no `Serialize`, and its `Debug` says nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A password, token or key. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret {
    text: Zeroizing<String>,
    /// The file it was read from, to read it again.
    file: Option<PathBuf>,
}

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self { text: Zeroizing::new(text), file: None }
    }

    /// The text itself, for the one place that sends or compares it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The same secret, known to stand in a file that may change.
    pub(in crate::config) fn found_in(self, file: PathBuf) -> Self {
        Self { file: Some(file), ..self }
    }

    /// The file it was read from.
    pub(in crate::config) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

/// Where a secret comes from does not matter, only what it is.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret is found. The secret itself never stands in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum SecretRef {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file, relative to the directory of `config.yaml`; only its owner and group
    /// may read it. A line break at its end does not count.
    File(String),
    /// The name of a credential that systemd hands over (`LoadCredential=`, `SetCredential=`).
    Credential(String),
}
