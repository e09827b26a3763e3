//! A client certificate and its key, by their files.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::document::resolve::Reading;

/// A certificate and its key as PEM files. Read again when they change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFiles {
    /// The certificate first, then intermediate ones.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `sap.login.certificate:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
pub(in crate::config) struct KeyFilesFile {
    /// PEM file: the certificate first, then intermediate ones.
    #[schemars(with = "String")]
    pub(super) certificate: Option<String>,
    /// PEM file with its private key.
    #[schemars(with = "String")]
    pub(super) key: Option<String>,
}

impl KeyFilesFile {
    /// `None`: a file is not named, which is a finding of its own.
    pub(in crate::config) fn resolve(&self, reading: &Reading<'_>) -> Option<KeyFiles> {
        let (certificate, key) = (self.certificate.as_deref()?, self.key.as_deref()?);
        Some(KeyFiles { certificate: reading.path(certificate), key: reading.path(key) })
    }
}
