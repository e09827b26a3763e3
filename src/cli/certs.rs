//! `dialgate certs dev`: a CA and a server certificate for trying things out.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Subcommand;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};

use super::{Failure, output::print};
use crate::telemetry::clock::{Day, today};

/// Browsers and security scanners refuse longer ones (398 and 366 days).
const VALID_DAYS: i32 = 365;

#[derive(Debug, Subcommand)]
pub(super) enum Certs {
    /// Make a CA and a server certificate for development.
    ///
    /// Writes ca.pem, server.pem and server-key.pem (ECDSA P-256, valid for a year). The CA's own
    /// key is thrown away, so nobody can sign anything else with it.
    Dev {
        /// The folder.
        #[arg(long, value_name = "DIR", default_value = "certs")]
        out: PathBuf,
        /// A further name or IP address of the server, besides localhost, 127.0.0.1 and `::1`.
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
        /// Replace certificates that are there already.
        #[arg(long)]
        force: bool,
    },
}

impl Certs {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self::Dev { out, host, force } = self;
        let files = DevCertificates::in_folder(&out);
        files.make(&host, force)?;
        print(&format!(
            "{}  the CA; give it to whoever must trust this server\n\
             {}  the server's certificate\n\
             {}  its key, readable by you only\n",
            files.ca.display(),
            files.certificate.display(),
            files.key.display(),
        ))
    }
}

/// Where development certificates are.
pub(super) struct DevCertificates {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl DevCertificates {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            certificate: folder.join("server.pem"),
            key: folder.join("server-key.pem"),
        }
    }

    /// Makes all three, or none where one exists and `force` is not set.
    pub(super) fn make(&self, hosts: &[String], force: bool) -> anyhow::Result<()> {
        let files = [&self.ca, &self.certificate, &self.key];
        if let (Some(there), false) = (files.iter().find(|file| file.exists()), force) {
            bail!("{} exists already; --force replaces it and its two companions", there.display());
        }
        let folder = self.ca.parent().context("the folder has no name")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let pems = sign(hosts).context("cannot make the certificates")?;
        for (file, (pem, mode)) in files.into_iter().zip(pems) {
            // A new file each time: the old one may have wider permissions.
            if file.exists() {
                fs::remove_file(file)
                    .with_context(|| format!("cannot replace {}", file.display()))?;
            }
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(file)
                .and_then(|mut opened| opened.write_all(pem.as_bytes()))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// The CA, the server's certificate and its key as PEM, each with the permissions of its file.
fn sign(hosts: &[String]) -> Result<[(String, u32); 3], rcgen::Error> {
    let valid = |params: &mut CertificateParams| {
        // Yesterday, so that a clock that is a little behind does not refuse it.
        let [from, to] = [-1, VALID_DAYS - 1].map(|days| today().plus_days(days));
        let date = |day: Day| rcgen::date_time_ymd(day.year, day.month, day.day);
        (params.not_before, params.not_after) = (date(from), date(to));
    };
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "dialgate development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut ca);
    let ca_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let ca_certificate = ca.self_signed(&ca_key)?;

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut server = CertificateParams::new([&names, hosts].concat())?;
    server.distinguished_name.push(DnType::CommonName, "dialgate development server");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    valid(&mut server);
    let server_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = server.signed_by(&server_key, &Issuer::from_params(&ca, &ca_key))?;
    Ok([
        (ca_certificate.pem(), 0o644),
        // With its CA, so that everybody sees where it leads.
        (certificate.pem() + &ca_certificate.pem(), 0o644),
        (server_key.serialize_pem(), 0o600),
    ])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{config::Tls, net::tls::server_config};

    #[test]
    fn development_certificates_serve_tls_and_the_key_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let files = DevCertificates::in_folder(folder.path());

        files.make(&["gateway.example".to_owned()], false).unwrap();

        let tls = server_config(&Tls::with(&files.certificate, &files.key)).unwrap();
        assert!(tls.certificate.san.iter().any(|name| name.contains("gateway.example")));
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn certificates_that_are_there_stay_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let files = DevCertificates::in_folder(folder.path());
        files.make(&[], false).unwrap();
        let first = fs::read(&files.certificate).unwrap();

        let error = files.make(&[], false).unwrap_err();
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(fs::read(&files.certificate).unwrap(), first);

        files.make(&[], true).unwrap();
        assert_ne!(fs::read(&files.certificate).unwrap(), first);
    }
}
