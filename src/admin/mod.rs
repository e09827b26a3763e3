//! The second listener: metrics, health, the status page, and the few things an operator says to a
//! running gateway.
//!
//! On loopback unless the configuration says who may come from elsewhere. Every view of the page has a
//! twin in JSON; whatever changes something is a POST (`guard` says whose).

mod actions;
mod calls;
mod check;
mod configuration;
mod coverage;
mod decisions;
mod events;
mod form;
mod guard;
mod kept;
mod openapi;
mod page;
mod problems;
mod pulse;
mod ready;
mod reply;
mod routes;
mod runbook;
mod shared;
mod show;
mod status;
mod story;
mod systems;
mod texts;
mod view;
mod words;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use hyper::body::Incoming;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    gateway::{Gateway, Terms},
    lookup::Partners,
    net::{Limits, Peer, body::read_bounded, wire},
    telemetry::{
        logging::{LogControl, Warnings},
        metrics::Metrics,
    },
};

use actions::{Action, Actions};
use events::Listeners;
use form::Form;
use guard::{By, FailedLogins, Token, Who};
use pulse::Pulse;
use reply::{allow, text};
use routes::Leads;
use texts::{NOT_FOR_YOU, NOT_FROM_THERE, WHO};
use view::View;

pub use configuration::{ConfigStatus, ReloadRequest, Reloaded, Reloads};
pub use openapi::{Sites, document as openapi};
pub use ready::Readiness;
pub use reply::Reply;

/// Nobody looks at a password from there for so long.
fn barred(left: Duration) -> Response<Reply> {
    let mut response = text(
        StatusCode::TOO_MANY_REQUESTS,
        "too many wrong passwords came from this address; ask again later\n",
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(left.as_secs() + 1));
    response
}

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
    sites: Sites,
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
            sites: Sites::default(),
        }
    }

    /// `/openapi.json` says that the listeners are there, and not where the configuration in force
    /// would have them.
    #[must_use]
    pub fn listening_at(self, sites: Sites) -> Self {
        Self { sites, ..self }
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
        let look = || {
            // Here because somebody has to, and this comes by once a second.
            for barring in [view.gateway.barring(), view.gateway.admin_barring()] {
                barring.sweep(Instant::now());
            }
            view.gateway.terms().systems.iter().any(|sap| sap.silent_for().is_some())
        };
        view.pulse.beat(look).await;
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
        if !guard::may_see(&request) {
            return text(StatusCode::FORBIDDEN, NOT_FROM_THERE);
        }
        let leads = routes::at(request.uri().path());
        let terms = self.view.gateway.terms();
        let is_for_strangers = leads.is_some_and(Leads::are_for_strangers);
        let (config, from) = (&terms.config, peer.address.ip());
        let has_tried = request.headers().contains_key(AUTHORIZATION);
        if let Some(rules) = config.wrong_credentials.filter(|_| has_tried && !is_for_strangers)
            && let Some(left) = self.view.gateway.admin_barring().left(from, Instant::now(), &rules)
        {
            return barred(left);
        }
        let who = Who::of(&config.admin, request.headers(), peer);
        if who == Who::Stranger && !is_for_strangers {
            return self.turned_away(&terms, has_tried, peer).await;
        }
        if who == Who::Known && has_tried {
            self.view.gateway.admin_barring().let_in(from, Instant::now());
        }
        match (leads, request.method()) {
            (Some(Leads::Does(action)), &Method::POST) => {
                self.change(action, request, peer, who).await
            }
            (Some(Leads::Does(_)), _) => allow("POST"),
            // Load balancers ask with HEAD; hyper leaves the body away.
            (Some(Leads::To(shown)), &(Method::GET | Method::HEAD)) => {
                self.show(shown, &request.into_parts().0, who)
            }
            (Some(Leads::To(_)), _) => allow("GET, HEAD"),
            (None, _) => text(StatusCode::NOT_FOUND, routes::help()),
        }
    }

    /// A browser asks for the password then. Whoever tries too many waits.
    async fn turned_away(&self, terms: &Terms, has_tried: bool, peer: &Peer) -> Response<Reply> {
        if has_tried {
            let from = peer.address.ip();
            self.view.metrics.admin_login_failed();
            self.failed_logins.note(from);
            if let Some(rules) = &terms.config.wrong_credentials {
                let barring = self.view.gateway.admin_barring();
                sleep(barring.failed(from, None, true, Instant::now(), rules)).await;
            }
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
        // Addresses stand in the logs of proxies and browsers: a secret or a partner's ID is not read there.
        let body = Form::read(&String::from_utf8_lossy(&body));
        let request = Request::from_parts(parts, ());
        if !guard::may_change(&request, peer, who, self.token.as_ref(), body.get("token")) {
            return text(StatusCode::FORBIDDEN, NOT_FOR_YOU);
        }
        let terms = self.view.gateway.terms();
        let by = By::of(&terms.config.admin, request.headers(), peer);
        self.actions.act(action, (query, body), &by, &self.view).await
    }
}
