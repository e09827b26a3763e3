//! Why a TLS handshake failed, in words and with what to do: what rustls says is for programmers, and
//! its times are seconds since 1970.

use std::{fmt, io};

use rustls::{CertificateError, Error, pki_types::UnixTime};

use crate::telemetry::clock;

/// What is the matter with the server's TLS, and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFault(String);

impl TlsFault {
    /// `None`: TLS is not what failed.
    pub(in crate::sap) fn of(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())?;
        let told = match inner {
            Error::InvalidCertificate(fault) => certificate(fault),
            Error::AlertReceived(alert) => format!(
                "it ended the TLS handshake ({alert:?}); it may want a client certificate or another \
                 TLS version"
            ),
            Error::InvalidMessage(_) => {
                "what answers there is not TLS; check scheme and port of `sap.url`".to_owned()
            }
            other => format!(
                "the TLS handshake failed ({other}); look for a firewall or proxy in between"
            ),
        };
        Some(Self(told))
    }
}

fn certificate(fault: &CertificateError) -> String {
    match fault {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by a CA that is not trusted here; get the PEM of that CA (of the \
             proxy, where one looks into TLS) and name it in `sap.ca_file`"
                .to_owned()
        }
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
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "its certificate is for {} and not for the name that was asked for; write the name it is \
             for in `sap.server_name`",
            presented.join(", ")
        ),
        other => format!("its certificate cannot be used ({other})"),
    }
}

fn day(at: UnixTime) -> impl fmt::Display {
    clock::day_of(i64::try_from(at.as_secs()).unwrap_or(i64::MAX))
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_certificate_that_has_ended_is_told_with_its_day() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let fault = CertificateError::ExpiredContext {
            time: at(1_800_000_000),
            not_after: at(1_767_225_599),
        };
        let error = io::Error::other(Error::InvalidCertificate(fault));

        let told = TlsFault::of(&error).unwrap().to_string();

        assert!(told.contains("ended on 2025-12-31"), "{told}");
        assert!(!told.contains("1767225599"), "{told}");
    }

    #[test]
    fn what_is_not_of_tls_is_no_fault_of_tls() {
        assert_eq!(TlsFault::of(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
        assert_eq!(TlsFault::of(&io::Error::other("something else")), None);
    }
}
