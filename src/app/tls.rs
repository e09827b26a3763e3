//! TLS of both listeners: what is wrong with its files, and what the metrics say of them.

use std::path::Path;

use crate::{
    config::{Findings, Tls},
    net::tls::{self, TlsError},
    telemetry::logging::with_causes,
};

/// Adds what is wrong with the files of `listen.tls`, and what somebody should know of them.
pub(super) fn check_calls(tls: &Tls, findings: &mut Findings) {
    check("listen.tls", tls, findings, &|key| format!("listen.tls.{key}"));
}

/// The same of `admin.tls`.
pub(super) fn check_admin(tls: &Tls, findings: &mut Findings) {
    check("admin.tls", tls, findings, &|key| {
        let key = key.replace("clients.ca", "client_ca").replace("clients.crls", "crls");
        format!("admin.tls.{key}")
    });
}

fn check(section: &str, tls: &Tls, findings: &mut Findings, name: &dyn Fn(&str) -> String) {
    let key_of = |is_it: &dyn Fn(&Path) -> bool| {
        tls.files().into_iter().find(|(_, file)| is_it(file)).map(|(key, _)| name(&key))
    };
    match tls::read(tls) {
        Ok(read) => {
            for note in read.notes {
                let key = key_of(&|file| file == note.file);
                let told = format!("{} {}", note.file.display(), note.text);
                findings.note(key.as_deref().unwrap_or(section), told);
            }
        }
        Err(errors) => {
            for error in errors {
                let key = match &error {
                    TlsError::NoSuite { .. } => Some(format!("{section}.cipher_suites")),
                    // The key is what does not fit.
                    TlsError::Mismatch { key, .. } | TlsError::Unusable { key, .. } => {
                        key_of(&|file| file == key)
                    }
                    error => key_of(&|file| error.is_about(file)),
                };
                let key = key.unwrap_or_else(|| name("key"));
                let mut message = with_causes(&error);
                if section == "listen.tls" && error.is_missing_file() {
                    message += "; `dialgate certs dev` makes certificate and key for tests";
                }
                findings.at(&key, message);
            }
        }
    }
}
