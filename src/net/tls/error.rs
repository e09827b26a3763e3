//! Why TLS cannot be set up, and what to do.

use std::path::{Path, PathBuf};

/// Why TLS cannot be set up. The texts name files and never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file with nothing in it.
    #[error("{} is empty; was it only half written?", .0.display())]
    Empty(PathBuf),
    /// A file far larger than any certificate or key.
    #[error(
        "{} is larger than {mib} MiB; it is no certificate, key or revocation list", file.display()
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The most that such a file may have.
        mib: u64,
    },
    /// A file that is not PEM, or not wholly.
    #[error("{} is damaged: {what}; it must hold PEM sections as openssl writes them", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file for the certificate holds none.
    #[error("{} holds no certificate; it needs a section `BEGIN CERTIFICATE`", .0.display())]
    NoCertificate(PathBuf),
    /// The file for the key holds none.
    #[error("{} holds no private key; it needs a section `BEGIN PRIVATE KEY`", .0.display())]
    NoKey(PathBuf),
    /// The key is locked with a pass phrase.
    #[error(
        "the private key in {} is encrypted; write it without pass phrase with \
         `openssl pkey -in KEY -out NEW` and let only this service read it", .0.display()
    )]
    EncryptedKey(PathBuf),
    /// A key that is no secret.
    #[error(
        "the private key in {} can be read by everybody on this machine (mode {mode:03o}); run \
         `chmod o= {0}`, and take another key if others were on it", file.display()
    )]
    OpenKey {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {} does not belong to the first certificate in {}; the server's own \
         certificate must come first, its issuers after it",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file with the chain.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// A kind of key or certificate that is not supported.
    #[error(
        "{} and {} cannot be used for TLS; ECDSA P-256 or RSA of 2048 bits and more can",
        certificate.display(),
        key.display()
    )]
    Unusable {
        /// The file with the chain.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// A file that everybody can change.
    #[error(
        "{} can be changed by everybody on this machine ({what} has mode {mode:03o}); run \
         `chmod o-w {}`, and look at what is in it", file.display(), what.display()
    )]
    Writable {
        /// The file.
        file: PathBuf,
        /// What can be written: the file, or a folder that it is in.
        what: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key that is shorter than the policy allows.
    #[error(
        "the key of the certificate in {} is RSA with {bits} bits; the policy wants {least} and more, \
         or ECDSA", file.display()
    )]
    ShortKey {
        /// The file with the certificate.
        file: PathBuf,
        /// What it has.
        bits: usize,
        /// What the policy wants.
        least: usize,
    },
    /// No certificate can be shown with TLS 1.2.
    #[error(
        "has none for TLS 1.2 that the certificates' keys can be used with; add one of ECDHE_{kind}, or \
         write `min_version: \"1.3\"`"
    )]
    NoSuite {
        /// `ECDSA` or `RSA`.
        kind: &'static str,
    },
    /// An OCSP answer that cannot be shown with the certificate.
    #[error("{} {what}; fetch another one from the CA's OCSP responder", file.display())]
    Staple {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A revocation list that cannot be read.
    #[error("{} is no revocation list that can be used: {what}", file.display())]
    Crl {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A revocation list of somebody else.
    #[error(
        "{} is a revocation list of {issuer}, which is none of the CAs in {}, or is not signed by it; put \
         that CA's certificate into the file, or leave the list out", file.display(), ca.display()
    )]
    ForeignCrl {
        /// The file with the list.
        file: PathBuf,
        /// The file with the CAs.
        ca: PathBuf,
        /// Who has signed it, as it says.
        issuer: String,
    },
    /// A certificate that cannot be a CA.
    #[error("{} holds a certificate that cannot be a CA of clients", file.display())]
    ClientCa {
        /// The file.
        file: PathBuf,
        /// What rustls said.
        #[source]
        source: rustls::Error,
    },
    /// rustls itself cannot be set up: a fault of this program or of the machine's randomness.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// A file is not there at all.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether this file is what somebody has to look at.
    pub fn is_about(&self, wanted: &Path) -> bool {
        match self {
            Self::Unreadable { file, .. }
            | Self::Empty(file)
            | Self::TooLarge { file, .. }
            | Self::Damaged { file, .. }
            | Self::NoCertificate(file)
            | Self::NoKey(file)
            | Self::EncryptedKey(file)
            | Self::OpenKey { file, .. }
            | Self::Writable { file, .. }
            | Self::ShortKey { file, .. }
            | Self::Staple { file, .. }
            | Self::Crl { file, .. }
            | Self::ForeignCrl { file, .. }
            | Self::ClientCa { file, .. } => file == wanted,
            Self::Mismatch { certificate, .. } | Self::Unusable { certificate, .. } => {
                certificate == wanted
            }
            Self::NoSuite { .. } | Self::Setup(_) => false,
        }
    }
}
