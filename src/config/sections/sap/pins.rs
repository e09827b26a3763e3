//! `pinned_certificates:` certificates that are trusted by themselves.

use std::fmt;

use aws_lc_rs::digest;

use crate::config::document::{findings::shown, resolve::Reading};

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(hash)
    }

    /// Reads 64 hexadecimal digits in either letter case, with colons between them or without, behind
    /// `sha256:` or what `openssl x509 -fingerprint -sha256` prints before them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let digits = ["sha256 fingerprint=", "sha256:", ""]
            .into_iter()
            .find_map(|prefix| lower.strip_prefix(prefix))?;
        let digits: String = digits.chars().filter(|character| *character != ':').collect();
        let mut hash = [0; 32];
        let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
        if pairs.len() != hash.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// As the configuration has it.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The fingerprints of a list; `ca_file` beside it would have no effect.
pub(super) fn resolve(
    section: &str,
    list: &[Option<String>],
    has_ca_file: bool,
    reading: &mut Reading<'_>,
) -> Vec<Fingerprint> {
    let mut pins = Vec::new();
    for (place, text) in list.iter().enumerate() {
        let Some(text) = text else { continue };
        match Fingerprint::parse(text) {
            Some(pin) => pins.push(pin),
            None => reading.at(
                &format!("{section}.pinned_certificates[{place}]"),
                format!(
                    "`{}` is not the SHA-256 fingerprint of a certificate; `openssl x509 -in FILE \
                     -noout -fingerprint -sha256` prints it",
                    shown(text)
                ),
            ),
        }
    }
    if has_ca_file && !list.is_empty() {
        let told = "is not used beside pinned_certificates, which alone count; remove one of them";
        reading.at(&format!("{section}.ca_file"), told);
    }
    pins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_the_tools_print_it() {
        let hex = "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed";
        let pairs: Vec<_> =
            hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
        let colons = pairs.join(":").to_uppercase();
        for text in [
            hex.to_owned(),
            hex.to_uppercase(),
            format!("sha256:{hex}"),
            format!("SHA256:{hex}"),
            colons.clone(),
            format!("sha256 Fingerprint={colons}"),
            format!("SHA256 Fingerprint={colons}"),
            format!(" {hex}\n"),
        ] {
            let read = Fingerprint::parse(&text).map(|read| read.to_string());
            assert_eq!(read, Some(format!("sha256:{hex}")), "{text}");
        }
        for text in [
            "",
            "sha256:",
            &hex[1..],
            &hex[2..],
            &format!("{hex}00"),
            &hex.replace('3', "g"),
            "sha1:ab",
        ] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }
}
