//! Who asks: Basic credentials (RFC 7617), as jtel sends them in its "Authorization Token".

use std::sync::Arc;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::AUTHORIZATION};

use prometheus::IntCounter;

use super::clients::{ClientCounters, ClientMetrics};
use crate::config::{self, ClientName, Config, SecretHash};

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
    /// Everybody, where the configuration lets everybody ask.
    anybody: Option<Client>,
    /// Logins that name nobody we know.
    unknown: IntCounter,
    /// What an unknown name's password is compared with, so that it takes as long as a known one's.
    nobody: SecretHash,
}

struct Known {
    client: Client,
    secrets: [SecretHash; 2],
}

/// One of those who may ask.
#[derive(Clone)]
pub struct Client {
    pub(super) name: ClientName,
    pub(super) counters: Arc<ClientCounters>,
}

impl Client {
    /// Has shown a password, and is not just anybody.
    pub(super) fn is_known(&self) -> bool {
        !self.name.is_anybody()
    }
}

impl Clients {
    /// The clients of the configuration, and where they are counted.
    pub fn new(config: &Config, metrics: &ClientMetrics) -> Self {
        let client = |name: ClientName| Client { counters: Arc::new(metrics.of(&name)), name };
        let nobody = SecretHash::of(&fastrand::u128(..).to_ne_bytes());
        let known = config
            .clients
            .iter()
            .map(|configured| {
                let mut secrets = configured.secrets.iter().copied();
                let first = secrets.next().unwrap_or(nobody);
                Known {
                    client: client(configured.name.clone()),
                    secrets: [first, secrets.next().unwrap_or(first)],
                }
            })
            .collect();
        let anybody = config.anybody_may_ask.then(|| client(ClientName::anybody()));
        Self { known, anybody, unknown: metrics.unknown(), nobody }
    }

    /// The client; `None` for missing, doubled, unreadable or wrong credentials, which count against
    /// whoever is named.
    pub fn who_asks(&self, headers: &HeaderMap) -> Option<&Client> {
        if self.anybody.is_some() {
            return self.anybody.as_ref();
        }
        let (named, is_right) = self.named(headers).unzip();
        let named = named.flatten();
        if is_right == Some(true) {
            return named;
        }
        named.map_or(&self.unknown, |client| &client.counters.failed_logins).inc();
        None
    }

    /// Who is named, and whether the password is right; `None`: nobody can be read.
    fn named(&self, headers: &HeaderMap) -> Option<(Option<&Client>, bool)> {
        let mut decoded = [0; MAX_DECODED];
        let (name, password) = basic(headers, &mut decoded)?;

        let given = SecretHash::of(password);
        let known = self.known.iter().find(|known| known.client.name.as_str().as_bytes() == name);
        let [first, second] = known.map_or([self.nobody; 2], |known| known.secrets);
        // Both are compared, whatever the first says, so that time tells nothing.
        let matches = first.is_same(&given) | second.is_same(&given);
        Some((known.map(|known| &known.client), matches && known.is_some()))
    }
}

/// Whoever is named in Basic credentials, if the password is his and he is one of these. Takes as long
/// for a name that nobody has.
pub fn one_of<'c>(known: &'c [config::Client], headers: &HeaderMap) -> Option<&'c ClientName> {
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
    let credentials = decode(field.as_bytes(), buffer)?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some((credentials.get(..colon)?, credentials.get(colon + 1..)?))
}

fn decode<'a>(field: &[u8], buffer: &'a mut [u8; MAX_DECODED]) -> Option<&'a [u8]> {
    let (scheme, token) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let length = BASE64.decode_slice(token.trim_ascii(), buffer).ok()?;
    buffer.get(..length)
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn clients() -> Clients {
        let nobody = SecretHash::of(b"nobody");
        let metrics = ClientMetrics::new(&prometheus::Registry::new()).unwrap();
        let client = |name: &str, secrets| {
            let name = ClientName::parse(name).unwrap();
            Known { client: Client { counters: Arc::new(metrics.of(&name)), name }, secrets }
        };
        Clients {
            known: vec![
                client("jtel", [SecretHash::of(b"old:secret"), SecretHash::of(b"new")]),
                client("test", [SecretHash::of(b"test"); 2]),
            ],
            anybody: None,
            unknown: metrics.unknown(),
            nobody,
        }
    }

    fn asked_with(fields: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
        }
        clients().who_asks(&headers).map(|client| client.name.as_str().to_owned())
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    }

    #[test]
    fn a_client_is_known_by_either_of_its_two_passwords() {
        for credentials in ["jtel:old:secret", "jtel:new"] {
            assert_eq!(asked_with(&[&basic(credentials)]).as_deref(), Some("jtel"));
        }
        assert_eq!(asked_with(&[&basic("test:test")]).as_deref(), Some("test"));
    }

    #[test]
    fn a_token_is_read_with_any_letter_case_of_the_scheme_and_without_its_padding() {
        let token = BASE64_STANDARD.encode("jtel:new");
        for field in [format!("BASIC {token}"), format!("basic  {}", token.trim_end_matches('='))] {
            assert_eq!(asked_with(&[&field]).as_deref(), Some("jtel"), "{field}");
        }
    }

    #[test]
    fn anything_else_is_nobody() {
        for fields in [
            vec![],
            vec![basic("jtel:wrong")],
            vec![basic("jtel:")],
            vec![basic("jtel")],
            vec![basic("JTEL:new")],
            vec![basic("test:new")],
            vec![basic("nobody:nobody")],
            vec![basic(":new")],
            vec![basic("jtel:new"), basic("jtel:new")],
            vec!["Bearer jtel:new".to_owned()],
            vec!["Basic".to_owned()],
            vec!["Basic ".to_owned()],
            vec!["Basic §§§".to_owned()],
            vec![basic(&"x".repeat(300))],
        ] {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            assert_eq!(asked_with(&fields), None, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn no_field_makes_a_client_without_its_password(field in "[ -~]{0,80}") {
            prop_assert_eq!(asked_with(&[&field]), None);
        }
    }
}
