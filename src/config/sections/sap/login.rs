//! `sap.login:` how dialgate shows SAP who it is.

use std::collections::BTreeMap;

use http::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    keys::{KeyFiles, KeyFilesFile},
    oauth::{ClientAuthentication, OAuth, OAuthFile},
};
use crate::config::document::{
    header::secret_header,
    resolve::Reading,
    secret::{Secret, SecretRef},
};

/// Headers that dialgate or HTTP itself sets; a second one would contradict it.
const OWN_HEADERS: [&str; 13] = [
    "host",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "traceparent",
    "tracestate",
    "upgrade",
    "x-correlationid",
    "x-request-id",
];

/// How dialgate logs in to SAP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Login {
    /// No credentials at all.
    None,
    /// User and password, RFC 7617.
    Basic {
        /// The technical user.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// Fixed headers, such as `APIKey`.
    Headers(Vec<(HeaderName, Secret)>),
    /// A client certificate in the TLS handshake.
    Certificate(KeyFiles),
    /// Tokens from a token server, RFC 6749 section 4.4.
    OAuth(Box<OAuth>),
}

/// `sap.login:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum LoginFile {
    /// No credentials at all.
    None,
    /// User and password.
    Basic(BasicFile),
    /// Fixed headers, e.g. `APIKey`.
    Headers(BTreeMap<String, SecretRef>),
    /// A client certificate.
    Certificate(KeyFilesFile),
    /// Tokens of an OAuth2 token server (client credentials).
    Oauth2(Box<OAuthFile>),
}

/// User and password in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["user", "password"]))]
pub(in crate::config) struct BasicFile {
    /// The technical user.
    #[schemars(with = "String")]
    user: Option<String>,
    /// Where its password is found.
    #[schemars(with = "SecretRef")]
    password: Option<SecretRef>,
}

impl LoginFile {
    pub(super) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Login> {
        match self {
            Self::None => Some(Login::None),
            Self::Basic(basic) => {
                let (user, password) = basic.read("sap.login.basic", reading)?;
                Some(Login::Basic { user, password })
            }
            Self::Headers(headers) => resolve_headers(headers, reading),
            Self::Certificate(files) => files.resolve(reading).map(Login::Certificate),
            Self::Oauth2(oauth) => oauth.resolve(reading).map(Box::new).map(Login::OAuth),
        }
    }
}

impl BasicFile {
    /// User and password of the section `key`.
    pub(super) fn read(&self, key: &str, reading: &mut Reading<'_>) -> Option<(String, Secret)> {
        let user_key = format!("{key}.user");
        let user = self.user.as_deref().filter(|user| {
            if user.is_empty() {
                reading.at(&user_key, "is empty");
            } else if user.contains(':') || user.chars().any(char::is_control) {
                reading.at(
                    &user_key,
                    "has a `:` or a control character, which Basic credentials cannot carry",
                );
            }
            true
        });
        let password_key = format!("{key}.password");
        let password =
            self.password.as_ref().map(|password| reading.secret(&password_key, password));
        Some((user?.to_owned(), password??))
    }
}

fn resolve_headers(
    headers: &BTreeMap<String, SecretRef>,
    reading: &mut Reading<'_>,
) -> Option<Login> {
    if headers.is_empty() {
        reading.at("sap.login.headers", "is empty; write `NAME: { env: VARIABLE }`");
    }
    let resolved: Vec<_> = headers
        .iter()
        .map(|(name, reference)| {
            let key = format!("sap.login.headers.{name}");
            secret_header(&key, name, reference, &OWN_HEADERS, reading)
        })
        .collect();
    resolved.into_iter().collect::<Option<_>>().map(Login::Headers)
}

impl Login {
    /// The login with secrets as their files have them now; `None` while none of them changed.
    /// Keys and certificates are not part of it: they are read where they are used.
    ///
    /// # Errors
    ///
    /// A file cannot be used; the text names it.
    pub fn reread(&self) -> Result<Option<Self>, String> {
        Ok(match self {
            Self::None | Self::Certificate(_) => None,
            Self::Basic { user, password } => {
                password.reread()?.map(|password| Self::Basic { user: user.clone(), password })
            }
            Self::Headers(pairs) => {
                let mut changed = false;
                let pairs = pairs
                    .iter()
                    .map(|(name, secret)| {
                        let now = secret.reread()?;
                        changed |= now.is_some();
                        Ok((name.clone(), now.unwrap_or_else(|| secret.clone())))
                    })
                    .collect::<Result<_, String>>()?;
                changed.then_some(Self::Headers(pairs))
            }
            Self::OAuth(oauth) => {
                let authentication = match &oauth.authentication {
                    ClientAuthentication::Basic(secret) => {
                        secret.reread()?.map(ClientAuthentication::Basic)
                    }
                    ClientAuthentication::Post(secret) => {
                        secret.reread()?.map(ClientAuthentication::Post)
                    }
                    ClientAuthentication::PrivateKey { .. }
                    | ClientAuthentication::Certificate(_) => None,
                };
                authentication.map(|authentication| {
                    Self::OAuth(Box::new(OAuth { authentication, ..(**oauth).clone() }))
                })
            }
        })
    }
}
