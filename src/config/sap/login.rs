//! `sap.login:` how dialgate shows SAP who it is.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Proxy,
    reading::{is_loopback, sound_url},
    way::proxy_address,
};
use crate::config::{
    resolve::Reading,
    secret::{Secret, SecretRef},
    units::DurationText,
};

/// Headers that dialgate or HTTP itself sets; a second one would contradict it.
const OWN_HEADERS: [&str; 12] = [
    "host",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "traceparent",
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

/// A certificate and its key as PEM files. Read again when they change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyFiles {
    /// The certificate first, then intermediate ones.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// OAuth2 client credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OAuth {
    /// Where tokens come from.
    pub token_url: Uri,
    /// Who we are there.
    pub client_id: String,
    /// How we prove it.
    pub authentication: ClientAuthentication,
    /// Form fields of the request: scope, resource, audience and whatever the server wants besides.
    pub parameters: Vec<(String, String)>,
    /// PEM file of the CA of the token server; `None`: the system's roots.
    pub ca_file: Option<PathBuf>,
    /// The way to the token server.
    pub proxy: Option<Proxy>,
    /// Longest wait for a token, connecting included.
    pub timeout: Duration,
}

/// How the client proves to the token server who it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic(Secret),
    /// `client_secret_post`.
    Post(Secret),
    /// `private_key_jwt`, RFC 7523.
    PrivateKey {
        /// PEM file: an EC key on P-256 (ES256) or an RSA key (RS256).
        key: PathBuf,
        /// `kid` of the assertion.
        key_id: Option<String>,
    },
    /// `tls_client_auth`, RFC 8705.
    Certificate(KeyFiles),
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

/// `sap.login.certificate:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["certificate", "key"]))]
pub(in crate::config) struct KeyFilesFile {
    /// PEM file: the certificate first, then intermediate ones.
    #[schemars(with = "String")]
    certificate: Option<String>,
    /// PEM file with its private key.
    #[schemars(with = "String")]
    key: Option<String>,
}

/// `sap.login.oauth2:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["token_url", "client_id"]))]
pub(in crate::config) struct OAuthFile {
    /// Where tokens come from.
    #[schemars(with = "String")]
    token_url: Option<String>,
    /// Who we are there.
    #[schemars(with = "String")]
    client_id: Option<String>,
    /// How we prove it.
    client_authentication: ClientAuthenticationFile,
    /// For basic and post: where the secret is found.
    client_secret: Option<SecretRef>,
    /// For `private_key_jwt` and certificate: PEM file with the private key.
    key: Option<String>,
    /// For `private_key_jwt`: the name of the key (kid), where the server wants it.
    key_id: Option<String>,
    /// For certificate: PEM file with the client certificate.
    certificate: Option<String>,
    /// What the token is for, several separated by blanks.
    scope: Option<String>,
    /// What the token is for, as SAP Cloud Identity (IAS) wants it.
    resource: Option<String>,
    /// What the token is for, as some servers want it.
    audience: Option<String>,
    /// More form fields of the request.
    parameters: BTreeMap<String, String>,
    /// PEM file of the CA of the token server; without it, the system's roots.
    ca_file: Option<String>,
    /// `http://host:port` of a proxy on the way to the token server.
    proxy: Option<String>,
    /// Longest wait for a token.
    token_timeout: DurationText,
}

impl Default for OAuthFile {
    fn default() -> Self {
        Self {
            token_url: None,
            client_id: None,
            client_authentication: ClientAuthenticationFile::Basic,
            client_secret: None,
            key: None,
            key_id: None,
            certificate: None,
            scope: None,
            resource: None,
            audience: None,
            parameters: BTreeMap::new(),
            ca_file: None,
            proxy: None,
            token_timeout: "2s".into(),
        }
    }
}

/// How the client proves to the token server who it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ClientAuthenticationFile {
    /// The secret in the header `Authorization`.
    Basic,
    /// The secret in the form.
    Post,
    /// A signed assertion instead of a secret.
    PrivateKeyJwt,
    /// A client certificate in the TLS handshake.
    Certificate,
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
            Self::Certificate(files) => {
                let (certificate, key) = (files.certificate.as_deref()?, files.key.as_deref()?);
                let (certificate, key) = (reading.path(certificate), reading.path(key));
                Some(Login::Certificate(KeyFiles { certificate, key }))
            }
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

impl OAuthFile {
    fn resolve(&self, reading: &mut Reading<'_>) -> Option<OAuth> {
        let token_url = self.token_url(reading);
        let authentication = self.authentication(reading);
        let proxy = match &self.proxy {
            None => Some(None),
            Some(text) => proxy_address("sap.login.oauth2.proxy", text, reading)
                .map(|(host, port)| Some(Proxy { host, port, login: None, except: Vec::new() })),
        };
        let bounds = Duration::from_millis(100)..=Duration::from_secs(30);
        let timeout =
            reading.duration("sap.login.oauth2.token_timeout", &self.token_timeout, bounds);
        let named =
            [("scope", &self.scope), ("resource", &self.resource), ("audience", &self.audience)];
        let mut parameters: Vec<_> = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect();
        for (name, value) in &self.parameters {
            let is_ours = name == "grant_type"
                || name.starts_with("client_")
                || parameters.iter().any(|(taken, _)| taken == name);
            if is_ours {
                let key = format!("sap.login.oauth2.parameters.{name}");
                reading.at(&key, "is a field that dialgate sets itself");
            }
            parameters.push((name.clone(), value.clone()));
        }
        Some(OAuth {
            token_url: token_url?,
            client_id: self.client_id.clone()?,
            authentication: authentication?,
            parameters,
            ca_file: self.ca_file.as_deref().map(|path| reading.path(path)),
            proxy: proxy?,
            timeout: timeout?,
        })
    }

    fn token_url(&self, reading: &mut Reading<'_>) -> Option<Uri> {
        let key = "sap.login.oauth2.token_url";
        let url = sound_url(key, self.token_url.as_deref()?, reading)?;
        if url.scheme_str() == Some("http") && !is_loopback(&url) {
            reading.at(key, "would carry the secret in plain text; write `https://`");
        }
        Some(url)
    }

    fn authentication(&self, reading: &mut Reading<'_>) -> Option<ClientAuthentication> {
        use ClientAuthenticationFile as Kind;
        let kind = self.client_authentication;
        let is_secret = matches!(kind, Kind::Basic | Kind::Post);
        let key = |name: &str| format!("sap.login.oauth2.{name}");
        for (name, is_set, is_wanted) in [
            ("client_secret", self.client_secret.is_some(), is_secret),
            ("key", self.key.is_some(), !is_secret),
            ("certificate", self.certificate.is_some(), kind == Kind::Certificate),
        ] {
            if is_wanted && !is_set {
                reading.at(&key(name), "is missing; client_authentication needs it");
            }
            if is_set && !is_wanted {
                reading.at(&key(name), "is not used by this client_authentication; remove it");
            }
        }
        let file = |path: &Option<String>| path.as_deref().map(|path| reading.path(path));
        let (private, certificate) = (file(&self.key), file(&self.certificate));
        match kind {
            Kind::Basic | Kind::Post => {
                let secret = reading.secret(&key("client_secret"), self.client_secret.as_ref()?)?;
                Some(match kind {
                    Kind::Post => ClientAuthentication::Post(secret),
                    _ => ClientAuthentication::Basic(secret),
                })
            }
            Kind::PrivateKeyJwt => Some(ClientAuthentication::PrivateKey {
                key: private?,
                key_id: self.key_id.clone(),
            }),
            Kind::Certificate => Some(ClientAuthentication::Certificate(KeyFiles {
                certificate: certificate?,
                key: private?,
            })),
        }
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
            let header = HeaderName::from_bytes(name.as_bytes()).ok();
            match &header {
                None => reading.at(&key, "is not the name of a header"),
                Some(header) if OWN_HEADERS.contains(&header.as_str()) => {
                    reading.at(&key, "is a header that dialgate sets itself");
                }
                Some(_) => {}
            }
            let secret = reading.secret(&key, reference)?;
            if HeaderValue::from_str(secret.expose()).is_err() {
                reading.at(&key, "has a character that no header can carry");
                return None;
            }
            Some((header?, secret))
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
