//! The second listener: metrics, health, the status page, and the few things an operator says to a
//! running gateway.
//!
//! On loopback unless the configuration says who may come from elsewhere. Every view of the page has a
//! twin in JSON; whatever changes something is a POST (`guard` says whose).

mod actions;
mod check;
mod configuration;
mod decisions;
mod events;
mod form;
mod guard;
mod page;
mod problems;
mod pulse;
mod ready;
mod reply;
mod runbook;
mod status;
mod story;
mod texts;
mod view;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
    request::Parts,
};
use hyper::body::Incoming;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    gateway::Gateway,
    lookup::Partners,
    net::{Limits, Peer, body::read_bounded, wire},
    telemetry::{
        clock::CallId,
        logging::{LogControl, Warnings},
        metrics::Metrics,
    },
};

use actions::{Action, Actions};
use decisions::{LISTABLE, Only};
use events::{Events, Listeners, Topic};
use form::Form;
use guard::{FailedLogins, Token, Who};
use pulse::Pulse;
use reply::{HTML, allow, events, json, of_kind, text};
use texts::{KINDS, NOT_FOR_YOU, OVERVIEW, UNKNOWN_CALL, WHO};
use view::View;

pub use configuration::{ConfigStatus, ReloadRequest, Reloaded, Reloads};
pub use ready::Readiness;
pub use reply::Reply;

/// What Prometheus asks for since 0.0.4 of its text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Our forms are far shorter, in bytes.
const LONGEST_FORM: usize = 4096;

/// The longest wait for a form.
const FORM_WITHIN: Duration = Duration::from_secs(5);

/// Answers on the admin listener.
pub struct Admin {
    view: Arc<View>,
    actions: Actions,
    limits: Limits,
    token: Option<Token>,
    listeners: Listeners,
    failed_logins: FailedLogins,
    end: CancellationToken,
    /// On loopback a browser can be made to come here under a foreign name (DNS rebinding).
    loopback: bool,
}

impl Admin {
    /// `loopback`: the listener is on a loopback address.
    pub fn new(
        metrics: Arc<Metrics>,
        partners: Arc<Partners>,
        gateway: Arc<Gateway>,
        readiness: Arc<Readiness>,
        reloads: Reloads,
        limits: Limits,
        loopback: bool,
    ) -> Self {
        let pulse = Pulse::new(Arc::clone(&metrics));
        let warnings = Warnings::default();
        let view = View { metrics, partners, gateway, readiness, pulse, warnings };
        Self {
            view: Arc::new(view),
            actions: Actions {
                reloads,
                log: None,
                last_retry: Mutex::default(),
                drain: Notify::new(),
            },
            limits,
            token: Token::new(),
            listeners: Listeners::default(),
            failed_logins: FailedLogins::default(),
            end: CancellationToken::new(),
            loopback,
        }
    }

    /// Shows this log's warnings, and changes its level when told to.
    #[must_use]
    pub fn with_log(self, log: LogControl) -> Self {
        let View { metrics, partners, gateway, readiness, .. } = &*self.view;
        let view = View {
            metrics: Arc::clone(metrics),
            partners: Arc::clone(partners),
            gateway: Arc::clone(gateway),
            readiness: Arc::clone(readiness),
            pulse: Pulse::new(Arc::clone(metrics)),
            warnings: log.warnings().clone(),
        };
        let actions = Actions { log: Some(log), ..self.actions };
        Self { view: Arc::new(view), actions, ..self }
    }

    /// Looks at the metrics once a second, as long as it is awaited.
    pub async fn keep_pulse(&self) {
        let view = &self.view;
        view.pulse.beat(|| view.gateway.terms().sap.silent_for().is_some()).await;
    }

    /// Waits until an operator wants the drain.
    pub async fn drain_wanted(&self) {
        self.actions.drain.notified().await;
    }

    /// Ends the answers that go on.
    pub fn end(&self) {
        self.end.cancel();
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        if let Err(fault) = wire::check(&request, &self.limits) {
            return text(StatusCode::BAD_REQUEST, fault.text());
        }
        if self.loopback && !guard::names_this_machine(&request) {
            return text(StatusCode::MISDIRECTED_REQUEST, "ask for localhost or an IP address");
        }
        let path = request.uri().path();
        let terms = self.view.gateway.terms();
        let who = Who::of(&terms.config.admin, request.headers(), peer);
        // Load balancers have no password; whether calls can be sent here is no secret.
        if who == Who::Stranger && !matches!(path, "/livez" | "/readyz") {
            return self.turned_away(request.headers(), peer);
        }
        let action = Action::at(path);
        match (action, request.method()) {
            (Some(action), &Method::POST) => self.change(action, request, peer, who).await,
            (Some(_), _) => allow("POST"),
            // Load balancers ask with HEAD; hyper leaves the body away.
            (None, &(Method::GET | Method::HEAD)) => self.show(&request.into_parts().0, who),
            (None, _) => allow("GET, HEAD"),
        }
    }

    /// A browser asks for the password then.
    fn turned_away(&self, headers: &HeaderMap, peer: &Peer) -> Response<Reply> {
        if headers.contains_key(AUTHORIZATION) {
            self.view.metrics.admin_login_failed();
            self.failed_logins.note(peer.address.ip());
        }
        let mut response = text(StatusCode::UNAUTHORIZED, WHO);
        let challenge =
            HeaderValue::from_static(r#"Basic realm="dialgate admin", charset="UTF-8""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }

    async fn change(
        &self,
        action: Action,
        request: Request<Incoming>,
        peer: &Peer,
        who: Who,
    ) -> Response<Reply> {
        let (parts, body) = request.into_parts();
        let query = Form::read(parts.uri.query().unwrap_or_default());
        let Ok(Ok(body)) = timeout(FORM_WITHIN, read_bounded(body, LONGEST_FORM)).await else {
            return text(StatusCode::BAD_REQUEST, "the body is too long, or did not come\n");
        };
        let form = query.and(Form::read(&String::from_utf8_lossy(&body)));
        let request = Request::from_parts(parts, ());
        if !guard::may_change(&request, peer, who, self.token.as_ref(), form.get("token")) {
            return text(StatusCode::FORBIDDEN, NOT_FOR_YOU);
        }
        self.actions.act(action, &form, peer.address.ip(), &self.view).await
    }

    fn show(&self, request: &Parts, who: Who) -> Response<Reply> {
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
