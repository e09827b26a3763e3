//! Headers that an operator names, with values that are secrets.

use http::{HeaderName, HeaderValue};

use super::{
    resolve::Reading,
    secret::{Secret, SecretRef},
};

/// A header, ready to be sent; what is wrong with it is found at `key`. `own`: the names that dialgate
/// sets itself.
pub(in crate::config) fn secret_header(
    key: &str,
    name: &str,
    value: &SecretRef,
    own: &[&str],
    reading: &mut Reading<'_>,
) -> Option<(HeaderName, Secret)> {
    let header = HeaderName::from_bytes(name.as_bytes()).ok();
    match &header {
        None => reading.at(key, "is not the name of a header"),
        Some(header) if own.contains(&header.as_str()) => {
            reading.at(key, "is a header that dialgate sets itself");
        }
        Some(_) => {}
    }
    let secret = reading.secret(key, value)?;
    if HeaderValue::from_str(secret.expose()).is_err() {
        reading.at(key, "has a character that no header can carry");
        return None;
    }
    Some((header?, secret))
}
