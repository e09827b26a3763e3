//! User and password, RFC 7617.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use zeroize::Zeroizing;

use crate::config::Secret;
use crate::sap::problem::DialectProblem;

/// The header `Authorization`; all problems at once.
pub(super) fn headers(user: &str, password: &Secret) -> Result<HeaderMap, Vec<DialectProblem>> {
    let mut headers = HeaderMap::new();
    let mut problems = Vec::new();
    if user.contains(':') || user.chars().any(char::is_control) {
        problems.push(DialectProblem::new(
            "sap.login",
            "has a user with `:` or a control character, which Basic cannot send",
        ));
    }
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    match HeaderValue::from_str(&value) {
        Ok(mut value) => {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Err(error) => problems.push(DialectProblem::new("sap.login", error.to_string())),
    }
    if problems.is_empty() { Ok(headers) } else { Err(problems) }
}
