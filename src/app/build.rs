//! From the configuration file to a configuration whose certificates, dialect and log can really
//! be used: what rooms above `config` find wrong is a finding at its own line, too.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use crate::{
    config::{self, Config, Draft, Environment, Findings},
    net::tls::{ServerTls, TlsError, server_config},
    sap,
    telemetry::logging,
};

/// Reads, resolves and tries everything in the file; starts nothing.
///
/// # Errors
///
/// Every finding, each with its line and column.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Findings> {
    config::load(path, environment, look_closer)
}

fn look_closer(draft: &Draft, findings: &mut Findings) {
    if let Some(tls) = &draft.tls
        && let Err(error) = server_tls(tls)
    {
        let key = if error.is_about(&tls.certificate) { "certificate" } else { "key" };
        let mut message = with_causes(&error);
        if error.is_missing_file() {
            message += "; `dialgate certs dev` makes certificate and key for tests";
        }
        findings.at(&format!("listen.tls.{key}"), message);
    }
    if let Some(sap) = &draft.sap {
        for problem in sap::check(sap) {
            findings.at(&problem.key, problem.message);
        }
    }
    if let Some(log) = &draft.log
        && let Err(error) = logging::check_level(&log.level)
    {
        findings.at("log.level", with_causes(&error));
    }
}

/// The certificate and key of the section, matched with each other.
///
/// # Errors
///
/// See [`TlsError`].
pub(super) fn server_tls(tls: &config::Tls) -> Result<ServerTls, TlsError> {
    server_config(&tls.certificate, &tls.key, tls.min_version)
}

/// Names a SAP system for the memory: another address, dialect or language is another system,
/// whose answers must never be taken for this one's.
pub fn system_name(sap: &config::Sap) -> u64 {
    let mut hasher = DefaultHasher::new();
    sap.url.to_string().hash(&mut hasher);
    sap.preset.hash(&mut hasher);
    format!("{:?}", sap.custom).hash(&mut hasher);
    sap.language.hash(&mut hasher);
    format!("{:?}", sap.sales_areas).hash(&mut hasher);
    hasher.finish()
}

/// An error and its causes in one line: a finding has no second one.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
