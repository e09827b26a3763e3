//! Both ports: what they show and what they let in.

use std::path::Path;

use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{Seen, Severity};
use crate::{
    config::{Config, Tls, TlsVersion},
    net::tls::{SOON_DAYS, pem, server_config},
    telemetry::clock,
};

/// A certificate that lasts longer than browsers and most CAs allow by now is hard to take back.
const LONG_DAYS: i64 = 398;

const DAY: i64 = 24 * 60 * 60;

pub(super) fn look(config: &Config, now: i64, seen: &mut Seen) {
    let listen = &config.listen;
    match &listen.tls {
        Some(tls) => look_at_tls("listen.tls", tls, now, seen),
        None if listen.address.ip().is_loopback() => seen.note(
            Severity::Low,
            "listen.plaintext_behind_a_tls_load_balancer",
            "passwords come in plain text from this machine",
            "see that the load balancer on it speaks TLS to jtel",
        ),
        None => seen.note(
            Severity::High,
            "listen.plaintext_behind_a_tls_load_balancer",
            format!("passwords cross the network to {} in plain text", listen.address),
            "give `listen.tls` a certificate, or listen on 127.0.0.1 beside the load balancer",
        ),
    }
    let admin = &config.admin;
    match &admin.tls {
        Some(tls) => look_at_tls("admin.tls", tls, now, seen),
        None if !admin.address.ip().is_loopback() => seen.note(
            Severity::Medium,
            "admin.plaintext_behind_a_tls_load_balancer",
            format!("operators' passwords cross the network to {} in plain text", admin.address),
            "give `admin.tls` a certificate, or listen on 127.0.0.1",
        ),
        None => {}
    }
}

fn look_at_tls(section: &str, tls: &Tls, now: i64, seen: &mut Seen) {
    if tls.offer.min_version == TlsVersion::V1_2 {
        seen.note(
            Severity::Info,
            format!("{section}.policy"),
            "TLS 1.2 is spoken as well",
            "once dialgate_tls_handshakes_total shows no more of it, write `modern`",
        );
    }
    if !tls.offer.groups.iter().any(|group| group.is_post_quantum()) {
        seen.note(
            Severity::Low,
            format!("{section}.groups"),
            "no group withstands a quantum computer: what is recorded today can be read then",
            "put X25519MLKEM768 first, as the policies do",
        );
    }
    for (key, file) in tls.files() {
        if key.ends_with("certificate") {
            look_at_certificate(&format!("{section}.{key}"), file, now, seen);
        }
    }
    if let Ok(server) = server_config(tls) {
        for (place, ends) in server.crl_ends.iter().enumerate() {
            look_at_list(&format!("{section}.clients.crls[{place}]"), *ends, now, seen);
        }
    }
    if let Some(clients) = &tls.clients
        && clients.crls.is_empty()
    {
        seen.note(
            Severity::Low,
            format!("{section}.clients.crls"),
            "no list of revoked certificates: one that was stolen counts until it ends",
            "name the CA's revocation list",
        );
    }
}

/// When the CA will have said anew which certificates are revoked.
fn look_at_list(key: &str, ends: i64, now: i64, seen: &mut Seen) {
    let days = (ends - now).div_euclid(DAY);
    if days < 0 {
        seen.note(
            Severity::High,
            key,
            format!("the next list was due on {}", clock::day_of(ends)),
            "fetch the CA's new list; where an old one is refused, no client with a certificate gets in",
        );
    } else if days < 2 {
        seen.note(
            Severity::Medium,
            key,
            format!("the next list is due on {}", clock::day_of(ends)),
            "see that it is fetched regularly, well before that",
        );
    }
}

/// What is shown, and until when.
pub(super) fn look_at_certificate(key: &str, file: &Path, now: i64, seen: &mut Seen) {
    // It could be read a moment ago: the configuration has no findings.
    let Ok(chain) = pem::certificates(file) else { return };
    for (place, der) in chain.iter().enumerate() {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { continue };
        let (begins, ends) = (
            certificate.validity().not_before.timestamp(),
            certificate.validity().not_after.timestamp(),
        );
        let subject = certificate.subject().to_string();
        let days = (ends - now).div_euclid(DAY);
        let day = clock::day_of(ends);
        if days < 0 {
            seen.note(
                Severity::High,
                key,
                format!("{subject} ended on {day}: clients refuse it"),
                "put a new certificate there; it counts at once",
            );
        } else if days <= SOON_DAYS {
            seen.note(
                Severity::Medium,
                key,
                format!("{subject} ends on {day}, in {days} days"),
                "order its successor now; it counts at once, without a restart",
            );
        }
        if begins > now {
            let day = clock::day_of(begins);
            seen.note(
                Severity::High,
                key,
                format!("{subject} is not valid before {day}"),
                "look at the clock of this machine, or take another certificate",
            );
        }
        if place == 0 && ends - begins > LONG_DAYS * DAY {
            seen.note(
                Severity::Low,
                key,
                format!("{subject} is valid for {} days in all", (ends - begins) / DAY),
                "take one of a year or less: what is stolen is then worth less",
            );
        }
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        if WEAK_SIGNATURES.contains(&algorithm.as_str())
            && certificate.subject() != certificate.issuer()
        {
            seen.note(
                Severity::High,
                key,
                format!("{subject} is signed with SHA-1 or MD5, which can be forged"),
                "have it signed with SHA-256",
            );
        }
    }
}

/// RSA with MD5 and SHA-1, ECDSA with SHA-1 (RFC 3279).
const WEAK_SIGNATURES: [&str; 3] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"];
