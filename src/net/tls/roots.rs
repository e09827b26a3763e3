//! Whom we trust where we are the client: a file's CAs, or the system's.

use std::path::Path;

use rustls::RootCertStore;

use super::pem;
use crate::telemetry::logging::with_causes;

/// The CAs in a PEM file, and nobody else.
///
/// # Errors
///
/// What is wrong with the file, which the text names.
pub fn of_file(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(file).map_err(|error| with_causes(&error))? {
        roots.add(certificate).map_err(|error| {
            format!("{} has a certificate that cannot be a root: {error}", file.display())
        })?;
    }
    Ok(roots)
}

/// Those that this system trusts.
///
/// # Errors
///
/// There are none; the text goes on from the key under which a file could be named.
pub fn of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // A few odd certificates in a system's store are common and no reason to refuse the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let told = "is missing, and this system has no root certificates; install `ca-certificates` or name a file";
        return Err(told.to_owned());
    }
    Ok(roots)
}
