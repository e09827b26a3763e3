//! What the admin listener shows: each view, and its twin for programs.

use std::sync::Arc;

use http::{
    HeaderValue, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
    request::Parts,
};
use uuid::Uuid;

use super::{
    Admin,
    decisions::{self, LISTABLE, Only},
    events::{Events, Topic},
    form::Form,
    guard::{Token, Who},
    page,
    reply::{HTML, Reply, events, json, of_kind, text},
    texts::{KINDS, OVERVIEW, UNKNOWN_CALL},
};
use crate::telemetry::clock::CallId;

/// What Prometheus asks for since 0.0.4 of its text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Admin {
    /// The answer to GET.
    pub(super) fn show(&self, request: &Parts, who: Who) -> Response<Reply> {
        let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
        let form = Form::read(query);
        match path {
            "/" => self.page(&form),
            "/help" => text(StatusCode::OK, OVERVIEW),
            "/page.css" => of_kind("text/css; charset=utf-8", StatusCode::OK, page::STYLE),
            "/page.js" => of_kind("text/javascript; charset=utf-8", StatusCode::OK, page::SCRIPT),
            "/status.json" => json(&self.view.status()),
            "/decisions" | "/decisions.json" => self.decisions(path, &form),
            "/warnings.json" => json(&page::told(&self.view.warnings())),
            "/explain" | "/explain.json" => self.explain(request, &form),
            "/events" => self.listen(&form),
            "/runbook" => of_kind(HTML, StatusCode::OK, page::runbook()),
            "/metrics" => self.metrics(),
            "/livez" => text(StatusCode::OK, "ok"),
            "/readyz" => self.ready(form.has("verbose") && who != Who::Stranger),
            "/coverage.json" => self.coverage(),
            _ => text(StatusCode::NOT_FOUND, OVERVIEW),
        }
    }

    fn page(&self, form: &Form) -> Response<Reply> {
        let Some(only) = Only::of(form) else { return text(StatusCode::BAD_REQUEST, KINDS) };
        let token = self.token.as_ref().map(Token::as_str);
        of_kind(HTML, StatusCode::OK, page::status(&self.view.parts(only), token))
    }

    fn decisions(&self, path: &str, form: &Form) -> Response<Reply> {
        let Some(only) = Only::of(form) else { return text(StatusCode::BAD_REQUEST, KINDS) };
        let Some(most) = decisions::most(form) else {
            let (least, most) = (LISTABLE.start(), LISTABLE.end());
            let told = format!("write ?most=N, a number from {least} to {most}\n");
            return text(StatusCode::BAD_REQUEST, told);
        };
        let lines = self.view.lines(only, most);
        if path == "/decisions" {
            of_kind(HTML, StatusCode::OK, page::list(only, &lines))
        } else {
            json(&lines)
        }
    }

    fn explain(&self, request: &Parts, form: &Form) -> Response<Reply> {
        let call = form.get("call").and_then(|call| Uuid::try_parse(call).ok());
        let Some(call) = call else {
            return text(
                StatusCode::BAD_REQUEST,
                "write ?call=ID, the callId of an answer or record\n",
            );
        };
        let Some(story) = self.view.story(CallId::from(call)) else {
            return text(StatusCode::NOT_FOUND, UNKNOWN_CALL);
        };
        let wants_html = request
            .headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        if request.uri.path() == "/explain.json" {
            json(&story)
        } else if wants_html {
            of_kind(HTML, StatusCode::OK, page::story(&story))
        } else {
            text(StatusCode::OK, story.text())
        }
    }

    fn listen(&self, form: &Form) -> Response<Reply> {
        let topic = match form.get("of") {
            None if !form.has("of") => Topic::Status,
            Some("status") => Topic::Status,
            Some("decisions") => Topic::Decisions,
            Some("page") => Topic::Page,
            _ => return text(StatusCode::BAD_REQUEST, "write ?of=status, decisions or page\n"),
        };
        let Some(only) = Only::of(form) else { return text(StatusCode::BAD_REQUEST, KINDS) };
        match Events::new(Arc::clone(&self.view), topic, only, &self.listeners, &self.end) {
            Some(stream) => events(stream),
            None => {
                text(StatusCode::SERVICE_UNAVAILABLE, "too many listen already; try again later\n")
            }
        }
    }

    fn metrics(&self) -> Response<Reply> {
        self.view.count();
        match self.view.metrics.render() {
            Ok(metrics) => {
                let mut response = text(StatusCode::OK, metrics);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
                response
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be rendered");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered")
            }
        }
    }

    fn ready(&self, verbose: bool) -> Response<Reply> {
        let checks = self.view.readiness.checks();
        let status = if checks.iter().all(|check| check.passed) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        if !verbose {
            return text(status, if status.is_success() { "ready" } else { "not ready" });
        }
        let lines = checks.into_iter().map(|check| {
            let mark = if check.passed { '+' } else { '-' };
            format!("[{mark}] {}: {}\n", check.name, check.text)
        });
        text(status, lines.collect::<String>())
    }

    fn coverage(&self) -> Response<Reply> {
        let (all, without, overflowed) = self.view.partners.seen().all();
        let terms = self.view.gateway.terms();
        let configured = &terms.config.rules.service_numbers;
        let number = |contract: &str| configured.of_text(contract).map(|of| of.to_string());
        let seen: Vec<_> = all
            .iter()
            .map(|contract| {
                serde_json::json!({
                    "contractNumber": contract.contract_number,
                    "serviceNumber": number(&contract.contract_number),
                    "answers": contract.answers,
                })
            })
            .collect();
        json(&serde_json::json!({
            "seen": seen,
            "withoutContractNumber": without,
            "moreThanIsKept": overflowed,
        }))
    }
}
