//! Our certificate, as those see it who ask us.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};

use super::{Line, fail, ok, warn};
use crate::{
    config::Config,
    net::tls::{
        CertificateFacts, SOON_DAYS,
        chain::{self, Reach},
        pem, server_config,
    },
    telemetry::clock,
};

/// How long it lasts, how far its chain goes, and whether jtel accepts it where it is known what that
/// trusts.
pub(super) fn lines(config: &Config, trust: Option<&Path>) -> anyhow::Result<Vec<Line>> {
    let Some(tls) = &config.listen.tls else {
        return Ok(vec![warn("plaintext: a load balancer in front must end TLS".to_owned())]);
    };
    let facts = server_config(tls)?.certificate;
    let chain = pem::certificates(&tls.certificate)?;
    let mut lines = vec![end(&tls.certificate, &facts)];
    match trust {
        Some(file) => lines.extend(acceptance(&chain, &facts, &pem::certificates(file)?)),
        None => lines.push(reach(&chain)),
    }
    Ok(lines)
}

fn end(file: &Path, facts: &CertificateFacts) -> Line {
    let days = clock::days_until(facts.not_after);
    let text = format!(
        "certificate {} for {}, ends on {}, {days} days left",
        file.display(),
        facts.san.join(", "),
        clock::day_of(facts.not_after)
    );
    match days {
        ..0 => fail(text),
        0..=SOON_DAYS => warn(text),
        _ => ok(text),
    }
}

fn reach(chain: &[CertificateDer<'static>]) -> Line {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match chain::reach(chain, &roots) {
        Some(Reach::Root(root)) => ok(format!("chain of {}, up to {root}", chain.len())),
        Some(Reach::Open(issuer)) => warn(format!(
            "chain of {}, signed by {issuer}, which is neither in the file nor a root of this system. Java \
             fetches no certificate that is missing: if this is an intermediate one, append it to the file; \
             if jtel trusts this very CA, all is well (`dialgate check --trust FILE` tells)",
            chain.len()
        )),
        Some(Reach::Broken(place, issuer)) => warn(format!(
            "chain of {}: certificate {place} is signed by {issuer}, and another one is behind it; put each \
             behind the one that it has signed, the server's own first",
            chain.len()
        )),
        None => fail("the chain cannot be read as X.509".to_owned()),
    }
}

/// For each name that the certificate is for.
fn acceptance(
    chain: &[CertificateDer<'static>],
    facts: &CertificateFacts,
    trusted: &[CertificateDer<'static>],
) -> Vec<Line> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    if facts.san.is_empty() {
        let text = "the certificate has no name in subjectAltName, and Java looks at no other; have one \
                    made with it";
        return vec![fail(text.to_owned())];
    }
    let accepted = |name: &String| {
        // A wildcard is looked for by a name below it.
        let asked = name.replacen('*', "any", 1);
        let Ok(asked) = ServerName::try_from(asked) else {
            return warn(format!("{name}: no client asks for such a name"));
        };
        match chain::accepts(trusted, chain, &asked, &provider) {
            Ok(()) => ok(format!("{name}: who trusts that file accepts the certificate")),
            Err(error) => fail(format!(
                "{name}: who trusts that file refuses the certificate ({error}); append the certificates \
                 between it and the trusted CA to the file, or have jtel trust the right CA"
            )),
        }
    };
    facts.san.iter().map(accepted).collect()
}
