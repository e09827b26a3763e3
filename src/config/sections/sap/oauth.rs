//! `sap.login.oauth2:` tokens from a token server.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Proxy,
    keys::KeyFiles,
    pins::{self, Fingerprint},
    proxy::proxy_address,
    reading::{is_loopback, sound_url},
};
use crate::config::document::{
    resolve::Reading,
    secret::{Secret, SecretRef},
    units::DurationText,
};

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
    /// Certificates of the token server that are trusted by themselves, and then no others.
    pub pinned_certificates: Vec<Fingerprint>,
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
    /// SHA-256 fingerprints of certificates of the token server that are trusted by themselves; then no CA counts.
    #[schemars(with = "Vec<String>")]
    pinned_certificates: Vec<Option<String>>,
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
            pinned_certificates: Vec::new(),
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

impl OAuthFile {
    pub(super) fn resolve(&self, reading: &mut Reading<'_>) -> Option<OAuth> {
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
        let section = "sap.login.oauth2";
        let has_ca_file = self.ca_file.is_some();
        let pins = pins::resolve(section, &self.pinned_certificates, has_ca_file, reading);
        Some(OAuth {
            token_url: token_url?,
            client_id: self.client_id.clone()?,
            authentication: authentication?,
            parameters,
            ca_file: self.ca_file.as_deref().map(|path| reading.path(path)),
            pinned_certificates: pins,
            // Where there is none it was found to be wrong, and nothing of the section counts.
            proxy: proxy.unwrap_or_default(),
            timeout: timeout.unwrap_or_default(),
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
