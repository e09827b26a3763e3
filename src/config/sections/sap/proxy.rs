//! The way to SAP: the name in its certificate, a proxy, a second address.

use http::Uri;

use super::{
    LoginFile, SapFile,
    reading::{is_loopback, sound_url},
};
use crate::config::document::{resolve::Reading, secret::Secret};

/// A proxy that understands CONNECT, and who needs none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proxy {
    /// Host name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password, where the proxy wants them.
    pub login: Option<(String, Secret)>,
    /// Hosts that are reached without it: a name, and with it every name that ends in `.` and that
    /// name; an IP address; `*` for all.
    pub except: Vec<String>,
}

/// It cannot be used; why is among the findings.
pub(super) struct Unusable;

impl SapFile {
    pub(super) fn proxy(&self, reading: &mut Reading<'_>) -> Result<Option<Proxy>, Unusable> {
        let Some(text) = &self.proxy else {
            for (key, is_set) in [
                ("sap.proxy_login", self.proxy_login.is_some()),
                ("sap.no_proxy", !self.no_proxy.is_empty()),
            ] {
                if is_set {
                    reading.at(key, "is not used, because sap.proxy is not set");
                }
            }
            return Ok(None);
        };
        let (host, port) = proxy_address("sap.proxy", text, reading).ok_or(Unusable)?;
        let login = match &self.proxy_login {
            None => None,
            Some(login) => Some(login.read("sap.proxy_login", reading).ok_or(Unusable)?),
        };
        Ok(Some(Proxy { host, port, login, except: self.no_proxy.clone() }))
    }

    pub(super) fn second_url(
        &self,
        first: Option<&Uri>,
        reading: &mut Reading<'_>,
    ) -> Result<Option<Uri>, Unusable> {
        let Some(text) = &self.second_url else { return Ok(None) };
        let key = "sap.second_url";
        let second = sound_url(key, text, reading).ok_or(Unusable)?;
        if !matches!(self.login, LoginFile::None)
            && second.scheme_str() == Some("http")
            && !is_loopback(&second)
        {
            reading.at(key, "would carry the login in plain text; write `https://`");
        }
        if let Some(first) = first
            && first.path().trim_end_matches('/') != second.path().trim_end_matches('/')
        {
            reading.at(key, "has another path than sap.url; both must lead into the same SAP");
        }
        Ok(Some(second))
    }

    pub(super) fn server_name(
        &self,
        reading: &mut Reading<'_>,
    ) -> Result<Option<String>, Unusable> {
        let Some(name) = &self.server_name else { return Ok(None) };
        let is_sound = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:_".contains(c));
        if !is_sound {
            reading.at("sap.server_name", "is no host name, such as `sap.example.com`");
        }
        if is_sound { Ok(Some(name.clone())) } else { Err(Unusable) }
    }
}

/// Host and port of a proxy. Repeats nothing of the text: it may carry a password.
pub(super) fn proxy_address(
    key: &str,
    text: &str,
    reading: &mut Reading<'_>,
) -> Option<(String, u16)> {
    let wrong = match text.parse::<Uri>() {
        Ok(url) if url.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            "carries a user or password; they belong into sap.proxy_login"
        }
        Ok(url) if url.scheme_str() == Some("http") && matches!(url.path(), "" | "/") => {
            if let (Some(host), Some(port)) = (url.host(), url.port_u16()) {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                return Some((host.to_owned(), port));
            }
            "has no port; write for example `http://proxy.example.com:8080`"
        }
        _ => "is no address of a proxy; write for example `http://proxy.example.com:8080`",
    };
    reading.at(key, wrong);
    None
}
