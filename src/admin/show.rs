//! What the admin listener shows: each view, and its twin for programs.

use std::sync::Arc;

use http::{Response, StatusCode, header::ACCEPT, request::Parts};
use uuid::{Uuid, fmt::Hyphenated};

use super::{
    Admin,
    check::Ready,
    coverage::Coverage,
    decisions::{self, LISTABLE, Only, Wanted},
    events::{Events, Topic},
    form::Form,
    guard::{Token, Who},
    openapi, page,
    reply::{HTML, METRICS, Reply, SCRIPT, STYLE, events, json, of_kind, text},
    routes::{self, Shown},
    texts::{KINDS, UNKNOWN_CALL, WHICH},
};
use crate::telemetry::clock::CallId;

impl Admin {
    /// The answer to GET.
    pub(super) fn show(&self, shown: Shown, request: &Parts, who: Who) -> Response<Reply> {
        let form = Form::read(request.uri.query().unwrap_or_default());
        match shown {
            Shown::Page => self.page(&form),
            Shown::Help => text(StatusCode::OK, routes::help()),
            Shown::HelpAsJson => json(&routes::list()),
            Shown::Style => of_kind(STYLE, StatusCode::OK, page::STYLE),
            Shown::Script => of_kind(SCRIPT, StatusCode::OK, page::SCRIPT),
            Shown::Status => json(&self.view.status()),
            Shown::Decisions | Shown::DecisionsAsJson => self.decisions(shown, &form),
            Shown::Warnings => json(&page::told(&self.view.warnings())),
            Shown::Explain | Shown::ExplainAsJson => self.explain(shown, request, &form),
            Shown::Events => self.listen(&form),
            Shown::Runbook => of_kind(HTML, StatusCode::OK, page::runbook()),
            Shown::Metrics => self.metrics(),
            Shown::Lives => text(StatusCode::OK, "ok"),
            Shown::IsReady => self.ready(form.has("verbose") && who != Who::Stranger),
            Shown::IsReadyAsJson => {
                let ready = Ready::of(self.view.readiness.checks());
                let mut answer = json(&ready);
                *answer.status_mut() = status_of(ready.is_ready());
                answer
            }
            Shown::Coverage => {
                let terms = self.view.gateway.terms();
                json(&Coverage::of(&self.view.partners, &terms.config.rules.service_numbers))
            }
            Shown::Parity => json(&self.view.gateway.parity().reports()),
            Shown::OpenApi => {
                json(&openapi::document(&self.view.gateway.terms().config, &self.sites))
            }
        }
    }

    fn page(&self, form: &Form) -> Response<Reply> {
        let Some(only) = Only::of(form) else { return text(StatusCode::BAD_REQUEST, KINDS) };
        let token = self.token.as_ref().map(Token::as_str);
        of_kind(HTML, StatusCode::OK, page::status(&self.view.parts(only), token))
    }

    fn decisions(&self, shown: Shown, form: &Form) -> Response<Reply> {
        let Some(only) = Only::of(form) else { return text(StatusCode::BAD_REQUEST, KINDS) };
        let Some(most) = decisions::most(form) else {
            let (least, most) = (LISTABLE.start(), LISTABLE.end());
            let told = format!("write ?most=N, a number from {least} to {most}\n");
            return text(StatusCode::BAD_REQUEST, told);
        };
        let lines = self.view.lines(only, most);
        if shown == Shown::DecisionsAsJson {
            json(&lines)
        } else {
            of_kind(HTML, StatusCode::OK, page::list(only, &lines))
        }
    }

    fn explain(&self, shown: Shown, request: &Parts, form: &Form) -> Response<Reply> {
        // A refusal has it as a URN, too.
        let bare = |call| str::strip_prefix(call, "urn:uuid:").unwrap_or(call);
        let call = form.get("call").and_then(|call| bare(call).parse::<Hyphenated>().ok());
        let Some(call) = call.map(Uuid::from) else {
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
        if shown == Shown::ExplainAsJson {
            json(&story)
        } else if wants_html {
            of_kind(HTML, StatusCode::OK, page::story(&story))
        } else {
            text(StatusCode::OK, story.text())
        }
    }

    fn listen(&self, form: &Form) -> Response<Reply> {
        let topic = match form.get("of") {
            None if !form.has("of") => Some(Topic::Status),
            word => Topic::ALL.into_iter().find(|topic| word == Some(topic.label())),
        };
        let Some(topic) = topic else {
            return text(StatusCode::BAD_REQUEST, "write ?of=status, decisions or page\n");
        };
        let Some(wanted) = Wanted::of(form) else { return text(StatusCode::BAD_REQUEST, WHICH) };
        match Events::new(Arc::clone(&self.view), topic, wanted, &self.listeners, &self.end) {
            Some(stream) => events(stream),
            None => {
                text(StatusCode::SERVICE_UNAVAILABLE, "too many listen already; try again later\n")
            }
        }
    }

    fn metrics(&self) -> Response<Reply> {
        self.view.count();
        match self.view.metrics.render() {
            Ok(metrics) => of_kind(METRICS, StatusCode::OK, metrics),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be rendered");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered")
            }
        }
    }

    fn ready(&self, verbose: bool) -> Response<Reply> {
        let checks = self.view.readiness.checks();
        let status = status_of(checks.iter().all(|check| check.passed));
        if !verbose {
            return text(status, if status.is_success() { "ready" } else { "not ready" });
        }
        let lines = checks.into_iter().map(|check| {
            let mark = if check.passed { '+' } else { '-' };
            format!("[{mark}] {}: {}\n", check.name, check.text)
        });
        text(status, lines.collect::<String>())
    }
}

/// For load balancers.
fn status_of(is_ready: bool) -> StatusCode {
    if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
