//! `listen.tls.clients:` which certificates clients show, and what makes them good.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MOST_FILES, pem_file};
use crate::config::document::resolve::Reading;

/// Which certificates of clients are good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsClients {
    /// Who shows none is refused.
    pub is_required: bool,
    /// PEM file with the CAs.
    pub ca: PathBuf,
    /// PEM or DER files with what those have revoked; without any nothing is looked up.
    pub crls: Vec<PathBuf>,
    /// A list that has ended counts all the same.
    pub accepts_ended_crl: bool,
    /// A certificate whose CA has no list here is good.
    pub accepts_missing_crl: bool,
}

/// `listen.tls.clients:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["ca"]))]
pub(super) struct TlsClientsFile {
    /// Whether who shows no certificate is refused in the handshake.
    ask: Ask,
    /// PEM file with the CAs of clients' certificates.
    #[schemars(with = "String")]
    ca: Option<String>,
    /// PEM or DER files with the certificates that those CAs have revoked.
    crls: Vec<String>,
    /// What becomes of certificates whose CA's list has ended.
    crl_expired: Unknown,
    /// What becomes of certificates whose CA has no list in `crls`, where there are any.
    crl_missing: Unknown,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ask {
    /// Who shows none is let in, and has to say otherwise who he is.
    Optional,
    /// Who shows none is refused.
    #[default]
    Required,
}

/// What becomes of certificates of which nobody knows whether they are revoked.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unknown {
    /// They are refused.
    #[default]
    Refuse,
    /// They are good.
    Accept,
}

impl TlsClientsFile {
    pub(super) fn resolve(&self, section: &str, reading: &mut Reading<'_>) -> Option<TlsClients> {
        let ca = pem_file(&format!("{section}.ca"), self.ca.as_deref(), reading);
        let crls = crl_files(&format!("{section}.crls"), &self.crls, reading);
        Some(TlsClients {
            is_required: self.ask == Ask::Required,
            ca: ca?,
            crls,
            accepts_ended_crl: self.crl_expired == Unknown::Accept,
            accepts_missing_crl: self.crl_missing == Unknown::Accept,
        })
    }
}

pub(super) fn crl_files(key: &str, crls: &[String], reading: &mut Reading<'_>) -> Vec<PathBuf> {
    if crls.len() > MOST_FILES {
        reading.at(key, format!("has more than {MOST_FILES} entries"));
    }
    let each = crls.iter().enumerate();
    each.filter_map(|(place, file)| pem_file(&format!("{key}[{place}]"), Some(file), reading))
        .collect()
}
