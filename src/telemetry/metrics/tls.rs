//! When what stands in the files of TLS ends.

use prometheus::{IntGaugeVec, Registry};

use super::{CertificateRole, declare};

/// One series for each file, by listener and place in the configuration.
pub(super) struct TlsFiles {
    certificates: IntGaugeVec,
    staples: IntGaugeVec,
    crls: IntGaugeVec,
}

/// When what a listener has in its files ends, each in unix seconds, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct TlsEnds {
    /// Each certificate, or the first of its file to end.
    pub certificates: Vec<i64>,
    /// The OCSP answer about each; 0: it has none.
    pub staples: Vec<i64>,
    /// The revocation lists of each file.
    pub crls: Vec<i64>,
}

impl TlsFiles {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name, help| declare::gauges(registry, name, help, &["role", "index"]);
        let files = Self {
            certificates: gauges(
                "dialgate_tls_certificate_expiry_timestamp_seconds",
                "When each certificate shown to jtel (server) or operators (admin), or one in the same file, ends, in seconds since 1970, by its place: 0 for certificate, the entries of more from 1; 0 where there is none.",
            )?,
            staples: gauges(
                "dialgate_tls_ocsp_next_update_timestamp_seconds",
                "Until when the OCSP answer shown with each certificate counts, in seconds since 1970, by the certificate's place; 0 where there is none.",
            )?,
            crls: gauges(
                "dialgate_tls_crl_next_update_timestamp_seconds",
                "When the revocation list in each file for certificates of callers (server) or operators (admin) ends, in seconds since 1970, by its place in the configuration; 0 where there is none.",
            )?,
        };
        for role in [CertificateRole::Server, CertificateRole::Admin] {
            files.end(role, &TlsEnds::default());
        }
        Ok(files)
    }

    /// Those of a listener from now on.
    pub(super) fn end(&self, role: CertificateRole, ends: &TlsEnds) {
        let TlsEnds { certificates, staples, crls } = ends;
        for (gauges, ends) in
            [(&self.certificates, certificates), (&self.staples, staples), (&self.crls, crls)]
        {
            let mut place = 0_usize;
            for end in ends.iter().chain(ends.is_empty().then_some(&0)) {
                gauges.with_label_values(&[role.label(), &place.to_string()]).set(*end);
                place += 1;
            }
            // Those of files that are no longer named.
            while gauges.remove_label_values(&[role.label(), &place.to_string()]).is_ok() {
                place += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_longer_named_has_no_series_and_the_first_is_always_there() {
        let registry = Registry::new();
        let files = TlsFiles::new(&registry).unwrap();
        let shown = || prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let series = |role: &str, index: &str, value: &str| {
            format!(
                "dialgate_tls_crl_next_update_timestamp_seconds{{index=\"{index}\",role=\"{role}\"}} {value}\n"
            )
        };

        files.end(CertificateRole::Server, &TlsEnds { crls: vec![7, 8, 9], ..TlsEnds::default() });
        let three = shown();
        files.end(CertificateRole::Server, &TlsEnds::default());
        let none = shown();

        assert!(three.contains(&series("server", "2", "9")), "{three}");
        assert!(three.contains(&series("admin", "0", "0")), "{three}");
        assert!(none.contains(&series("server", "0", "0")), "{none}");
        assert!(!none.contains("index=\"1\""), "{none}");
    }
}
