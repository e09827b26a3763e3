//! This listener, and jtel's endpoint with it, as OpenAPI 3.1 describes them.
//!
//! Only this listener shows it, and only to those who may see the rest of it: it tells paths, clients and
//! limits. jtel's endpoint answers one question and 404 to everything else, which is what keeps strangers
//! from learning anything there; whoever writes a client of it is given the document by an operator, or
//! by `dialgate config openapi`.

mod operation;
mod path;

use serde_json::{Value, json};

use super::routes::ROUTES;
use crate::{
    config::Config,
    gateway::{Endpoint, Site, endpoint, schema::schemas},
};
use path::Common;

/// The names of the security schemes.
const OPERATOR: &str = "operator";
const WITH_CERTIFICATE: &str = "operatorWithCertificate";

/// Where the two listeners are; `None`: where the configuration says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sites {
    /// Where jtel asks.
    pub calls: Option<Site>,
    /// The admin listener.
    pub admin: Option<Site>,
}

/// The whole document, as `config` has it.
pub fn document(config: &Config, sites: &Sites) -> Value {
    let mut schemas = schemas();
    let (listen, admin) = (&config.listen, &config.admin);
    let configured = Site { address: listen.address, tls: listen.tls.is_some() };
    let calls = sites.calls.unwrap_or(configured);
    let Endpoint { mut paths, mut responses, mut security_schemes } =
        endpoint(config, calls, &mut schemas);
    let configured = Site { address: admin.address, tls: admin.tls.is_some() };
    let site = sites.admin.unwrap_or(configured);
    let common = Common::of(config, site.address.ip().is_loopback());
    for route in &ROUTES {
        // A path of jtel's that is one of ours, too, is the same path elsewhere. A document has one
        // of each, and a fragment is never sent.
        let fragment = if paths.contains_key(route.path) { "#admin" } else { "" };
        paths.insert([route.path, fragment].concat(), common.path(route, &mut schemas));
    }
    responses.extend([common.to_other_methods()]);
    if !admin.operators.is_empty() {
        let names: Vec<_> = admin.operators.iter().map(|operator| operator.name.as_str()).collect();
        let told = format!("User and password of an operator ({}).", names.join(", "));
        let basic = json!({ "type": "http", "scheme": "basic", "description": told });
        security_schemes.insert(OPERATOR.to_owned(), basic);
    }
    if admin.tls.as_ref().is_some_and(|tls| tls.clients.is_some()) {
        let told = "A certificate of the CA in `admin.tls.client_ca`.";
        let certificate = json!({ "type": "mutualTLS", "description": told });
        security_schemes.insert(WITH_CERTIFICATE.to_owned(), certificate);
    }
    let url = format!("{}://{}", site.scheme(), site.address);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "dialgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Whether a number clicked in SAP is dialled, and with which service number; \
                and what an operator sees and does. Made from the configuration in force.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": url, "description": "the admin listener" }],
        "tags": [
            { "name": "jtel", "description": "What jtel asks." },
            { "name": "admin", "description": "What an operator sees." },
            { "name": "actions", "description": "What an operator does: from this machine, or having \
                shown who it is. A form of a browser needs the `token` of the status page besides." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "responses": responses,
            "headers": common.headers,
            "securitySchemes": security_schemes,
        },
    })
}
