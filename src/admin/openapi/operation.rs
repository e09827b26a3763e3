//! What each route takes, and what it answers.

use http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    admin::{
        actions::{Action, CONFIGURED},
        check::Ready,
        coverage::Coverage,
        decisions::{DecisionLine, LISTABLE, LISTED, Only},
        events::{Part, Topic},
        page::WarningLine,
        reply::{EVENTS, HTML, JSON, METRICS, SCRIPT, STYLE, TEXT},
        routes::{RouteLine, Shown},
        status::Status,
        story::Story,
        words::{reasons, sources},
    },
    domain::PartnerId,
    gateway::{
        ParityReport,
        schema::{BLANK, in_query, words},
    },
    telemetry::logging::PassingLevel,
};

/// How a call is named: as answers and records do, or as a refusal's `instance` does.
const CALL: &str = "^(urn:uuid:)?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

/// An answer: status, what is the case, and bodies by their kind.
pub(super) type Told = (StatusCode, &'static str, Vec<(&'static str, Value)>);

/// What is special about a route.
#[derive(Default)]
pub(super) struct Operation {
    pub(super) parameters: Vec<Value>,
    pub(super) form: Option<Value>,
    pub(super) answers: Vec<Told>,
}

pub(super) fn any_text() -> Value {
    json!({ "type": "string" })
}

/// What a view takes, and what it shows.
pub(super) fn of_view(shown: Shown, schemas: &mut SchemaGenerator) -> Operation {
    let with_text = |kind| Operation::answering("As the summary says.", vec![(kind, any_text())]);
    match shown {
        Shown::Page => with_text(HTML).taking(only()).or_bad("`only` is no such word."),
        Shown::Runbook => with_text(HTML),
        Shown::Help | Shown::Lives => with_text(TEXT),
        Shown::Metrics => {
            with_text(METRICS).or(StatusCode::INTERNAL_SERVER_ERROR, "A mistake in this program.")
        }
        Shown::Style => with_text(STYLE),
        Shown::Script => with_text(SCRIPT),
        Shown::Status => with_json::<Status>(schemas),
        Shown::HelpAsJson => with_json::<Vec<RouteLine>>(schemas),
        Shown::IsReady => readiness(with_text(TEXT)),
        Shown::IsReadyAsJson => readiness_as_json(schemas),
        Shown::Warnings => with_json::<Vec<WarningLine>>(schemas),
        Shown::Coverage => with_json::<Coverage>(schemas),
        Shown::Parity => with_json::<Vec<ParityReport>>(schemas),
        Shown::OpenApi => {
            Operation::answering("This document.", vec![(JSON, json!({ "type": "object" }))])
        }
        Shown::Decisions => with_text(HTML).of_decisions(),
        Shown::DecisionsAsJson => with_json::<Vec<DecisionLine>>(schemas).of_decisions(),
        Shown::Explain => {
            let kinds = vec![(TEXT, any_text()), (HTML, any_text())];
            Operation::answering("As a text, or as a page where Accept has `text/html`.", kinds)
                .of_a_call()
        }
        Shown::ExplainAsJson => with_json::<Story>(schemas).of_a_call(),
        Shown::Events => of_events(schemas),
    }
}

fn readiness(answer: Operation) -> Operation {
    let told = "Say why, check by check; whatever the value.";
    let mut verbose = in_query("verbose", false, told, &any_text(), &[""]);
    if let Some(verbose) = verbose.as_object_mut() {
        verbose.insert("allowEmptyValue".to_owned(), true.into());
    }
    answer.taking(verbose).or(StatusCode::SERVICE_UNAVAILABLE, "Calls cannot be sent here.")
}

fn readiness_as_json(schemas: &mut SchemaGenerator) -> Operation {
    let mut ready = with_json::<Ready>(schemas);
    let bodies = vec![(JSON, schemas.subschema_for::<Ready>().to_value())];
    ready.answers.push((StatusCode::SERVICE_UNAVAILABLE, "Calls cannot be sent here.", bodies));
    ready
}

fn of_events(schemas: &mut SchemaGenerator) -> Operation {
    let topics = Topic::ALL.map(Topic::label);
    let told = "What to hear of; without it, of the state.";
    let topic = in_query("of", false, told, &words(topics).to_value(), &topics);
    let told = "Goes on until one of the two ends; the schema is that of each event.";
    let event = |name: &str, data: Value| {
        json!({
            "type": "object",
            "required": ["event", "data"],
            "properties": {
                "event": { "const": name },
                "data": {
                    "type": "string",
                    "contentMediaType": JSON,
                    "contentSchema": data,
                },
            },
        })
    };
    let events = json!({ "oneOf": [
        event("status", schemas.subschema_for::<Status>().to_value()),
        event("decision", schemas.subschema_for::<DecisionLine>().to_value()),
        event("missed", any_text()),
        event("part", schemas.subschema_for::<Part<'_>>().to_value()),
    ] });
    Operation::answering(told, vec![(EVENTS, events)])
        .taking(topic)
        .taking(only())
        .taking(in_query("client", false, "Decisions of calls of this client.", &any_text(), &[]))
        .taking(in_query(
            "reason",
            false,
            "Decisions for this reason.",
            &reasons(schemas).to_value(),
            &[],
        ))
        .taking(in_query(
            "source",
            false,
            "Decisions on facts from there.",
            &sources(schemas).to_value(),
            &[],
        ))
        .or_bad("A parameter is there twice, or is no such word.")
        .or(StatusCode::SERVICE_UNAVAILABLE, "Too many listen already.")
}

fn with_json<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Operation {
    let schema = schemas.subschema_for::<T>().to_value();
    Operation::answering("As the summary says.", vec![(JSON, schema)])
}

fn only() -> Value {
    let kinds = words(Only::EACH.map(Only::label)).to_value();
    in_query("only", false, "Decisions of this kind; without it, all.", &kinds, &[])
}

fn most() -> Value {
    let schema = json!({
        "type": "integer", "minimum": LISTABLE.start(), "maximum": LISTABLE.end(), "default": LISTED,
    });
    in_query("most", false, "So many of them.", &schema, &[])
}

/// What an action takes, and what comes of it.
pub(super) fn of_action(action: Action) -> Operation {
    let done = |told| Operation::answering(told, vec![(TEXT, any_text())]);
    let operation = match action {
        Action::Reload => done("It is in force, or nothing has changed.")
            .or(StatusCode::UNPROCESSABLE_ENTITY, "It has findings, and nothing has changed.")
            .or(StatusCode::SERVICE_UNAVAILABLE, "The process is about to end."),
        Action::RetryLogin => done("SAP is asked again.")
            .or(StatusCode::TOO_MANY_REQUESTS, "Not again yet: SAP locks users."),
        Action::ResetBreaker => done("The breaker is closed."),
        Action::Forget => {
            let partner = json!({
                "type": "string",
                "pattern": format!("^{BLANK}*{}{BLANK}*$", PartnerId::PATTERN),
                "description": "The partner's ID, as SAP shows it.",
                "examples": ["1001910"],
            });
            done("Nothing is remembered of the partner any more.")
                .with("partner", &partner)
                .or_bad("`partner` is missing, or no partner's ID.")
        }
        Action::Log => {
            let levels = PassingLevel::ALL.map(PassingLevel::label);
            let mut level = words(levels.into_iter().chain([CONFIGURED])).to_value();
            let told = "Stands in the query as well, as `?level=debug`, but not in both.";
            if let Some(level) = level.as_object_mut() {
                level.insert("description".to_owned(), told.into());
            }
            done("The level, and until when.")
                .with("level", &level)
                .or_bad("`level` is missing, or no such word.")
                .or(StatusCode::NOT_FOUND, "This process has no log.")
        }
        Action::Drain => {
            let told =
                "Not ready from now on; what is in progress is answered, then the process ends.";
            let answers = vec![(StatusCode::ACCEPTED, told, vec![(TEXT, any_text())])];
            Operation { answers, ..Operation::default() }
        }
    };
    operation.or(StatusCode::FORBIDDEN, "Not from there, or a form without the token.")
}

impl Operation {
    pub(super) fn answers_with(&self, status: StatusCode) -> bool {
        self.answers.iter().any(|(other, ..)| *other == status)
    }

    fn answering(told: &'static str, bodies: Vec<(&'static str, Value)>) -> Self {
        Self { answers: vec![(StatusCode::OK, told, bodies)], ..Self::default() }
    }

    fn taking(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// With a field of the form.
    fn with(self, name: &str, field: &Value) -> Self {
        let form = json!({ "type": "object", "required": [name], "properties": { name: field } });
        Self { form: Some(form), ..self }
    }

    fn or(mut self, status: StatusCode, told: &'static str) -> Self {
        self.answers.push((status, told, vec![(TEXT, any_text())]));
        self
    }

    fn or_bad(self, told: &'static str) -> Self {
        self.or(StatusCode::BAD_REQUEST, told)
    }

    fn of_decisions(self) -> Self {
        self.taking(most())
            .taking(only())
            .or_bad("`most` is no such number, or `only` no such word.")
    }

    fn of_a_call(self) -> Self {
        let told = "The `callId` of an answer or record, or the `instance` of a refusal.";
        let schema = json!({ "type": "string", "pattern": CALL });
        let example = "019abaf0-52c3-7d04-8a7b-3f5e6c1d2e4f";
        self.taking(in_query("call", true, told, &schema, &[example]))
            .or_bad("`call` is missing, or no call's name.")
            .or(StatusCode::NOT_FOUND, "This call is not known here (any more).")
    }
}
