//! Whose certificate was shown: found once for a connection, and again after a reload.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    config::{self, CertificateMatch},
    net::{ClientCertificate, Peer, Remark, tls::SubjectName},
};

/// Whose certificates are whose.
pub(super) struct Certificates {
    by: HashMap<CertificateMatch, u32>,
    /// Names this table among all of the process, in what connections remember.
    generation: u32,
}

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// None was shown, or it is nobody's.
    Nobody,
    /// Two of its names are of two clients.
    Several,
    /// The client at this place of the list.
    Client(usize),
}

impl Certificates {
    pub(super) fn new(clients: &[config::Client]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);

        let mut by = HashMap::new();
        for (who, client) in (0..).zip(clients) {
            by.extend(client.certificates.iter().map(|says| (says.clone(), who)));
        }
        Self { by, generation: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whose certificate this peer has shown.
    pub(super) fn owner(&self, peer: &Peer) -> Owner {
        let Some(certificate) = peer.certificate().filter(|_| !self.by.is_empty()) else {
            return Owner::Nobody;
        };
        let remembered = peer.remark.read().filter(|remark| remark.about == self.generation);
        let number = remembered.map_or_else(
            || {
                let number = Self::number(self.search(certificate));
                peer.remark.write(Remark { about: self.generation, says: number });
                number
            },
            |remark| remark.says,
        );
        match number {
            0 => Owner::Nobody,
            1 => Owner::Several,
            n => Owner::Client(usize::try_from(n - 2).unwrap_or(usize::MAX)),
        }
    }

    /// As a connection remembers it.
    fn number(owner: Owner) -> u32 {
        match owner {
            Owner::Nobody => 0,
            Owner::Several => 1,
            Owner::Client(who) => u32::try_from(who).map_or(1, |who| who.saturating_add(2)),
        }
    }

    fn search(&self, certificate: &ClientCertificate) -> Owner {
        let names = certificate.names.iter().filter_map(|name| match name {
            SubjectName::Dns(name) => Some(CertificateMatch::Dns(name.to_ascii_lowercase())),
            SubjectName::Uri(uri) => Some(CertificateMatch::Uri(uri.clone())),
            _ => None,
        });
        let whole = [
            CertificateMatch::Sha256(certificate.sha256),
            CertificateMatch::Subject(certificate.subject.clone()),
        ];
        let mut found = whole.into_iter().chain(names).filter_map(|says| self.by.get(&says));
        let Some(first) = found.next() else { return Owner::Nobody };
        if found.any(|other| other != first) {
            return Owner::Several;
        }
        Owner::Client(usize::try_from(*first).unwrap_or(usize::MAX))
    }
}
