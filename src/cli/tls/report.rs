//! What a report on TLS consists of, and how it is printed.

use rustls::{
    SupportedCipherSuite,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
};
use serde_json::{Map, Value, json};

use crate::{
    cli::{
        audit::posture::Observation,
        output::{HEADING, painted},
    },
    config::{Config, Login, Sap, Tls, TlsOffer, TlsPolicy, TlsVersion},
    net::{
        cipher_name,
        tls::{CertificateFacts, ServerTls, TlsError, pem, server_config},
    },
    telemetry::clock,
};

/// Facts under a heading.
pub(super) struct Section {
    title: String,
    facts: Vec<(&'static str, Vec<String>)>,
}

impl Section {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), facts: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((name, vec![value.into()]));
        self
    }

    /// The facts that there are; a list of nothing is told to programs only.
    fn told(&self) -> impl Iterator<Item = &(&'static str, Vec<String>)> {
        self.facts.iter().filter(|(_, values)| !values.is_empty())
    }

    pub(super) fn with_all(mut self, name: &'static str, values: Vec<String>) -> Self {
        self.facts.push((name, values));
        self
    }
}

/// Both listeners and the way to SAP, as the configuration has them.
pub(super) fn of(config: &Config, now: i64) -> Result<Vec<Section>, anyhow::Error> {
    let listen = &config.listen;
    let calls = Section::new("Listener of calls").with("address", listen.address.to_string());
    let admin = Section::new("Admin listener").with("address", config.admin.address.to_string());
    let admin_tls = config.admin.tls.as_ref();
    let mut sections =
        vec![listener(calls, listen.tls.as_ref(), now)?, listener(admin, admin_tls, now)?];
    for one in config.systems.iter() {
        let several = config.systems.are_several().then(|| format!("The way to SAP, {}", one.name));
        sections.push(sap(one, several.as_deref().unwrap_or("The way to SAP")));
    }
    Ok(sections)
}

fn listener(section: Section, tls: Option<&Tls>, now: i64) -> Result<Section, TlsError> {
    let Some(tls) = tls else { return Ok(section.with("TLS", "none: plain text")) };
    let server = server_config(tls)?;
    let provider = server.config.crypto_provider();
    let is_old = tls.offer.min_version == TlsVersion::V1_2;
    let versions =
        if is_old { vec!["1.3".to_owned(), "1.2".to_owned()] } else { vec!["1.3".to_owned()] };
    let section = section
        .with("policy", policy(&tls.offer))
        .with_all("versions", versions)
        .with_all("cipher suites", suites(provider, is_old))
        .with_all("groups", groups(provider))
        .with("early data", "refused")
        .with(
            "tickets",
            if tls.tickets && tls.clients.is_none() {
                "keys of this process, changed every 6 hours"
            } else {
                "none"
            },
        )
        .with(
            "other names",
            if tls.strict_names { "refused" } else { "are shown the first certificate" },
        );
    let section = certificate(section, tls, &server.certificate, now);
    let more = tls.more.iter().zip(&server.more);
    let more = more.map(|(files, facts)| {
        let names = facts.san.join(", ");
        format!("{} for {names}, {}", files.certificate.display(), ends(facts.not_after, now))
    });
    let section = section.with_all("more certificates", more.collect());
    let staples = server.certificates().filter_map(|facts| facts.staple_ends);
    let section = section.with_all("staples end", staples.map(|end| ends(end, now)).collect());
    Ok(clients(section, tls, &server, now))
}

/// Who is asked for a certificate, and how it is found out that one is revoked.
fn clients(section: Section, tls: &Tls, server: &ServerTls, now: i64) -> Section {
    let Some(clients) = &tls.clients else {
        return section.with("client certificates", "none asked for");
    };
    let asked = if clients.is_required { "required" } else { "optional" };
    let lists = clients.crls.iter().zip(&server.crl_ends);
    let lists =
        lists.map(|(file, due)| format!("{}, next due {}", file.display(), ends(*due, now)));
    section
        .with("client certificates", format!("{asked}, of the CA in {}", clients.ca.display()))
        .with_all("revocation lists", lists.collect())
}

/// A day, and how far it is.
fn ends(unix_seconds: i64, now: i64) -> String {
    let days = (unix_seconds - now).div_euclid(24 * 60 * 60);
    format!("{} ({days} days left)", clock::day_of(unix_seconds))
}

fn certificate(section: Section, tls: &Tls, facts: &CertificateFacts, now: i64) -> Section {
    let chain = pem::certificates(&tls.certificate).map_or(0, |chain| chain.len());
    section
        .with("certificate", tls.certificate.display().to_string())
        .with("subject", &*facts.subject)
        .with_all("names", facts.san.clone())
        .with("sha256", &*facts.fingerprint)
        .with("ends", ends(facts.not_after, now))
        .with(
            "chain",
            format!("{chain} certificates, the first ends {}", clock::day_of(facts.chain_ends)),
        )
}

fn sap(sap: &Sap, heading: &str) -> Section {
    let section = Section::new(heading).with("address", sap.url.to_string());
    if sap.url.scheme_str() != Some("https") {
        return section.with("TLS", "none: plain text");
    }
    let provider = aws_lc_rs::default_provider();
    let trusted = match &sap.ca_file {
        _ if !sap.pinned_certificates.is_empty() => {
            format!("{} pinned certificates and no others", sap.pinned_certificates.len())
        }
        Some(file) => format!("the CA in {}", file.display()),
        None => "every CA that this system trusts".to_owned(),
    };
    let shown = match &sap.login {
        Login::Certificate(files) => files.certificate.display().to_string(),
        _ => "none".to_owned(),
    };
    section
        .with_all("versions", vec!["1.3".to_owned(), "1.2".to_owned()])
        .with_all("cipher suites", suites(&provider, true))
        .with_all("groups", groups(&provider))
        .with("trusted", trusted)
        .with("certificate shown", shown)
}

/// The policy that is in force, whether it was named or listed.
fn policy(offer: &TlsOffer) -> &'static str {
    let all = [
        (TlsPolicy::Intermediate, "intermediate (Mozilla)"),
        (TlsPolicy::Modern, "modern (Mozilla)"),
        (TlsPolicy::Bsi, "bsi (TR-02102-2)"),
    ];
    let named = all.into_iter().find(|(policy, _)| TlsOffer::from(*policy) == *offer);
    named.map_or("lists of its own", |(_, name)| name)
}

fn suites(provider: &CryptoProvider, with_tls12: bool) -> Vec<String> {
    let is_spoken = |suite: &&SupportedCipherSuite| with_tls12 || suite.tls13().is_some();
    let suites = provider.cipher_suites.iter().filter(is_spoken);
    suites.filter_map(|suite| Some(cipher_name(suite.suite())?.to_owned())).collect()
}

fn groups(provider: &CryptoProvider) -> Vec<String> {
    let name = |group: &&dyn SupportedKxGroup| Some(group.name().as_str()?.to_owned());
    provider.kx_groups.iter().filter_map(name).collect()
}

pub(super) fn as_text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        text.extend([painted(HEADING, &section.title), "\n".to_owned()]);
        for (name, values) in section.told() {
            text.extend([format!("  {name:<20} {}\n", values.join("\n                       "))]);
        }
        text.push('\n');
    }
    text
}

pub(super) fn as_markdown(sections: &[Section]) -> String {
    let mut text = "# TLS report\n\n".to_owned();
    for section in sections {
        text.extend([format!("## {}\n\n| | |\n|---|---|\n", section.title)]);
        for (name, values) in section.told() {
            let values: Vec<_> = values.iter().map(|value| value.replace('|', "\\|")).collect();
            text.extend([format!("| {name} | {} |\n", values.join("<br>"))]);
        }
        text.push('\n');
    }
    text
}

/// Names in lower case, with `_`; a fact of several values is a list.
pub(super) fn as_json(sections: &[Section], findings: &[Observation]) -> String {
    let key = |name: &str| name.to_lowercase().replace(' ', "_");
    let mut all = Map::new();
    for section in sections {
        let facts = section.facts.iter().map(|(name, values)| {
            let value = match values.as_slice() {
                [one] if !LISTS.contains(name) => one.clone().into(),
                several => several.to_vec().into(),
            };
            (key(name), value)
        });
        all.insert(key(&section.title), Value::Object(facts.collect()));
    }
    let findings = findings.iter().map(|one| {
        json!({"severity": one.severity.label(), "key": one.key, "finding": one.what, "advice": one.advice})
    });
    all.insert("findings".to_owned(), findings.collect());
    format!("{:#}\n", Value::Object(all))
}

/// What is a list whatever its length.
const LISTS: [&str; 8] = [
    "versions",
    "cipher suites",
    "groups",
    "names",
    "results",
    "more certificates",
    "revocation lists",
    "staples end",
];
