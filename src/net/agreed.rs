//! What TLS agrees on, as metrics: who still needs which cipher suite, before a policy takes it away.

use prometheus::{IntCounter, IntCounterVec, Registry};
use rustls::crypto::aws_lc_rs;

use super::Negotiated;
use super::metrics::counters;
use super::negotiated::name_of;

/// Successful handshakes by what was agreed on. Names are those of the provider, whichever of them the
/// configuration lets in: the network chooses among them and adds none.
pub(super) struct Agreed {
    ciphers: Vec<(&'static str, IntCounter)>,
    groups: Vec<(&'static str, IntCounter)>,
}

impl Agreed {
    /// Declares the metrics in `registry`.
    pub(super) fn new(registry: Option<&Registry>) -> Result<Self, prometheus::Error> {
        let ciphers = counters(
            registry,
            "dialgate_tls_ciphers_total",
            "Successful TLS handshakes by the cipher suite that was agreed on.",
            &["cipher"],
        )?;
        let groups = counters(
            registry,
            "dialgate_tls_groups_total",
            "Successful TLS handshakes by the group of the key exchange; a session of TLS 1.2 that \
             is resumed exchanges no keys and counts nowhere here.",
            &["group"],
        )?;
        let suites = aws_lc_rs::ALL_CIPHER_SUITES.iter();
        let kinds = aws_lc_rs::ALL_KX_GROUPS.iter();
        Ok(Self {
            ciphers: held(&ciphers, suites.filter_map(|suite| name_of(suite.suite()))),
            groups: held(&groups, kinds.filter_map(|group| group.name().as_str())),
        })
    }

    /// A handshake has succeeded.
    pub(super) fn note(&self, negotiated: &Negotiated) {
        increment(&self.ciphers, negotiated.cipher);
        increment(&self.groups, negotiated.group);
    }
}

fn held(
    counters: &IntCounterVec,
    names: impl Iterator<Item = &'static str>,
) -> Vec<(&'static str, IntCounter)> {
    names.map(|name| (name, counters.with_label_values(&[name]))).collect()
}

fn increment(counters: &[(&str, IntCounter)], name: &str) {
    if let Some((_, counter)) = counters.iter().find(|(of, _)| *of == name) {
        counter.inc();
    }
}
