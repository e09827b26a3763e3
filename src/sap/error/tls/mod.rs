//! Why a TLS handshake failed, in words and with what to do: what rustls says is for programmers, and
//! its times are seconds since 1970.

use std::{fmt, io};

use rustls::{AlertDescription, CertificateError, Error, pki_types::UnixTime};

use crate::telemetry::clock;

/// What is the matter with the server's TLS, and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFault {
    told: String,
    proxy_error: &'static str,
}

impl TlsFault {
    /// `section`: where the keys of this server stand, such as `sap`. `None`: TLS is not what failed.
    pub(in crate::sap) fn of(error: &io::Error, section: &str) -> Option<Self> {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())?;
        let proxy_error = match inner {
            Error::InvalidCertificate(_)
            | Error::InvalidCertRevocationList(_)
            | Error::NoCertificatesPresented => "tls_certificate_error",
            Error::AlertReceived(_) => "tls_alert_received",
            _ => "tls_protocol_error",
        };
        Some(Self { told: told(inner, section), proxy_error })
    }

    /// The type of RFC 9209.
    pub(super) fn proxy_error(&self) -> &'static str {
        self.proxy_error
    }
}

fn told(error: &Error, section: &str) -> String {
    match error {
        Error::InvalidCertificate(fault) => certificate(fault, section),
        Error::NoCertificatesPresented => {
            "it shows no certificate; what answers there is set up without one".to_owned()
        }
        Error::AlertReceived(alert) => refused(*alert, section),
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => {
            format!(
                "what answers there is not TLS; check scheme and port of the URL in `{section}`"
            )
        }
        Error::PeerIncompatible(what) => format!(
            "it speaks no TLS that is spoken here ({}); TLS 1.2 with ECDHE, or 1.3, has to be switched \
             on there",
            words(&format!("{what:?}"))
        ),
        Error::InvalidCertRevocationList(_) => {
            "the revocation list of its CA cannot be used; tell whoever runs that CA".to_owned()
        }
        Error::DecryptError
        | Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => format!(
            "it does not keep to the rules of TLS ({}); look for a firewall or proxy in between",
            words(&error.to_string())
        ),
        other => format!(
            "the TLS handshake failed ({}); look for a firewall or proxy in between",
            words(&other.to_string())
        ),
    }
}

/// What the server said when it ended the handshake.
fn refused(alert: AlertDescription, section: &str) -> String {
    let key =
        if section == "sap" { "sap.login.certificate" } else { "sap.login.oauth2.certificate" };
    let advice = match alert {
        AlertDescription::CertificateRequired => {
            format!("it wants a client certificate; give it one in `{key}`")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => format!(
            "it does not accept our client certificate; compare `{key}` with what it trusts there, and \
             look at the certificate's end"
        ),
        AlertDescription::HandshakeFailure => format!(
            "it found no way to agree; it may want a client certificate (`{key}`) or another TLS version"
        ),
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            "it speaks no TLS version or cipher that is spoken here; TLS 1.2 with ECDHE, or 1.3, has to be \
             switched on there"
                .to_owned()
        }
        AlertDescription::UnrecognisedName => {
            "it does not know the name that it was asked by; see `sap.server_name` and the host in the URL"
                .to_owned()
        }
        _ => "look into its own log for the reason".to_owned(),
    };
    format!("it ended the TLS handshake ({}): {advice}", words(&format!("{alert:?}")))
}

fn certificate(fault: &CertificateError, section: &str) -> String {
    let pin = format!(
        "`dialgate check --connect` prints its fingerprint for `{section}.pinned_certificates`"
    );
    match fault {
        CertificateError::UnknownIssuer => format!(
            "its certificate is signed by a CA that is not trusted here; get the PEM of that CA (of the \
             proxy, where one looks into TLS) and name it in `{section}.ca_file`. If the certificate \
             signs itself, {pin}"
        ),
        CertificateError::Expired => {
            "its certificate has expired; it has to be renewed there, or this clock is wrong".to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "its certificate ended on {}; it has to be renewed there, or this clock is wrong",
            day(*not_after)
        ),
        CertificateError::NotValidYet => {
            "its certificate is not valid yet; this clock may be wrong".to_owned()
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate begins on {}; this clock may be wrong", day(*not_before))
        }
        CertificateError::NotValidForName => {
            "its certificate is for another name; write the name it is for in `sap.server_name`".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => format!(
            "its certificate has no name in subjectAltName, where alone names count; have one made with \
             it, or pin this one: {pin}"
        ),
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "its certificate is for {} and not for the name that was asked for; write the name it is \
             for in `sap.server_name`",
            presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", ")
        ),
        CertificateError::Revoked => {
            "its certificate was revoked by its CA; it has to be replaced there".to_owned()
        }
        CertificateError::BadEncoding => format!(
            "its certificate cannot be read; have it made anew, or pin it: {pin}"
        ),
        CertificateError::BadSignature => format!(
            "its certificate bears the name of a trusted CA and not its signature; `{section}.ca_file` may \
             hold an older certificate of the same CA, or somebody is in between"
        ),
        CertificateError::UnhandledCriticalExtension => format!(
            "its certificate has a rule that is not understood here; have one made without, or pin it: {pin}"
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is no longer safe, such as SHA-1; it has to be made \
             anew with SHA-256"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => format!(
            "its certificate is not made for servers (extended key usage without serverAuth); have one made \
             that is, or pin it: {pin}"
        ),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => {
            "whether its certificate was revoked cannot be told; tell whoever runs its CA".to_owned()
        }
        CertificateError::ApplicationVerificationFailure => format!(
            "it shows a certificate that is not in `{section}.pinned_certificates`; if it was renewed, \
             `dialgate check --connect` prints the new fingerprint, and if not, somebody is in between"
        ),
        CertificateError::Other(inner) => by_webpki(&inner.0.to_string(), &pin, section),
        other => by_webpki(&other.to_string(), &pin, section),
    }
}

/// What rustls passes on as it got it: kinds of the library that looks into certificates.
fn by_webpki(kind: &str, pin: &str, section: &str) -> String {
    let is = |name: &str| kind.contains(name);
    if is("CaUsedAsEndEntity") {
        return format!(
            "its certificate signs itself, as `openssl req -x509` makes it, and is a CA to others; \
             `{section}.ca_file` cannot name it, {pin}"
        );
    }
    let what = if is("UnsupportedCertVersion") {
        "is of an old version (X.509 v1)"
    } else if is("EndEntityUsedAsCa") {
        "is signed by one that is no CA"
    } else if is("NameConstraint") {
        "has a name that its CA may not sign for"
    } else if is("PathLen") || is("Maximum") {
        "comes with a chain that is longer than its CA allows"
    } else {
        "is made in a way that is not accepted here"
    };
    format!("its certificate {what} ({}); have one made anew, or pin it: {pin}", words(kind))
}

/// `CaUsedAsEndEntity` as words, and nothing that would read as code.
fn words(text: &str) -> String {
    let mut words = String::new();
    for character in text.chars() {
        let is_inside = words.ends_with(|last: char| last.is_ascii_lowercase());
        if character.is_ascii_uppercase() && is_inside {
            words.push(' ');
            words.extend(character.to_lowercase());
        } else {
            words.push(character);
        }
    }
    words
}

/// The name in `DnsName("sap.example")`.
fn bare(presented: &str) -> &str {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(presented).trim_matches('"')
}

fn day(at: UnixTime) -> impl fmt::Display {
    clock::day_of(i64::try_from(at.as_secs()).unwrap_or(i64::MAX))
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

#[cfg(test)]
mod tests;
