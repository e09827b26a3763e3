//! `listen.tls:` the certificate that is shown, and which TLS is spoken.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolve::Reading;

/// The certificate that jtel sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// PEM file with the certificate and the chain up to, but without, the root.
    pub certificate: PathBuf,
    /// PEM file with the private key of that certificate.
    pub key: PathBuf,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, JsonSchema,
)]
pub enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3, RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

/// `listen.tls:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
pub(in crate::config) struct TlsFile {
    /// PEM file: the certificate first, then the intermediate ones, without the root.
    #[schemars(with = "String")]
    certificate: Option<String>,
    /// PEM file with the certificate's private key.
    #[schemars(with = "String")]
    key: Option<String>,
    /// The oldest version of TLS that is spoken.
    min_version: TlsVersion,
}

impl TlsFile {
    /// `section`: its key.
    pub(in crate::config) fn resolve(
        &self,
        section: &str,
        reading: &mut Reading<'_>,
    ) -> Option<Tls> {
        let mut path = |key: &str, path| pem_file(&format!("{section}.{key}"), path, reading);
        let certificate = path("certificate", self.certificate.as_deref());
        let key = path("key", self.key.as_deref());
        Some(Tls { certificate: certificate?, key: key?, min_version: self.min_version })
    }
}

/// The path of a file whose content is part of the configuration; `None`: not given, or nothing.
pub(in crate::config) fn pem_file(
    key: &str,
    path: Option<&str>,
    reading: &mut Reading<'_>,
) -> Option<PathBuf> {
    match path? {
        "" => {
            reading.at(key, "is empty; write the path of a PEM file");
            None
        }
        path => Some(reading.file(path)),
    }
}
