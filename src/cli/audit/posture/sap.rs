//! The way to SAP: what crosses the network, and who is believed there.

use http::Uri;

use super::{Seen, Severity, is_this_machine, listening::look_at_certificate};
use crate::config::{Config, Login, Sap};

/// A password of a technical user is never typed: there is no reason for a short one.
const SHORT: usize = 12;

pub(super) fn look(config: &Config, now: i64, seen: &mut Seen) {
    for (before_key, sap) in config.systems.with_keys() {
        look_at(&before_key, sap, now, seen);
    }
}

fn look_at(before_key: &str, sap: &Sap, now: i64, seen: &mut Seen) {
    let key = |key: &str| format!("{before_key}{key}");
    let both = [("sap.url", Some(&sap.url)), ("sap.second_url", sap.second_url.as_ref())];
    for (name, url) in both {
        if let Some(url) = url
            && is_plain(url)
        {
            seen.note(
                Severity::High,
                key(name),
                "customers' data cross the network in plain text",
                "take SAP's https port",
            );
        }
    }
    if sap.url.scheme_str() == Some("https")
        && sap.ca_file.is_none()
        && sap.pinned_certificates.is_empty()
    {
        seen.note(
            Severity::Info,
            key("sap.ca_file"),
            "every CA that this system trusts may vouch for SAP",
            "name the CA of your SAP, so that no other one is believed",
        );
    }
    match &sap.login {
        Login::None => seen.note(
            Severity::Medium,
            key("sap.login"),
            "SAP is asked without a login: whoever reaches it gets the same answers",
            "let SAP ask for a technical user, a certificate or a token",
        ),
        Login::Basic { password, .. } if password.expose().chars().count() < SHORT => seen.note(
            Severity::Medium,
            key("sap.login"),
            format!("the password of the technical user is shorter than {SHORT} characters"),
            "nobody types it: take a long random one",
        ),
        Login::Certificate(files) => {
            look_at_certificate(&key("sap.login.certificate"), &files.certificate, now, seen);
        }
        Login::Basic { .. } | Login::Headers(_) | Login::OAuth(_) => {}
    }
}

fn is_plain(url: &Uri) -> bool {
    url.scheme_str() == Some("http") && !is_this_machine(url)
}
