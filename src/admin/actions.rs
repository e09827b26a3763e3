//! What an operator does to a running gateway: each is a POST, and each is told in the log.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use tokio::{sync::Notify, time::Instant};

use super::{
    configuration::{Reloaded, Reloads},
    form::Form,
    guard::By,
    reply::{Reply, text},
    view::View,
};
use crate::{
    domain::PartnerId,
    lookup::Forgotten,
    sap::{SapClient, SapHealth},
    telemetry::{
        audit::Event,
        logging::{LogControl, PassingLevel},
        rounded,
    },
};

/// Wrong attempts lock the user in SAP (KBA 2831118), so a loop must not be able to make them; a
/// person who has just put something right needs one.
const RETRY_LOGIN_EVERY: Duration = Duration::from_mins(1);

/// The level of the configuration, as an operator calls it.
pub(super) const CONFIGURED: &str = "configured";

const LEVELS: &str =
    "write level=error, warn, info or debug, for ten minutes; or level=configured\n";

const PARTNER: &str = "write partner=ID into the body, as SAP shows the business partner's ID\n";

/// What can be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Reload,
    RetryLogin,
    ResetBreaker,
    Forget,
    Log,
    Drain,
}

impl Action {
    /// The word for it in the audit trail.
    fn label(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::RetryLogin => "retry_login",
            Self::ResetBreaker => "reset_breaker",
            Self::Forget => "forget",
            Self::Log => "log",
            Self::Drain => "drain",
        }
    }
}

/// Does them.
pub(super) struct Actions {
    pub(super) reloads: Reloads,
    pub(super) log: Option<LogControl>,
    pub(super) last_retry: Mutex<Option<Instant>>,
    /// Whoever puts the parts together waits for it.
    pub(super) drain: Notify,
}

impl Actions {
    /// Does one, and says what came of it. What may stand in the address is in `query`, the form in `body`.
    pub(super) async fn act(
        &self,
        action: Action,
        (query, body): (Form, Form),
        by: &By,
        view: &View,
    ) -> Response<Reply> {
        let response = match action {
            Action::Reload => self.reload(by).await,
            Action::RetryLogin => self.retry_login(by, view),
            Action::ResetBreaker => reset_breaker(by, view),
            Action::Forget => forget(&body, by, view).await,
            Action::Log => self.set_log_level(&query.and(body), by),
            Action::Drain => self.drain(by),
        };
        if let Some(trail) = view.gateway.audit() {
            // Nothing of what was asked: it may name a partner.
            let event = Event::new("operator")
                .with("action", action.label())
                .with("by", by)
                .with("status", response.status().as_u16());
            trail.event(event);
        }
        response
    }

    async fn reload(&self, by: &By) -> Response<Reply> {
        tracing::info!(%by, "reading the configuration again, because an operator asked for it");
        match self.reloads.reload().await {
            Some(reloaded @ Reloaded::Refused(_)) => {
                text(StatusCode::UNPROCESSABLE_ENTITY, reloaded.text() + "\n")
            }
            Some(reloaded) => text(StatusCode::OK, reloaded.text() + "\n"),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "the process is about to end\n"),
        }
    }

    fn retry_login(&self, by: &By, view: &View) -> Response<Reply> {
        let mut last = self.last_retry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = *last
            && before.elapsed() < RETRY_LOGIN_EVERY
        {
            let left = RETRY_LOGIN_EVERY.saturating_sub(before.elapsed());
            let told = rounded(left);
            let mut response = text(
                StatusCode::TOO_MANY_REQUESTS,
                format!("SAP locks users after a few wrong attempts; try again in {told}\n"),
            );
            // Not a moment too early: what is left of a second counts as one.
            let seconds = HeaderValue::from(left.as_secs() + 1);
            response.headers_mut().insert(RETRY_AFTER, seconds);
            return response;
        }
        *last = Some(Instant::now());
        drop(last);
        let terms = view.gateway.terms();
        let is_refused = |sap: &&Arc<SapClient>| sap.health() == SapHealth::CredentialsRefused;
        // Of several, those that it is about; where none is, whichever there are.
        let mut concerned: Vec<_> = terms.systems.iter().filter(is_refused).collect();
        if concerned.is_empty() {
            concerned.extend(&terms.systems);
        }
        let left = concerned.iter().map(|sap| sap.retry_login(by)).max().flatten();
        let told = match left {
            None => "the next request to SAP logs in again\n".to_owned(),
            Some(left) => {
                let left = rounded(left);
                format!(
                    "SAP asked to be left alone for {left} more; then the next request logs in again\n"
                )
            }
        };
        text(StatusCode::OK, told)
    }

    fn set_log_level(&self, form: &Form, by: &By) -> Response<Reply> {
        let Some(log) = &self.log else {
            return text(StatusCode::NOT_FOUND, "this process has no log\n");
        };
        match form.get("level").map(|word| (word, PassingLevel::parse(word))) {
            Some((CONFIGURED, _)) => {
                let level = log.back_to_configured(by);
                text(StatusCode::OK, format!("log level {level}, as configured\n"))
            }
            Some((word, Some(level))) => {
                let until = log.set_for_a_while(level, by).to_the_second();
                text(StatusCode::OK, format!("log level {word} until {until}\n"))
            }
            _ => text(StatusCode::BAD_REQUEST, LEVELS),
        }
    }

    fn drain(&self, by: &By) -> Response<Reply> {
        tracing::warn!(%by, "an operator asked for the drain: calls in progress are answered, then the process ends");
        self.drain.notify_one();
        text(
            StatusCode::ACCEPTED,
            "not ready from now on; calls in progress are answered, then the process ends\n",
        )
    }
}

fn reset_breaker(by: &By, view: &View) -> Response<Reply> {
    let terms = view.gateway.terms();
    let were_open = terms.systems.iter().filter(|sap| sap.reset_breaker(by)).count();
    let told = if were_open > 0 {
        "the breaker is closed; SAP is asked again, and left alone again if it still fails\n"
    } else {
        "the breaker was closed already\n"
    };
    text(StatusCode::OK, told)
}

/// The partner's ID is personal data: it stands in the body, which nobody logs, and not in the answer.
async fn forget(form: &Form, by: &By, view: &View) -> Response<Reply> {
    let Some(Ok(partner)) = form.get("partner").map(str::trim).map(PartnerId::parse) else {
        return text(StatusCode::BAD_REQUEST, PARTNER);
    };
    let terms = view.gateway.terms();
    let mut forgotten = Forgotten::default();
    for sap in &terms.systems {
        forgotten = forgotten.and(view.partners.forget(sap, partner).await);
    }
    drop(terms);
    let Forgotten { here, elsewhere } = forgotten;
    tracing::info!(%by, had = here, ?elsewhere, "an operator had a partner forgotten");
    let told = match (here, elsewhere) {
        (_, Some(true)) => {
            "forgotten, and other replicas are told; the next call about this partner asks SAP\n"
        }
        (_, Some(false)) => {
            "forgotten here; other replicas are told when the shared memory answers again, so do it \
             there as well if that takes too long\n"
        }
        (true, None) => "forgotten; the next call about this partner asks SAP\n",
        (false, None) => "nothing was remembered of this partner\n",
    };
    text(StatusCode::OK, told)
}
