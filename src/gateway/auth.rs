//! Who asks: Basic credentials (RFC 7617), as jtel sends them in its "Authorization Token".

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::config::{ClientName, Config, SecretHash};

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
    /// The name of everybody where the configuration lets everybody ask.
    anybody: Option<ClientName>,
    /// What an unknown name's password is compared with, so that it takes as long as a known one's.
    nobody: SecretHash,
}

struct Known {
    name: ClientName,
    secrets: [SecretHash; 2],
}

impl Clients {
    /// The clients of the configuration.
    pub fn new(config: &Config) -> Self {
        let nobody = SecretHash::of(&fastrand::u128(..).to_ne_bytes());
        let known = config
            .clients
            .iter()
            .map(|client| {
                let mut secrets = client.secrets.iter().copied();
                let first = secrets.next().unwrap_or(nobody);
                Known {
                    name: client.name.clone(),
                    secrets: [first, secrets.next().unwrap_or(first)],
                }
            })
            .collect();
        Self { known, anybody: config.anybody_may_ask.then(ClientName::anybody), nobody }
    }

    /// The client's name; `None` for missing, doubled, unreadable or wrong credentials.
    pub fn who_asks(&self, headers: &HeaderMap) -> Option<&ClientName> {
        if self.anybody.is_some() {
            return self.anybody.as_ref();
        }
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return None };
        let mut decoded = [0; MAX_DECODED];
        let credentials = decode(field.as_bytes(), &mut decoded)?;
        let colon = credentials.iter().position(|byte| *byte == b':')?;
        let (name, password) = (credentials.get(..colon)?, credentials.get(colon + 1..)?);

        let given = SecretHash::of(password);
        let client = self.known.iter().find(|client| client.name.as_str().as_bytes() == name);
        let [first, second] = client.map_or([self.nobody; 2], |client| client.secrets);
        // Both are compared, whatever the first says, so that time tells nothing.
        let matches = first.is_same(&given) | second.is_same(&given);
        client.filter(|_| matches).map(|client| &client.name)
    }
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
        let client =
            |name: &str, secrets| Known { name: ClientName::parse(name).unwrap(), secrets };
        Clients {
            known: vec![
                client("jtel", [SecretHash::of(b"old:secret"), SecretHash::of(b"new")]),
                client("test", [SecretHash::of(b"test"); 2]),
            ],
            anybody: None,
            nobody,
        }
    }

    fn asked_with(fields: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
        }
        clients().who_asks(&headers).map(|name| name.as_str().to_owned())
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
