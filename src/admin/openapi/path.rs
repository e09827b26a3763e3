//! What all routes of this listener have: who may ask, which headers every answer has, and what they say
//! to a method that is not theirs.

use std::collections::BTreeMap;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{
    OPERATOR, WITH_CERTIFICATE,
    operation::{Operation, Told, any_text, of_action, of_view},
};
use crate::{
    admin::{
        reply::{TEXT, text},
        routes::{Leads, Route},
    },
    config::Config,
    gateway::schema::{headers_of, reference},
};

/// A form as browsers send it.
const FORM: &str = "application/x-www-form-urlencoded";

/// The answer to other methods, among the components.
const NOT_BY_THIS_METHOD: &str = "NotByThisMethod";

/// What all routes have.
pub(super) struct Common {
    /// The headers that every answer has, among the components.
    pub(super) headers: Map<String, Value>,
    /// References to them.
    named: Map<String, Value>,
    /// Ways of showing who asks; empty where nobody has to.
    security: Vec<Value>,
    is_on_loopback: bool,
    /// Addresses are barred for wrong passwords.
    is_barring: bool,
}

impl Common {
    pub(super) fn of(config: &Config, is_on_loopback: bool) -> Self {
        let is_barring = config.wrong_credentials.is_some_and(|rules| rules.bar.is_some());
        let config = &config.admin;
        let headers = headers_of(&[text(StatusCode::OK, "").headers().clone()], &[]);
        let named = headers.keys().map(|name| (name.clone(), reference("headers", name))).collect();
        let mut security = Vec::new();
        if !config.operators.is_empty() {
            security.push(json!({ OPERATOR: [] }));
        }
        if config.tls.as_ref().is_some_and(|tls| tls.clients.is_some()) {
            security.push(json!({ WITH_CERTIFICATE: [] }));
        }
        Self { headers, named, security, is_on_loopback, is_barring }
    }

    /// The answer to other methods, by its name among the components.
    pub(super) fn to_other_methods(&self) -> (String, Value) {
        let told = "Not by this method.";
        let answer = (StatusCode::METHOD_NOT_ALLOWED, told, vec![(TEXT, any_text())]);
        (NOT_BY_THIS_METHOD.to_owned(), self.response(&answer))
    }

    pub(super) fn path(&self, route: &Route, schemas: &mut SchemaGenerator) -> Value {
        let other = reference("responses", NOT_BY_THIS_METHOD);
        match route.leads {
            Leads::To(shown) => {
                let operation = of_view(shown, schemas);
                let with_body = self.operation("get", route, &operation);
                let mut without_body = self.operation("head", route, &operation);
                let responses = without_body.get_mut("responses").and_then(Value::as_object_mut);
                for response in responses.into_iter().flat_map(Map::values_mut) {
                    response.as_object_mut().and_then(|response| response.remove("content"));
                }
                json!({ "get": with_body, "head": without_body, "x-other-methods": other })
            }
            Leads::Does(action) => {
                let operation = self.operation("post", route, &of_action(action));
                json!({ "post": operation, "x-other-methods": other })
            }
        }
    }

    fn operation(&self, method: &str, route: &Route, about: &Operation) -> Value {
        let mut answers = about.answers.clone();
        let mut also = |status, told| answers.push((status, told, vec![(TEXT, any_text())]));
        if !about.answers_with(StatusCode::BAD_REQUEST) {
            also(StatusCode::BAD_REQUEST, "This is not proper HTTP.");
        }
        let is_open = self.security.is_empty() || route.leads.are_for_strangers();
        if !is_open {
            also(StatusCode::UNAUTHORIZED, "Nobody who has shown to be an operator.");
        }
        if !is_open && self.is_barring && !about.answers_with(StatusCode::TOO_MANY_REQUESTS) {
            let told = "Too many wrong passwords came from this address (`wrong_credentials`).";
            also(StatusCode::TOO_MANY_REQUESTS, told);
        }
        if self.is_on_loopback {
            also(StatusCode::MISDIRECTED_REQUEST, "Asked under a name that is not this machine's.");
        }
        let tag = if method == "post" { "actions" } else { "admin" };
        let mut operation = json!({
            "operationId": operation_id(method, route.path),
            "tags": [tag],
            "summary": route.what,
            "parameters": about.parameters,
            "responses": answers
                .iter()
                .map(|told| (told.0.as_str().to_owned(), self.response(told)))
                .collect::<Map<_, _>>(),
            "security": if is_open { &[][..] } else { &self.security },
        });
        if let (Some(form), Some(operation)) = (&about.form, operation.as_object_mut()) {
            let body = json!({ "required": true, "content": { FORM: { "schema": form } } });
            operation.insert("requestBody".to_owned(), body);
        }
        operation
    }

    fn response(&self, (status, told, bodies): &Told) -> Value {
        let mut headers = self.named.clone();
        let more: Option<(HeaderName, &str)> = match *status {
            StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "")),
            StatusCode::TOO_MANY_REQUESTS => Some((RETRY_AFTER, "")),
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "")),
            _ => None,
        };
        let more = more.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        headers.extend(headers_of(&[more.collect::<HeaderMap>()], &[]));
        let bodies = bodies.iter().map(|(kind, schema)| (*kind, json!({ "schema": schema })));
        json!({
            "description": told,
            "headers": headers,
            "content": bodies.collect::<BTreeMap<_, _>>(),
        })
    }
}

/// `GET /status.json`: `getStatusJson`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.fold(method.to_owned(), |id, word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        id + &first.to_ascii_uppercase() + rest
    });
    if path == "/" { id + "Page" } else { id }
}
