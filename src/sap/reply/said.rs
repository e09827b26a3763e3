//! What SAP says in the body of an error: OData v2 and v4, its XML form, and the API gateway's own.
//!
//! The code goes into the log: it is a name from SAP's message classes (`/IWBEP/CM_MGW_RT/020`), and
//! only a text that looks like one is taken. The message never does: SAP repeats in it what was
//! asked for, the partner's number included. `dialgate explain` shows it to the person who asked.

use std::{borrow::Cow, sync::Arc};

use super::json::{self, Node};

/// The longest code. SAP's own have up to 40 characters.
const MAX_CODE: usize = 60;

/// The longest message that is shown.
const MAX_MESSAGE: usize = 200;

/// The longest error that is read. Inner errors of SAP Gateway can repeat whole requests.
pub(in crate::sap) const MAX_BODY: usize = 16 * 1024;

/// An error in SAP's words.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Said {
    /// Letters, digits and `/_.:-` only, 60 characters at most.
    pub code: Option<Arc<str>>,
    /// Without control characters, 200 characters at most. May hold personal data: for a person at
    /// the keyboard, never for a log.
    pub message: Option<String>,
    /// In OData's form, so from SAP itself; false: from an API gateway in front of it.
    pub is_odata: bool,
}

/// The error in a body; `None` if there is none.
pub(in crate::sap) fn read(body: &[u8]) -> Option<Said> {
    match json::read(body) {
        Ok(json) => in_json(&json.root),
        Err(_) => in_xml(str::from_utf8(body.get(..body.len().min(MAX_BODY))?).ok()?),
    }
}

/// The error in an answer that is JSON.
pub(in crate::sap) fn in_json(root: &Node<'_>) -> Option<Said> {
    if let Some(fault) = root.get("fault").filter(|fault| fault.is_object()) {
        let code = fault.get("detail").and_then(|detail| detail.get("errorcode"));
        let said = said(text(code), text(fault.get("faultstring")));
        return Some(Said { is_odata: false, ..said });
    }
    let error = root.get("error").filter(|error| error.is_object())?;
    let message = error.get("message").map(|message| message.get("value").unwrap_or(message));
    Some(said(text(error.get("code")), text(message)))
}

/// `<error><code>…</code><message xml:lang="en">…</message>`, what SAP sends to those who do not ask
/// for JSON.
fn in_xml(body: &str) -> Option<Said> {
    let (_, error) = body.split_once("<error")?;
    let inside = |name: &str| {
        let (_, after) = error.split_once(&format!("<{name}"))?;
        let (_, text) = after.split_once('>')?;
        text.split_once('<').map(|(text, _)| text.to_owned())
    };
    Some(said(inside("code"), inside("message")))
}

fn text(value: Option<&Node<'_>>) -> Option<String> {
    value?.to_text().map(Cow::into_owned)
}

fn said(code: Option<String>, message: Option<String>) -> Said {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/_.:-".contains(c);
    let is_code = |code: &String| (1..=MAX_CODE).contains(&code.len()) && code.chars().all(is_part);
    let message = message.map(|message| {
        message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect::<String>()
    });
    Said {
        code: code.filter(is_code).map(Into::into),
        message: message.filter(|message| !message.is_empty()),
        is_odata: true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_an_error_is_read() {
        for (body, code, message) in [
            (
                r#"{"error":{"code":"/IWBEP/CM_MGW_RT/020","message":{"lang":"en","value":"Resource not found"},"innererror":{}}}"#,
                Some("/IWBEP/CM_MGW_RT/020"),
                Some("Resource not found"),
            ),
            (
                r#"{"error":{"message":"Not Found","code":"404","@Common.numericSeverity":4}}"#,
                Some("404"),
                Some("Not Found"),
            ),
            (
                r#"{"fault":{"faultstring":"Failed to resolve API Key","detail":{"errorcode":"steps.oauth.v2.FailedToResolveAPIKey"}}}"#,
                Some("steps.oauth.v2.FailedToResolveAPIKey"),
                Some("Failed to resolve API Key"),
            ),
            (
                r#"<?xml version="1.0"?><error xmlns="x"><code>/IWFND/MED/170</code><message xml:lang="en">No service</message></error>"#,
                Some("/IWFND/MED/170"),
                Some("No service"),
            ),
            (r#"{"error":{"code":404}}"#, Some("404"), None),
            (r#"{"error":{"code":"Partner Erika Mustermann"}}"#, None, None),
            (r#"{"error":{"code":"a\r\nERROR forged"}}"#, None, None),
            (r#"{"error":{"code":""}}"#, None, None),
        ] {
            let said = read(body.as_bytes()).unwrap();
            assert_eq!(said.code.as_deref(), code, "{body}");
            assert_eq!(said.message.as_deref(), message, "{body}");
        }
        for body in ["", "{}", "[]", r#"{"error":"x"}"#, "<html>", "Unauthorized"] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn nothing_sap_says_can_forge_a_line_or_grow_the_log(
            code in any::<String>(), message in any::<String>(), xml in any::<Vec<u8>>(),
        ) {
            let body = serde_json::json!({ "error": { "code": code, "message": { "value": message } } });
            for said in [read(body.to_string().as_bytes()), read(&xml)].into_iter().flatten() {
                let code = said.code.as_deref().unwrap_or("0");
                prop_assert!(code.len() <= MAX_CODE && code.is_ascii() && !code.contains(' '));
                let message = said.message.unwrap_or_default();
                prop_assert!(message.chars().count() <= MAX_MESSAGE);
                prop_assert!(!message.chars().any(char::is_control));
            }
        }
    }
}
