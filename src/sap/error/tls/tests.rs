//! Each way in which TLS fails is told in words, with what to do.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertRevocationListError, ExtendedKeyPurpose, InvalidMessage, OtherError, PeerIncompatible,
    PeerMisbehaved, pki_types::ServerName,
};

use super::*;

fn fault(error: Error) -> String {
    TlsFault::of(&io::Error::other(error), "sap").unwrap().to_string()
}

/// An error as rustls passes on what it does not know itself.
#[derive(Debug)]
struct Webpki(&'static str);

impl fmt::Display for Webpki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Webpki {}

fn other(kind: &'static str) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Webpki(kind)))))
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[test]
fn every_fault_of_a_certificate_says_what_it_is_and_what_to_do() {
    let name = ServerName::try_from("sap.example").unwrap();
    let named = |presented: &[&str]| CertificateError::NotValidForNameContext {
        expected: name.to_owned(),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    };
    for (fault_of, expected) in [
        (CertificateError::UnknownIssuer, "`sap.ca_file`"),
        (CertificateError::Expired, "has to be renewed"),
        (
            CertificateError::ExpiredContext {
                time: at(1_800_000_000),
                not_after: at(1_767_225_599),
            },
            "ended on 2025-12-31",
        ),
        (CertificateError::NotValidYet, "this clock"),
        (
            CertificateError::NotValidYetContext { time: at(0), not_before: at(1_767_225_600) },
            "begins on 2026-01-01",
        ),
        (CertificateError::NotValidForName, "`sap.server_name`"),
        (
            named(&["DnsName(\"other.example\")", "IpAddress(127.0.0.1)"]),
            "for other.example, 127.0.0.1 and not",
        ),
        (named(&[]), "subjectAltName"),
        (CertificateError::Revoked, "replaced there"),
        (CertificateError::BadEncoding, "have it made anew"),
        (CertificateError::BadSignature, "older certificate of the same CA"),
        (CertificateError::UnhandledCriticalExtension, "have one made without"),
        (CertificateError::InvalidPurpose, "serverAuth"),
        (
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth],
            },
            "serverAuth",
        ),
        (CertificateError::UnknownRevocationStatus, "runs its CA"),
        (CertificateError::ExpiredRevocationList, "runs its CA"),
        (CertificateError::InvalidOcspResponse, "runs its CA"),
        (CertificateError::ApplicationVerificationFailure, "`sap.pinned_certificates`"),
    ] {
        let told = fault(Error::InvalidCertificate(fault_of));
        assert!(told.contains(expected), "{told}");
        assert!(told.starts_with("its certificate") || told.contains("certificate"), "{told}");
    }
    for (kind, expected) in [
        ("CaUsedAsEndEntity", "`openssl req -x509`"),
        ("UnsupportedCertVersion", "X.509 v1"),
        ("EndEntityUsedAsCa", "no CA"),
        ("NameConstraintViolation", "may not sign for"),
        ("PathLenConstraintViolated", "longer than its CA allows"),
        ("MaximumPathDepthExceeded", "longer than its CA allows"),
        ("ExtensionValueInvalid", "Extension value invalid"),
    ] {
        let told = fault(other(kind));
        assert!(told.contains(expected), "{told}");
        assert!(told.contains("pinned_certificates"), "{told}");
        assert!(!told.contains(kind), "{told}");
    }
}

#[test]
fn every_other_fault_of_tls_says_where_to_look() {
    for (error, expected) in [
        (Error::NoCertificatesPresented, "shows no certificate"),
        (
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            "not TLS; check scheme and port",
        ),
        (Error::PeerSentOversizedRecord, "not TLS"),
        (Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), "switched on there"),
        (
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            "switched on there",
        ),
        (
            Error::PeerMisbehaved(PeerMisbehaved::IllegalMiddleboxChangeCipherSpec),
            "firewall or proxy",
        ),
        (Error::DecryptError, "firewall or proxy"),
        (Error::HandshakeNotComplete, "firewall or proxy"),
        (Error::General("x".to_owned()), "firewall or proxy"),
        (Error::InvalidCertRevocationList(CertRevocationListError::BadSignature), "runs that CA"),
        (Error::AlertReceived(AlertDescription::CertificateRequired), "`sap.login.certificate`"),
        (
            Error::AlertReceived(AlertDescription::UnknownCA),
            "does not accept our client certificate",
        ),
        (Error::AlertReceived(AlertDescription::BadCertificate), "our client certificate"),
        (Error::AlertReceived(AlertDescription::CertificateExpired), "the certificate's end"),
        (Error::AlertReceived(AlertDescription::CertificateUnknown), "our client certificate"),
        (Error::AlertReceived(AlertDescription::AccessDenied), "our client certificate"),
        (Error::AlertReceived(AlertDescription::HandshakeFailure), "another TLS version"),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), "TLS 1.2 with ECDHE"),
        (Error::AlertReceived(AlertDescription::InsufficientSecurity), "TLS 1.2 with ECDHE"),
        (Error::AlertReceived(AlertDescription::UnrecognisedName), "`sap.server_name`"),
        (Error::AlertReceived(AlertDescription::InternalError), "its own log"),
        (Error::Other(OtherError(Arc::new(Webpki("x")))), "firewall or proxy"),
    ] {
        let told = fault(error);
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_token_server_has_keys_of_its_own() {
    let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let told = TlsFault::of(&io::Error::other(unknown), "sap.login.oauth2").unwrap().to_string();

    assert!(told.contains("`sap.login.oauth2.ca_file`"), "{told}");
}

#[test]
fn what_is_not_of_tls_is_no_fault_of_tls() {
    assert_eq!(TlsFault::of(&io::Error::from(io::ErrorKind::ConnectionRefused), "sap"), None);
    assert_eq!(TlsFault::of(&io::Error::other("something else"), "sap"), None);
}
