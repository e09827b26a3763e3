//! Chooses the certificate that a client is shown: by the name it asks for, then by the kinds of
//! signatures it can check.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::SubjectName;
use crate::telemetry::clock;

/// The certificates of a listener, in the order in which they are preferred.
#[derive(Debug)]
pub(super) struct Shown {
    certificates: Vec<Certificate>,
    /// Who asks for another name, or for none, is shown none.
    is_strict: bool,
}

/// A certificate that can be shown.
#[derive(Debug)]
pub(super) struct Certificate {
    /// Without a staple.
    pub(super) bare: Arc<CertifiedKey>,
    /// With it, and how long it may be shown, in unix seconds.
    pub(super) stapled: Option<(Arc<CertifiedKey>, i64)>,
    /// What clients may ask for.
    pub(super) names: Names,
}

/// Host names, some of which stand for all names one label below.
#[derive(Debug)]
pub(super) struct Names {
    exact: Vec<String>,
    /// What follows the `*` of each: `.example`.
    wildcards: Vec<String>,
}

/// How well a name is met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Met {
    Exactly,
    ByWildcard,
    Not,
}

impl Shown {
    pub(super) fn new(certificates: Vec<Certificate>, is_strict: bool) -> Self {
        Self { certificates, is_strict }
    }

    /// Somebody who asks for this name can be shown a certificate.
    pub(super) fn knows(&self, name: Option<&str>) -> bool {
        !self.is_strict
            || name.is_some_and(|name| {
                self.certificates.iter().any(|certificate| certificate.names.met(name) != Met::Not)
            })
    }

    /// `can_check`: the client can check a signature with this certificate's key.
    fn choose(
        &self,
        name: Option<&str>,
        can_check: impl Fn(&CertifiedKey) -> bool,
    ) -> Option<&Certificate> {
        let first = |met: Met| {
            let mut these = self.certificates.iter();
            these.find(|certificate| {
                name.is_some_and(|name| certificate.names.met(name) == met)
                    && can_check(&certificate.bare)
            })
        };
        let by_name = first(Met::Exactly).or_else(|| first(Met::ByWildcard));
        // Who asks for a name that we know wants a certificate for it, and would refuse any other.
        let is_known = name.is_some_and(|name| {
            self.certificates.iter().any(|certificate| certificate.names.met(name) != Met::Not)
        });
        if by_name.is_some() || is_known || self.is_strict {
            return by_name;
        }
        self.certificates.iter().find(|certificate| can_check(&certificate.bare))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let can_check = |key: &CertifiedKey| key.key.choose_scheme(schemes).is_some();
        let name = hello.server_name();
        // Where a client can check none, rustls finds out with any of them, and says that nothing is in
        // common. Without one it would say that access is denied.
        self.choose(name, can_check)
            .or_else(|| self.choose(name, |_any| true))
            .map(Certificate::now)
    }
}

impl Certificate {
    /// With the staple, for as long as it says something.
    fn now(&self) -> Arc<CertifiedKey> {
        match &self.stapled {
            Some((stapled, ends)) if clock::unix_seconds() < *ends => Arc::clone(stapled),
            _ => Arc::clone(&self.bare),
        }
    }
}

impl Names {
    pub(super) fn of(names: &[SubjectName]) -> Self {
        let hosts = names.iter().filter_map(|name| match name {
            SubjectName::Dns(host) => Some(host.to_ascii_lowercase()),
            _ => None,
        });
        let (wildcards, exact) = hosts.partition(|host: &String| host.starts_with("*."));
        let wildcards: Vec<String> = wildcards;
        let wildcards =
            wildcards.iter().map(|host| host.trim_start_matches('*').to_owned()).collect();
        Self { exact, wildcards }
    }

    fn met(&self, name: &str) -> Met {
        if self.exact.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Met::Exactly;
        }
        let below = name.find('.').filter(|dot| *dot > 0).and_then(|dot| name.get(dot..));
        let is_below =
            |rest: &str| self.wildcards.iter().any(|known| known.eq_ignore_ascii_case(rest));
        if below.is_some_and(is_below) { Met::ByWildcard } else { Met::Not }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_met_exactly_or_one_label_below_a_wildcard() {
        let names = ["Gate.example", "*.Calls.example"].map(|name| SubjectName::Dns(name.into()));
        let names = Names::of(&[&names[..], &[SubjectName::Uri("x.example".into())]].concat());

        for (asked, met) in [
            ("gate.example", Met::Exactly),
            ("GATE.example", Met::Exactly),
            ("a.calls.example", Met::ByWildcard),
            ("b.CALLS.example", Met::ByWildcard),
            ("calls.example", Met::Not),
            (".calls.example", Met::Not),
            ("a.b.calls.example", Met::Not),
            ("agate.example", Met::Not),
            ("x.example", Met::Not),
            ("example", Met::Not),
            ("", Met::Not),
        ] {
            assert_eq!(names.met(asked), met, "{asked}");
        }
    }
}
