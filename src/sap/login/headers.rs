//! Fixed headers such as `APIKey`.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::Secret;
use crate::sap::problem::DialectProblem;

/// Headers that say where a request goes and where it ends; none of them is a login.
const OURS: [HeaderName; 6] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::ACCEPT_ENCODING,
];

/// The headers, marked as sensitive; all problems at once.
pub(super) fn headers(pairs: &[(HeaderName, Secret)]) -> Result<HeaderMap, Vec<DialectProblem>> {
    let mut headers = HeaderMap::new();
    let mut problems = Vec::new();
    for (name, secret) in pairs {
        if OURS.contains(name) {
            problems.push(DialectProblem::new(
                "sap.login",
                format!("has the header `{name}`, which dialgate sets itself"),
            ));
        }
        match HeaderValue::from_str(secret.expose()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.append(name.clone(), value);
            }
            Err(_not_shown) => problems.push(DialectProblem::new(
                "sap.login",
                format!("has a value for `{name}` with a character that no header may have"),
            )),
        }
    }
    if problems.is_empty() { Ok(headers) } else { Err(problems) }
}
