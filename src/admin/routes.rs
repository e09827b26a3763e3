//! What there is on the admin listener: one table, by which requests find their answer, `/help` tells
//! them, and `/openapi.json` describes them.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::actions::Action;

/// What is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shown {
    Page,
    Status,
    Decisions,
    DecisionsAsJson,
    Explain,
    ExplainAsJson,
    Events,
    Warnings,
    Coverage,
    Parity,
    Runbook,
    Metrics,
    Lives,
    IsReady,
    IsReadyAsJson,
    OpenApi,
    Help,
    HelpAsJson,
    Style,
    Script,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Leads {
    /// Asked with GET or HEAD.
    To(Shown),
    /// Asked with POST.
    Does(Action),
}

impl Leads {
    /// Load balancers have no password, and whether calls can be sent here is no secret.
    pub(super) fn are_for_strangers(self) -> bool {
        matches!(self, Self::To(Shown::Lives | Shown::IsReady))
    }
}

/// A path.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) leads: Leads,
    /// What there is, in one line.
    pub(super) what: &'static str,
    /// What may be written behind the path, for people.
    example: &'static str,
}

impl Route {
    const fn to(path: &'static str, shown: Shown, what: &'static str) -> Self {
        Self { path, leads: Leads::To(shown), what, example: "" }
    }

    const fn does(path: &'static str, action: Action, what: &'static str) -> Self {
        Self { path, leads: Leads::Does(action), what, example: "" }
    }

    const fn with(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// All of them, in the order in which `/help` tells them.
pub(super) const ROUTES: [Route; 26] = [
    Route::to("/", Shown::Page, "the status page"),
    Route::to("/status.json", Shown::Status, "the same for programs"),
    Route::to("/decisions", Shown::Decisions, "the last decisions (?most=200, ?only=refused or sap)"),
    Route::to("/decisions.json", Shown::DecisionsAsJson, "the same for programs"),
    Route::to("/explain", Shown::Explain, "why a call was decided so").with("?call=ID"),
    Route::to("/explain.json", Shown::ExplainAsJson, "the same for programs").with("?call=ID"),
    Route::to(
        "/events",
        Shown::Events,
        "the state once a second, as server-sent events (?of=status, decisions, page; of decisions also ?only=, ?client=, ?reason=, ?source=)",
    ),
    Route::to("/warnings.json", Shown::Warnings, "the last warnings of the log"),
    Route::to(
        "/coverage.json",
        Shown::Coverage,
        "the contract numbers that SAP's answers have led to",
    ),
    Route::to(
        "/parity.json",
        Shown::Parity,
        "what calls would be told by another system's answers (compare_with)",
    ),
    Route::to("/runbook", Shown::Runbook, "what to do about each alert"),
    Route::to("/metrics", Shown::Metrics, "everything Prometheus wants to know"),
    Route::to("/livez", Shown::Lives, "200 while the process lives"),
    Route::to(
        "/readyz",
        Shown::IsReady,
        "200 while calls can be sent here; ?verbose says why not",
    ),
    Route::to("/readyz.json", Shown::IsReadyAsJson, "the same, and why not, for programs"),
    Route::to(
        "/openapi.json",
        Shown::OpenApi,
        "jtel's endpoint and this listener, as OpenAPI 3.1 describes them",
    ),
    Route::to("/help", Shown::Help, "this"),
    Route::to("/help.json", Shown::HelpAsJson, "the same for programs"),
    Route::to("/page.css", Shown::Style, "the style of the pages"),
    Route::to("/page.js", Shown::Script, "the script of the pages"),
    Route::does("/reload", Action::Reload, "read the configuration and its files again"),
    Route::does(
        "/sap/retry-login",
        Action::RetryLogin,
        "ask SAP again after it refused our credentials; once a minute",
    ),
    Route::does(
        "/sap/reset-breaker",
        Action::ResetBreaker,
        "ask SAP again although it failed too often",
    ),
    Route::does("/memory/forget", Action::Forget, "forget a partner (partner=ID in the body)"),
    Route::does(
        "/log",
        Action::Log,
        "another log level for ten minutes: error, warn, info, debug; or configured, the one of the \
         configuration again",
    )
    .with("?level=debug"),
    Route::does("/drain", Action::Drain, "not ready; answer what is in progress, then end"),
];

/// Where a path leads; `None`: there is no such path.
pub(super) fn at(path: &str) -> Option<Leads> {
    ROUTES.iter().find(|route| route.path == path).map(|route| route.leads)
}

/// A line of the table, for programs.
#[derive(JsonSchema, Serialize)]
pub(super) struct RouteLine {
    method: &'static str,
    path: &'static str,
    /// What may be written behind the path; empty: nothing.
    example: &'static str,
    what: &'static str,
}

/// The table for programs.
pub(super) fn list() -> Vec<RouteLine> {
    let line = |route: &Route| RouteLine {
        method: if matches!(route.leads, Leads::To(_)) { "GET" } else { "POST" },
        path: route.path,
        example: route.example,
        what: route.what,
    };
    ROUTES.iter().map(line).collect()
}

/// The table for people.
pub(super) fn help() -> String {
    let lines = |method: &str, is_wanted: fn(Leads) -> bool| {
        let wanted = ROUTES.iter().filter(|route| is_wanted(route.leads));
        wanted.fold(String::new(), |mut text, route| {
            let path = [route.path, route.example].concat();
            // Writing to a text cannot fail.
            writeln!(text, "{method:<4} {path:<22} {}", route.what).unwrap_or_default();
            text
        })
    };
    let shown = lines("GET", |leads| matches!(leads, Leads::To(_)));
    let done = lines("POST", |leads| matches!(leads, Leads::Does(_)));
    format!("dialgate admin listener\n\n{shown}\nFrom this machine, or by an operator:\n\n{done}")
}
