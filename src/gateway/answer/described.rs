//! What can be said of the answers ahead: statuses, reasons, headers and bodies, all of them read off
//! answers as they are given, so that no document of them can say anything else.

use std::collections::BTreeMap;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Answer, Answers, Bytes, CallIdText, HeaderName, Problem, Reason, Request, Source, StatusCode,
    Text, WireFault, dial_body,
};
use crate::{
    config::Config,
    domain::CallerId,
    gateway::{
        facts::Told,
        known,
        schema::{headers_of, reference, words},
    },
    telemetry::clock::CallId,
};

/// The call of all examples.
const EXAMPLE_CALL: u128 = 0x019a_baf0_52c3_7d04_8a7b_3f5e_6c1d_2e4f;

/// Headers that some answers have, whatever their status.
const SOMETIMES: [HeaderName; 2] = [known::SERVER_TIMING, known::PROXY_STATUS];

/// The words for what a path is not there for.
pub(in crate::gateway) const NOT_HERE: [Answer; 2] = [Answer::NotFound, Answer::MethodNotAllowed];

/// How a form asks and is answered.
pub(in crate::gateway) struct Asked {
    /// The body of a 200.
    pub(in crate::gateway) dialled: Bytes,
    /// Its schema among the components.
    pub(in crate::gateway) schema: &'static str,
    /// What a question without its main parameter is told.
    pub(in crate::gateway) fault: String,
    /// Who calls is asked: nothing is decided.
    pub(in crate::gateway) informs: bool,
}

impl Asked {
    /// In jtel's own form: with this head of a 200.
    pub(in crate::gateway) fn own(head: &[u8], fault: String) -> Self {
        let dialled = dial_body(head, Source::Sap, &example_call());
        Self { dialled, schema: "Dial", fault, informs: false }
    }
}

/// Every status with which this form is answered under this configuration, by its number.
pub(in crate::gateway) fn describe(config: &Config, asked: &Asked) -> Map<String, Value> {
    let answers = config.answers;
    let mut by_status: BTreeMap<StatusCode, Vec<Answer>> = BTreeMap::new();
    for answer in given(config, asked) {
        by_status.entry(answer.status(answers)).or_default().push(answer);
    }
    let described =
        by_status.into_values().map(|given| of_one_status(&given, answers, asked.schema));
    let mut all: Map<_, _> = described.collect();
    // Not ours: what reads HTTP gives it, with no body and no other header.
    let told = "The head of the request is beyond `listen.limits`; the connection is closed.";
    all.insert("431".to_owned(), json!({ "description": told }));
    all
}

/// Answers of one status as the document has them: status and response.
pub(in crate::gateway) fn of_one_status(
    given: &[Answer],
    answers: Answers,
    dialled: &str,
) -> (String, Value) {
    let call = example_call();
    let responses: Vec<_> =
        given.iter().map(|answer| answer.response(answers, &call, &Request::new(()))).collect();
    let status = given.first().map_or(StatusCode::OK, |answer| answer.status(answers));
    let headers: Vec<_> = responses.iter().map(|response| response.headers().clone()).collect();
    let kind = responses.first().and_then(|response| response.headers().get("content-type"));
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut reasons: Vec<_> = given.iter().map(|answer| answer.verdict().reason()).collect();
    reasons.dedup();
    let schema = match status {
        StatusCode::OK => reference("schemas", dialled),
        status => json!({ "allOf": [
            reference("schemas", "Refusal"),
            { "properties": { "status": { "const": status.as_u16() }, "reason": words(reasons.iter().copied()) } },
        ] }),
    };
    let informs = given.iter().any(|answer| matches!(answer, Answer::Caller(..)));
    let description = match status {
        StatusCode::OK if informs => {
            "What SAP knows of the partner; nothing where it knows none, or \
            several."
                .to_owned()
        }
        StatusCode::OK => "The call goes out.".to_owned(),
        _ => format!("The call does not go out: `{}`.", reasons.join("`, `")),
    };
    let response = json!({
        "description": description,
        "headers": headers_of(&headers, &SOMETIMES),
        "content": { kind: { "schema": schema, "examples": examples(given, answers) } },
    });
    (status.as_str().to_owned(), response)
}

/// Everything that a question with GET can be answered with.
fn given(config: &Config, asked: &Asked) -> Vec<Answer> {
    let found = Source::ALL.into_iter().filter(|source| *source != Source::None);
    let dial =
        |source| Answer::Dial(Text::Whole(asked.dialled.clone()), source, CallerId::Unchecked);
    let tell = |source| {
        Told::ALL.map(|told| match told {
            Told::Found => Answer::Caller(asked.dialled.clone(), told, source),
            Told::Nobody | Told::Several => Answer::Caller("{}".into(), told, source),
        })
    };
    let mut all: Vec<_> = if asked.informs {
        // Nothing is told by default.
        found.filter(|source| *source != Source::Default).flat_map(tell).collect()
    } else {
        found.map(dial).collect()
    };
    for reason in Reason::ALL {
        match reason {
            Reason::BadQuery => all.push(Answer::BadQuery(asked.fault.clone())),
            Reason::Unauthorized if config.anybody_may_ask => {}
            Reason::Unauthorized => {
                let bar = config.wrong_credentials.and_then(|rules| rules.bar);
                all.extend(bar.map(|bar| Answer::Barred(bar.lasts)));
                all.push(Answer::UNAUTHORIZED);
            }
            Reason::SapUnavailable => {
                all.extend([false, true].map(|timed_out| Answer::SapUnavailable { timed_out }));
            }
            // Where a place among the requests to SAP was missing, nothing else is known either.
            Reason::Overloaded => all.push(Answer::OVERLOADED),
            Reason::NotRouted => all.push(Answer::NOT_ROUTED),
            Reason::AuditUnwritable if config.audit.is_none() => {}
            Reason::AuditUnwritable => all.push(Answer::UNRECORDED),
            // Nothing is decided.
            _ if asked.informs => {}
            decided => all.extend(Source::ALL.map(|source| Answer::Refuse(decided, source))),
        }
    }
    all.extend(WireFault::ALL.map(Answer::Malformed));
    all
}

/// A body for each reason, as it is given.
fn examples(given: &[Answer], answers: Answers) -> Map<String, Value> {
    let body = |answer: &Answer| match answer {
        Answer::Dial(Text::Head(body) | Text::Whole(body), ..) | Answer::Caller(body, ..) => {
            body.clone()
        }
        refused => refused.problem(refused.status(answers), &example_call()),
    };
    let example = |answer: &Answer| {
        let value: Value = serde_json::from_slice(&body(answer)).ok()?;
        let name = match answer.verdict().reason() {
            "none" if matches!(answer, Answer::Caller(..)) => "found",
            "none" => "dial",
            reason => reason,
        };
        Some((name.to_owned(), json!({ "value": value })))
    };
    // How else HTTP can be wrong is in the list of words.
    let kinds = given.iter().filter(|answer| !matches!(answer, Answer::Malformed(_)));
    kinds.filter_map(example).collect()
}

/// The word in a refusal: of a decision, of what is wrong with the HTTP, or of a path that is not
/// there.
pub(super) fn why(schemas: &mut SchemaGenerator) -> Schema {
    let told = |lines: Vec<(&str, String)>| {
        let lines = lines.into_iter().map(|(word, text)| format!("- `{word}`: {text}\n"));
        lines.collect::<String>()
    };
    let reasons = Reason::ALL
        .map(|reason| (reason.label(), Answer::Refuse(reason, Source::None).detail().to_owned()));
    let faults = WireFault::ALL.map(|fault| (fault.label(), fault.text().to_owned()));
    let not_here = NOT_HERE.map(|answer| (answer.verdict().reason(), answer.detail().to_owned()));
    let mut references = Vec::new();
    for (name, lines) in [
        ("Reason", reasons.to_vec()),
        ("WireFault", faults.to_vec()),
        ("NotHere", not_here.to_vec()),
    ] {
        let mut list = words(lines.iter().map(|(word, _)| *word));
        list.insert("description".to_owned(), told(lines).into());
        schemas.definitions_mut().insert(name.to_owned(), list.to_value());
        references.push(reference("schemas", name));
    }
    json_schema!({ "anyOf": references })
}

/// Adds the schema of a refusal.
pub(in crate::gateway) fn describe_refusal(schemas: &mut SchemaGenerator) {
    schemas.subschema_for::<Problem<'_>>();
}

fn example_call() -> CallIdText {
    CallId::from(Uuid::from_u128(EXAMPLE_CALL)).text()
}
