//! Who asks: by Basic credentials (RFC 7617), as jtel sends them in its "Authorization Token", by a
//! bearer key, by a certificate, by the address.

mod certificates;
#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::HashMap, net::IpAddr, sync::Arc};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::AUTHORIZATION};
use ipnet::IpNet;
use prometheus::IntCounter;

use super::clients::{ClientCounters, ClientMetrics};
use crate::{
    config::{self, ClientName, Config, Proof, Proofs, SecretHash},
    net::Peer,
};

use certificates::{Certificates, Owner};

/// Longer credentials are nobody's: a name has up to 32 characters and a password of ours 43.
const MAX_DECODED: usize = 192;

/// Admins paste tokens with and without their closing `=`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Those who may ask.
pub struct Clients {
    known: Vec<Known>,
    /// Bearer keys by their hashes. Whoever measures how long it takes to find one learns something of
    /// the hash of what he sent, and nothing of a key.
    by_key: HashMap<SecretHash, usize>,
    /// Everybody, where the configuration lets everybody ask.
    anybody: Option<Client>,
    /// Logins that name nobody we know.
    unknown: IntCounter,
    /// What an unknown name's password is compared with, so that it takes as long as a known one's.
    nobody: SecretHash,
    certificates: Certificates,
    /// Clients that are known by their address alone, the smallest ranges first.
    by_address: Vec<(IpNet, usize)>,
}

struct Known {
    client: Client,
    secrets: [SecretHash; 2],
    configured: config::Client,
}

/// One of those who may ask.
#[derive(Clone)]
pub struct Client {
    pub(super) name: ClientName,
    pub(super) counters: Arc<ClientCounters>,
}

/// Whoever asks, and what let him in.
#[derive(Clone, Copy)]
pub struct Admitted<'c> {
    /// The client.
    pub client: &'c Client,
    /// What counted; `None`: anybody may ask.
    pub by: Option<Proof>,
}

/// Nobody is let in.
#[derive(Clone, Copy)]
pub struct Turned<'c> {
    /// The client whose name was used.
    pub named: Option<&'c Client>,
    /// Credentials were shown, so that somebody may be guessing.
    pub has_tried: bool,
}

/// What an `Authorization` field says, and how it compares.
struct Claimed {
    /// The client of that name or key.
    who: Option<usize>,
    /// What was shown, where it is right.
    by: Option<Proof>,
}

impl Client {
    /// Has shown who he is, and is not just anybody.
    pub(super) fn is_known(&self) -> bool {
        !self.name.is_anybody()
    }
}

impl Clients {
    /// The clients of the configuration, and where they are counted.
    pub fn new(config: &Config, metrics: &ClientMetrics) -> Self {
        let client = |name: ClientName| Client { counters: Arc::new(metrics.of(&name)), name };
        let nobody = SecretHash::of(&fastrand::u128(..).to_ne_bytes());
        let known: Vec<_> = config
            .clients
            .iter()
            .map(|configured| {
                let mut secrets = configured.secrets.iter().copied();
                let first = secrets.next().unwrap_or(nobody);
                Known {
                    client: client(configured.name.clone()),
                    secrets: [first, secrets.next().unwrap_or(first)],
                    configured: configured.clone(),
                }
            })
            .collect();
        let all = || config.clients.iter().enumerate();
        let by_key = all().flat_map(|(who, client)| client.keys.iter().map(move |key| (*key, who)));
        let alone = Proofs::NONE.with(Proof::Address);
        let mut by_address: Vec<_> = all()
            .filter(|(_, client)| client.is_shown_by(alone))
            .flat_map(|(who, client)| client.addresses.iter().map(move |range| (*range, who)))
            .collect();
        by_address.sort_by_key(|(range, _)| Reverse(range.prefix_len()));
        Self {
            known,
            by_key: by_key.collect(),
            anybody: config.anybody_may_ask.then(|| client(ClientName::anybody())),
            unknown: metrics.unknown(),
            nobody,
            certificates: Certificates::new(&config.clients),
            by_address,
        }
    }

    /// The client: by the name of Basic credentials, else by a bearer key, else by its certificate,
    /// else by its address, wherever that is; and it has to show all that it has to.
    ///
    /// # Errors
    ///
    /// Missing, doubled, unreadable, wrong or contradicting proofs, which count against whoever is
    /// named.
    pub fn who_asks(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        peer: &Peer,
    ) -> Result<Admitted<'_>, Turned<'_>> {
        if let Some(client) = &self.anybody {
            return Ok(Admitted { client, by: None });
        }
        let certificate = self.certificates.owner(peer);
        let has_tried = headers.contains_key(AUTHORIZATION);
        let claimed = if has_tried {
            self.claimed(headers)
        } else {
            let by_address = || self.by_address.iter().find(|(range, _)| range.contains(&address));
            let who = match certificate {
                Owner::Client(who) => Some(who),
                Owner::Nobody => by_address().map(|(_, who)| *who),
                Owner::Several => None,
            };
            Claimed { who, by: None }
        };
        let known = claimed.who.and_then(|who| self.known.get(who));
        let admitted = known.filter(|_| claimed.by.is_some() || !has_tried).and_then(|known| {
            let is_owner = claimed.who.is_some_and(|who| certificate == Owner::Client(who));
            // What shows somebody else contradicts.
            let is_foreign = certificate != Owner::Nobody && !is_owner;
            let is_at_home =
                known.configured.addresses.iter().any(|range| range.contains(&address));
            let shown = Proofs::from_iter(claimed.by)
                .with_if(is_owner, Proof::Certificate)
                .with_if(is_at_home, Proof::Address);
            let by = claimed.by.or(is_owner.then_some(Proof::Certificate));
            let is_let_in = !is_foreign && known.configured.is_shown_by(shown);
            is_let_in.then_some(Admitted {
                client: &known.client,
                by: Some(by.unwrap_or(Proof::Address)),
            })
        });
        admitted.ok_or_else(|| {
            let named = known.map(|known| &known.client);
            named.map_or(&self.unknown, |client| &client.counters.failed_logins).inc();
            Turned { named, has_tried }
        })
    }

    fn claimed(&self, headers: &HeaderMap) -> Claimed {
        const NOBODY: Claimed = Claimed { who: None, by: None };
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return NOBODY };
        if let Some(key) = bearer(field.as_bytes()) {
            let who = self.by_key.get(&SecretHash::of(key)).copied();
            return Claimed { who, by: who.map(|_| Proof::Key) };
        }
        let mut decoded = [0; MAX_DECODED];
        let Some((name, password)) = credentials(field.as_bytes(), &mut decoded) else {
            return NOBODY;
        };
        let given = SecretHash::of(password);
        let is_named = |known: &Known| known.client.name.as_str().as_bytes() == name;
        let who = self.known.iter().position(is_named);
        let secrets = who.and_then(|who| self.known.get(who)).map(|known| known.secrets);
        let [first, second] = secrets.unwrap_or([self.nobody; 2]);
        // Both are compared, whatever the first says, so that time tells nothing.
        let matches = first.is_same(&given) | second.is_same(&given);
        Claimed { who, by: (matches && who.is_some()).then_some(Proof::Password) }
    }
}

/// Whoever is named in Basic credentials, if the password is his and he is one of these. Takes as long
/// for a name that nobody has.
pub fn one_of<'c>(known: &'c [config::Operator], headers: &HeaderMap) -> Option<&'c ClientName> {
    let mut decoded = [0; MAX_DECODED];
    let (name, password) = basic(headers, &mut decoded)?;
    let given = SecretHash::of(password);
    let named = known.iter().find(|client| client.name.as_str().as_bytes() == name);
    // Of somebody else, where there is nobody of that name: it is compared, and does not count.
    let secrets = named.or(known.first()).map(|client| client.secrets.as_slice())?;
    let matches = secrets.iter().fold(false, |any, secret| any | secret.is_same(&given));
    named.filter(|_| matches).map(|client| &client.name)
}

/// Name and password of the only `Authorization` field.
fn basic<'b>(
    headers: &HeaderMap,
    buffer: &'b mut [u8; MAX_DECODED],
) -> Option<(&'b [u8], &'b [u8])> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    credentials(field.as_bytes(), buffer)
}

fn credentials<'b>(
    field: &[u8],
    buffer: &'b mut [u8; MAX_DECODED],
) -> Option<(&'b [u8], &'b [u8])> {
    let credentials = decode(field, buffer)?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some((credentials.get(..colon)?, credentials.get(colon + 1..)?))
}

fn decode<'a>(field: &[u8], buffer: &'a mut [u8; MAX_DECODED]) -> Option<&'a [u8]> {
    let token = after(b"basic ", field)?;
    let length = BASE64.decode_slice(token.trim_ascii(), buffer).ok()?;
    buffer.get(..length)
}

/// A bearer key (RFC 6750).
fn bearer(field: &[u8]) -> Option<&[u8]> {
    let key = after(b"bearer ", field)?.trim_ascii();
    (1..=MAX_DECODED).contains(&key.len()).then_some(key)
}

/// What stands behind the scheme, whose letters may be of either case.
fn after<'f>(scheme: &[u8], field: &'f [u8]) -> Option<&'f [u8]> {
    let (named, rest) = field.split_at_checked(scheme.len())?;
    named.eq_ignore_ascii_case(scheme).then_some(rest)
}
