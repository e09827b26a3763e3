//! jtel's endpoint as OpenAPI 3.1 describes it, under the configuration in force: its paths,
//! parameters, statuses, and who may ask.

mod bodies;
mod caller;

use std::net::SocketAddr;

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Asked, NOT_HERE, dial_head},
    drop_in::{
        self, CUSTOMER, DropInError, EXPAND, FILTER, FORMAT, PHONE, SALES_DATA, WITHOUT_EFFECT,
    },
    query::{NUMBER, PARTNER, QueryError},
    schema::{BLANK, in_query, reference},
};
use crate::{
    config::{Answers, Client, Config, Proof, UnknownParameters},
    domain::{
        CallerId, ContractNumber, CountryCode, Dial, DialledNumber, DistributionChannel, PartnerId,
        ServiceNumber,
    },
    sap,
};

/// A partner and a number of the examples; the simulator knows both.
const EXAMPLE_PARTNER: &str = "1001910";
const EXAMPLE_NUMBER: &str = "+498946149500";

/// The name of the security scheme.
const CLIENT: &str = "client";

/// What a document says of jtel's endpoint.
pub struct Endpoint {
    /// The paths of the endpoint, each with its server.
    pub paths: Map<String, Value>,
    /// Answers to what is asked for elsewhere, or by another method.
    pub responses: Map<String, Value>,
    /// How callers say who they are; empty where anybody may ask.
    pub security_schemes: Map<String, Value>,
}

/// Where a listener is, and whether TLS is spoken there; no reload changes either.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Address and port.
    pub address: SocketAddr,
    /// TLS is spoken.
    pub tls: bool,
}

impl Site {
    /// As URLs begin.
    pub fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// Describes the endpoint at `site`, as `config` has it. Its schemas go to `schemas`.
pub fn endpoint(config: &Config, site: Site, schemas: &mut SchemaGenerator) -> Endpoint {
    let listen = &config.listen;
    answer::describe_refusal(schemas);
    schemas.definitions_mut().extend(bodies::bodies());
    let mut paths = Map::new();
    if listen.drop_in {
        let by_phone = sap::asks_only_by_phone(config.systems.first());
        let asked = Asked {
            dialled: example(drop_in::body).unwrap_or_default(),
            schema: "DialAsCloudForCustomer",
            fault: DropInError::NoFilter.to_string(),
            informs: false,
        };
        let about = About {
            id: "cloudForCustomer".to_owned(),
            summary: "The same question as SAP Cloud for Customer is asked it",
            parameters: of_cloud_for_customer(by_phone),
        };
        paths.insert(drop_in::PATH.to_owned(), path(config, site, &about, &asked));
    }
    if let Some(names) = &listen.caller_information {
        let (about, asked) = caller::caller(config, names);
        paths.insert(names.path.clone(), path(config, site, &about, &asked));
    }
    let fault = QueryError::Missing(NUMBER).to_string();
    let asked = Asked::own(&example(dial_head).unwrap_or_default(), fault);
    let about = About {
        id: "onClickToDial".to_owned(),
        summary: "Is this number dialled for this business partner, and showing which number?",
        parameters: own_parameters(),
    };
    // A path that is the other one's, too, is answered as jtel's own.
    paths.insert(listen.path.clone(), path(config, site, &about, &asked));
    // Answered in the same way, from other systems.
    for (place, own) in config.systems.paths().into_iter().enumerate() {
        let about = About { id: format!("{}At{}", about.id, place + 1), ..about.clone() };
        paths.insert(own.to_owned(), path(config, site, &about, &asked));
    }

    let not_here = |name: &str, answer| {
        let (_, response) = answer::of_one_status(&[answer], config.answers, "");
        (name.to_owned(), response)
    };
    let [no_path, no_method] = NOT_HERE;
    let responses = [not_here("NoSuchPath", no_path), not_here("MethodNotAllowed", no_method)];
    let mut security_schemes = Map::new();
    for (name, proof) in ways(config) {
        security_schemes.insert(name.to_owned(), scheme(config, proof));
    }
    Endpoint { paths, responses: responses.into_iter().collect(), security_schemes }
}

/// How clients of the configuration show who they are, under the names of the schemes.
fn ways(config: &Config) -> impl Iterator<Item = (&'static str, Proof)> {
    let all = [
        (CLIENT, Proof::Password),
        ("clientKey", Proof::Key),
        ("clientCertificate", Proof::Certificate),
    ];
    all.into_iter().filter(|(_, proof)| !names_with(config, *proof).is_empty())
}

fn names_with(config: &Config, proof: Proof) -> Vec<&str> {
    let has = |client: &&Client| client.any_of.and(client.all_of).has(proof);
    config.clients.iter().filter(has).map(|client| client.name.as_str()).collect()
}

fn scheme(config: &Config, proof: Proof) -> Value {
    let names = names_with(config, proof).join(", ");
    match proof {
        Proof::Key => json!({ "type": "http", "scheme": "bearer",
            "description": format!("A key of a client ({names}), as `dialgate secret new --key NAME` makes it.") }),
        Proof::Certificate => json!({ "type": "mutualTLS",
            "description": format!("The certificate of a client ({names}).") }),
        Proof::Password | Proof::Address => json!({ "type": "http", "scheme": "basic",
            "description": format!(
                "User and password of a client ({names}), as `dialgate secret new NAME` makes them."
            ) }),
    }
}

/// What is special about one of the two paths.
#[derive(Clone)]
struct About {
    id: String,
    summary: &'static str,
    parameters: Vec<Value>,
}

fn path(config: &Config, site: Site, about: &About, asked: &Asked) -> Value {
    let with_body = answer::describe(config, asked);
    let mut without_body = with_body.clone();
    for response in without_body.values_mut().filter_map(Value::as_object_mut) {
        response.remove("content");
    }
    let security: Value = ways(config).map(|(name, _)| json!({ name: [] })).collect();
    let operation = |id: String, responses| {
        json!({
            "operationId": id,
            "tags": ["jtel"],
            "summary": about.summary,
            "description": told(config),
            "parameters": about.parameters,
            "responses": responses,
            "security": security,
        })
    };
    json!({
        "servers": [server(site)],
        "get": operation(about.id.clone(), with_body),
        "head": operation(format!("{}Head", about.id), without_body),
        "x-other-methods": reference("responses", "MethodNotAllowed"),
    })
}

/// Where the endpoint listens; the name under which it is reached is known to whoever asks.
fn server(site: Site) -> Value {
    let (scheme, address) = (site.scheme(), site.address);
    let told = if site.tls {
        "jtel's endpoint"
    } else {
        "jtel's endpoint; a load balancer in front of it ends TLS"
    };
    if address.ip().is_unspecified() {
        let host = json!({ "default": "localhost", "description": "a name in the certificate" });
        let url = format!("{scheme}://{{host}}:{}", address.port());
        return json!({ "url": url, "description": told, "variables": { "host": host } });
    }
    json!({ "url": format!("{scheme}://{address}"), "description": told })
}

fn told(config: &Config) -> String {
    let limits = &config.listen.limits;
    let unknown = match config.query.unknown_parameters {
        UnknownParameters::Ignore => "ignored",
        UnknownParameters::Refuse => "refused with 400",
    };
    let statuses = match config.answers {
        Answers::Jtel => "only statuses that jtel documents",
        Answers::Http => "a status of its own for each case",
    };
    format!(
        "Answered within {:?}, {} calls at once, with {statuses} (`answers`). Path and query have at \
         most {} bytes, the head of a request {} bytes and {} fields. A parameter that is there twice \
         is refused; one that is not named here is {unknown}. A request has no body.",
        config.deadline,
        config.listen.max_calls,
        limits.uri_bytes,
        limits.header_bytes,
        limits.headers,
    )
}

fn anchored(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{pattern}$") })
}

fn trace() -> Value {
    json!({
        "name": "traceparent",
        "in": "header",
        "required": false,
        "description": "W3C Trace Context: the trace that records and requests to SAP belong to. Taken \
            from clients with a password; what cannot be read is ignored.",
        "schema": { "type": "string" },
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    })
}

fn own_parameters() -> Vec<Value> {
    let mut number = anchored(DialledNumber::PATTERN);
    if let Some(number) = number.as_object_mut() {
        // No format of a registry: a hint for whoever makes up examples.
        number.insert("format".to_owned(), "telephone-number".into());
    }
    // In words, because `maxLength` counts characters.
    let told = format!(
        "The number to be dialled: with + or 00 and country code, with the country code alone, or \
         as it is written at home (`query.default_country`); blanks, dashes and slashes do not \
         count, and a plus that is not escaped is a plus. What the numbering plan does not know \
         is refused with 400; plus, country code and number never are. At most {} bytes.",
        DialledNumber::LONGEST
    );
    vec![
        in_query(
            PARTNER,
            true,
            "The business partner's ID, as SAP shows it.",
            &anchored(PartnerId::PATTERN),
            &[EXAMPLE_PARTNER],
        ),
        in_query(NUMBER, true, &told, &number, &[EXAMPLE_NUMBER, "00498946149500", "498946149500"]),
        trace(),
    ]
}

fn of_cloud_for_customer(by_phone: bool) -> Vec<Value> {
    // As `drop_in` reads it: a blank behind `eq` may be missing where a quote follows.
    let filter = |property: &str, value: &str| {
        anchored(&format!(
            "{BLANK}*{property} {BLANK}*eq({BLANK}*'{value}'|{BLANK}+{value}){BLANK}*"
        ))
    };
    let filter = if by_phone {
        let number = format!("{BLANK}*{}", DialledNumber::PATTERN);
        let told = "Whom to look for: the partner with this number.";
        let example = format!("{PHONE} eq '{EXAMPLE_NUMBER}'");
        in_query(FILTER, true, told, &filter(PHONE, &number), &[&example])
    } else {
        let told = "Whom to look for: the partner with this ID.";
        let example = format!("{CUSTOMER} eq '{EXAMPLE_PARTNER}'");
        in_query(FILTER, true, told, &filter(CUSTOMER, PartnerId::PATTERN), &[&example])
    };
    let only = |name, value: &str| {
        let told = "Makes no difference; what else there is in Cloud for Customer is not answered.";
        in_query(name, false, told, &anchored(&format!("{BLANK}*{value}{BLANK}*")), &[value])
    };
    let mut all = vec![filter, only(EXPAND, SALES_DATA), only(FORMAT, "json")];
    let any = json!({ "type": "string" });
    all.extend(WITHOUT_EFFECT.map(|name| in_query(name, false, "Makes no difference.", &any, &[])));
    all.push(trace());
    all
}

/// What would be written of an example.
fn example<T>(write: impl FnOnce(&Dial<'_>) -> T) -> Option<T> {
    let channel = DistributionChannel::parse("Direct sales").ok()?;
    let country = CountryCode::parse("DE").ok()?;
    Some(write(&Dial {
        channel: &channel,
        country,
        contract_number: &ContractNumber::of(&channel, country),
        service_number: ServiceNumber::parse("498912345678").ok(),
        by_default: false,
        caller_id: CallerId::Unchecked,
    }))
}
