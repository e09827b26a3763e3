//! How a client shows who it is: its kinds of proof, and which of them it takes.

use std::collections::HashMap;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Client, ClientFile};
use crate::{
    config::sections::{addresses, resolve::Reading},
    domain::words,
};

words! {
    /// What shows who somebody is.
    #[derive(Deserialize, JsonSchema, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Proof {
        /// A password (Basic).
        Password = "password",
        /// A bearer key.
        Key = "key",
        /// A certificate, by a CA of `listen.tls`.
        Certificate = "certificate",
        /// The address it comes from.
        Address = "address",
    }
}

/// Some kinds of proof.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Proofs(u8);

impl Proofs {
    /// None, to which others are added.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, proof: Proof) -> Self {
        Self(self.0 | 1 << proof as u8)
    }

    /// With one more where `is_there`.
    #[must_use]
    pub fn with_if(self, is_there: bool, proof: Proof) -> Self {
        if is_there { self.with(proof) } else { self }
    }

    /// Whether it is among them.
    pub const fn has(self, proof: Proof) -> bool {
        self.0 & 1 << proof as u8 != 0
    }

    /// Whether all of `others` are among them.
    pub const fn have_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of `others` is among them.
    pub const fn have_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl FromIterator<Proof> for Proofs {
    fn from_iter<I: IntoIterator<Item = Proof>>(proofs: I) -> Self {
        proofs.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What a certificate says of a client; one of them is enough, letter by letter.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum CertificateMatch {
    /// A DNS name among its alternative names, in lower case; `*` stands for nothing but itself.
    Dns(String),
    /// A URI among its alternative names.
    Uri(String),
    /// SHA-256 of the certificate.
    Sha256([u8; 32]),
    /// Its subject as one line, e.g. `CN=jtel`.
    Subject(String),
}

/// One entry of `certificates:`, which has one key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::config) struct CertificateFile {
    /// A DNS name among the certificate's alternative names.
    dns: Option<String>,
    /// A URI among the certificate's alternative names.
    uri: Option<String>,
    /// SHA-256 of the certificate: 64 hexadecimal digits, with or without colons.
    sha256: Option<String>,
    /// The subject as `openssl x509 -noout -subject` writes it, e.g. CN=jtel.
    subject: Option<String>,
}

/// What a client may show, as it was read.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) certificates: Vec<CertificateMatch>,
    pub(super) addresses: Vec<IpNet>,
    pub(super) any_of: Proofs,
    pub(super) all_of: Proofs,
}

impl CertificateFile {
    fn read(&self, key: &str, reading: &mut Reading<'_>) -> Option<CertificateMatch> {
        let given = [&self.dns, &self.uri, &self.sha256, &self.subject];
        if given.iter().filter(|text| text.is_some()).count() != 1 {
            reading.at(key, "has one of dns, uri, sha256 and subject; write one entry for each");
            return None;
        }
        let text = given.into_iter().flatten().next()?;
        if text.trim().is_empty() || text.trim() != text {
            reading.at(key, "is empty, or has blanks at an end, as no certificate has them");
            return None;
        }
        match self {
            Self { dns: Some(name), .. } => Some(CertificateMatch::Dns(name.to_ascii_lowercase())),
            Self { uri: Some(uri), .. } => Some(CertificateMatch::Uri(uri.clone())),
            Self { subject: Some(line), .. } => Some(CertificateMatch::Subject(line.clone())),
            _ => {
                let digits = text.replace(':', "");
                let sha256 = hex(&digits);
                if sha256.is_none() {
                    let told = "is not the SHA-256 of a certificate: 64 hexadecimal digits, as \
                                `openssl x509 -noout -fingerprint -sha256 -in FILE` prints them";
                    reading.at(&format!("{key}.sha256"), told);
                }
                sha256.map(CertificateMatch::Sha256)
            }
        }
    }
}

fn hex(digits: &str) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

impl ClientFile {
    /// Certificates, addresses, and what of all it has to show; `secrets` and `keys`: whether the
    /// file has some, sound or not.
    pub(super) fn shown(&self, entry: &str, reading: &mut Reading<'_>) -> Shown {
        let certificates = self.certificates(entry, reading);
        let addresses = addresses::resolve(&format!("{entry}.addresses"), &self.addresses, reading);
        let has = Proofs::NONE
            .with_if(self.secrets.is_some(), Proof::Password)
            .with_if(!self.keys.is_empty(), Proof::Key)
            .with_if(!self.certificates.is_empty(), Proof::Certificate)
            .with_if(!self.addresses.is_empty(), Proof::Address);
        let mut rule = |key: &str, list: &Option<Vec<Proof>>| {
            let list = list.as_deref()?;
            for (place, proof) in list.iter().enumerate() {
                if !has.has(*proof) {
                    let told = format!(
                        "`{}` is asked for, yet the client has no {}",
                        proof.label(),
                        key_of(*proof)
                    );
                    reading.at(&format!("{entry}.{key}[{place}]"), told);
                }
            }
            Some(list.iter().copied().collect::<Proofs>())
        };
        let any_of = rule("any_of", &self.any_of);
        let all_of = rule("all_of", &self.all_of);
        let is_said = any_of.is_some() && all_of.is_some();
        let all_of =
            all_of.unwrap_or(Proofs::NONE.with_if(has.has(Proof::Address), Proof::Address));
        let others = [Proof::Password, Proof::Key, Proof::Certificate];
        let any_of = any_of.unwrap_or_else(|| others.into_iter().filter(|p| has.has(*p)).collect());
        Self::judge(entry, has, (any_of, all_of), is_said, reading);
        Shown { certificates, addresses, any_of, all_of }
    }

    fn judge(
        entry: &str,
        has: Proofs,
        (any_of, all_of): (Proofs, Proofs),
        is_said: bool,
        reading: &mut Reading<'_>,
    ) {
        let wanted = any_of.and(all_of);
        if has.is_empty() {
            reading.at(
                &format!("{entry}.secrets"),
                "is missing; `dialgate secret new NAME` prints it. Instead of a password a client may \
                 show keys or certificates",
            );
        } else if wanted.is_empty() {
            let told = "has nothing to show: any_of and all_of are both empty";
            reading.at(&format!("{entry}.any_of"), told);
        } else if wanted == Proofs::NONE.with(Proof::Address) && !is_said {
            reading.at(
                &format!("{entry}.addresses"),
                "is all that the client has: whoever comes from there may ask. Where that is meant, write \
                 `any_of: []` and `all_of: [address]`",
            );
        } else {
            for proof in Proof::ALL.into_iter().filter(|p| has.has(*p) && !wanted.has(*p)) {
                let key = key_of(proof);
                let told =
                    format!("counts nowhere: neither any_of nor all_of has `{}`", proof.label());
                reading.at(&format!("{entry}.{key}"), told);
            }
        }
    }

    fn certificates(&self, entry: &str, reading: &mut Reading<'_>) -> Vec<CertificateMatch> {
        let mut matches = Vec::new();
        for (place, file) in self.certificates.iter().enumerate() {
            let key = format!("{entry}.certificates[{place}]");
            match file.as_ref().and_then(|file| file.read(&key, reading)) {
                Some(read) if matches.contains(&read) => reading.at(&key, "is here twice"),
                Some(read) => matches.push(read),
                None => {}
            }
        }
        matches
    }
}

/// The key under which a client has such a proof.
fn key_of(proof: Proof) -> &'static str {
    match proof {
        Proof::Password => "secrets",
        Proof::Key => "keys",
        Proof::Certificate => "certificates",
        Proof::Address => "addresses",
    }
}

/// What would show two clients at once is a finding at the second one. Ranges of addresses may
/// overlap: the smallest counts.
pub(super) fn tell_apart(clients: &[(usize, Client)], reading: &mut Reading<'_>) {
    let (mut keys, mut certificates) = (HashMap::new(), HashMap::new());
    for (index, client) in clients {
        let name = client.name.as_str();
        for key in &client.keys {
            if let Some(other) = keys.insert(*key, name).filter(|other| *other != name) {
                let told = format!("one of them is a key of `{other}` as well");
                reading.at(&format!("clients[{index}].keys"), told);
            }
        }
        for certificate in &client.certificates {
            if let Some(other) =
                certificates.insert(certificate, name).filter(|other| *other != name)
            {
                let told = format!("one of them is of `{other}` as well");
                reading.at(&format!("clients[{index}].certificates"), told);
            }
        }
    }
}

/// What clients ask of `listen.tls`: a certificate that nobody is asked for shows nothing.
pub(in crate::config) fn check_listener(
    clients: &[Client],
    asks_for_certificates: bool,
    reading: &mut Reading<'_>,
) {
    if asks_for_certificates {
        return;
    }
    for client in clients.iter().filter(|client| !client.certificates.is_empty()) {
        let told = format!(
            "`{}` may show a certificate, yet listen.tls asks nobody for one (listen.tls.clients)",
            client.name.as_str()
        );
        reading.at("clients", told);
    }
}
