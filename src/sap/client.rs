//! One lookup, from the question to what SAP knows.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode, header, uri::PathAndQuery};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    dialect::{DialectProblem, Step},
    error::{LookupError, ReplyProblem},
    health::{Health, SapHealth},
    login::Login,
    prepare::Prepared,
    reply::Head,
    transport::{BodyError, Transport, TransportError, read_body},
};
use crate::{
    config,
    domain::{DialledNumber, Lookup, PartnerId},
    telemetry::metrics::{Metrics, SapOutcome},
};

/// A number no partner has: SAP's number ranges begin at 1.
const NOBODY: &str = "0";

/// SAP's `Retry-After` counts up to here; longer would be a maintenance, which probing finds out.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// A SAP and how it is asked.
pub struct SapClient {
    host: Arc<str>,
    steps: Vec<Step>,
    headers: HeaderMap,
    login: Login,
    transport: Transport,
    places: Semaphore,
    total_timeout: Duration,
    max_answer_bytes: usize,
    health: Health,
    metrics: Arc<Metrics>,
}

/// One request of a lookup, for `dialgate explain`. Shows the partner's ID: for a person at the
/// keyboard, never for a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The dialect's step.
    pub step: Arc<str>,
    /// Path and query as they were sent.
    pub target: String,
    /// `None`: no answer came.
    pub status: Option<StatusCode>,
    /// From asking to knowing.
    pub took: Duration,
    /// How it ended.
    pub outcome: SapOutcome,
    /// What was read, unless it was an error.
    pub read: Option<Lookup>,
}

impl SapClient {
    /// Prepares everything that can be wrong in the configuration; asks nobody yet.
    ///
    /// # Errors
    ///
    /// All problems of the section at once.
    pub fn new(sap: &config::Sap, metrics: Arc<Metrics>) -> Result<Self, Vec<DialectProblem>> {
        let Prepared { host, steps, headers, login, transport } = Prepared::new(sap)?;
        Ok(Self {
            steps,
            headers,
            login,
            transport,
            places: Semaphore::new(sap.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            total_timeout: sap.total_timeout,
            max_answer_bytes: sap.max_answer_bytes,
            health: Health::new(Arc::clone(&host), Arc::clone(&metrics)),
            host,
            metrics,
        })
    }

    /// Asks SAP about `partner`, step after step until one knows it.
    ///
    /// Everything, waiting for a place and connecting included, ends by `deadline` and within
    /// `sap.total_timeout`. A step that needs the dialled number gets an empty one where there is
    /// none.
    ///
    /// # Errors
    ///
    /// What SAP or the network did instead of answering. A partner that SAP does not know is no
    /// error; it is [`Lookup::Unknown`].
    pub async fn look_up(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> Result<Lookup, LookupError> {
        self.ask_in_turn(partner, dialled, deadline, |_asked, _result| ()).await
    }

    /// [`Self::look_up`], and every request it took.
    pub async fn look_up_traced(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> (Result<Lookup, LookupError>, Vec<Asked>) {
        let mut all = Vec::new();
        let note = |asked: &Asking<'_>, result: &Result<Lookup, LookupError>| {
            all.push(Asked {
                step: Arc::clone(&asked.step.name),
                target: asked.target.to_string(),
                status: asked.status,
                took: asked.started.elapsed(),
                outcome: outcome_of(result),
                read: result.as_ref().ok().cloned(),
            });
        };
        let result = self.ask_in_turn(partner, dialled, deadline, note).await;
        (result, all)
    }

    /// Asks for a partner that cannot exist, only to see whether SAP answers.
    ///
    /// # Errors
    ///
    /// As [`Self::look_up`]. After SAP refused the credentials it is not asked for this either.
    pub async fn probe(&self, deadline: Instant) -> Result<(), LookupError> {
        let Ok(nobody) = PartnerId::parse(NOBODY) else { return Ok(()) };
        let Some(step) = self.steps.first() else { return Ok(()) };
        let mut asking = Asking::new(step, nobody, None);
        let deadline = deadline.min(asking.started + self.total_timeout);
        self.ask(&mut asking, nobody, deadline).await.map(|_whatever| ())
    }

    /// What is known about SAP from asking it.
    pub fn health(&self) -> SapHealth {
        self.health.now()
    }

    /// SAP has answered at least once since the start.
    pub fn has_answered(&self) -> bool {
        self.health.has_answered()
    }

    /// Lets the next lookup try the credentials again, after SAP refused them.
    pub fn retry_login(&self) {
        self.login.retry();
        self.health.forget_refusal();
    }

    async fn ask_in_turn(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
        mut note: impl FnMut(&Asking<'_>, &Result<Lookup, LookupError>),
    ) -> Result<Lookup, LookupError> {
        let deadline = deadline.min(Instant::now() + self.total_timeout);
        for step in &self.steps {
            let mut asking = Asking::new(step, partner, dialled);
            let result = self.ask(&mut asking, partner, deadline).await;
            note(&asking, &result);
            match result? {
                Lookup::Unknown => {}
                known => return Ok(known),
            }
        }
        Ok(Lookup::Unknown)
    }

    /// One request: waits for a place, asks, reads, and tells metrics and health.
    async fn ask(
        &self,
        asking: &mut Asking<'_>,
        partner: PartnerId,
        deadline: Instant,
    ) -> Result<Lookup, LookupError> {
        let queued = Instant::now();
        let waiting = async {
            let alone = self.login.admit().await;
            (alone, self.places.acquire().await)
        };
        let Ok((_alone, place)) = timeout_at(deadline, waiting).await else {
            self.metrics.sap.not_asked(SapOutcome::Busy);
            return Err(LookupError::Busy { waited: queued.elapsed() });
        };
        // Only now: whoever went before may just have been refused.
        if self.login.is_refused() {
            self.metrics.sap.not_asked(SapOutcome::Credentials);
            return Err(LookupError::Credentials { host: Arc::clone(&self.host) });
        }
        let in_flight = self.metrics.sap.asking();
        let started = Instant::now();
        let result =
            timeout_at(deadline, self.exchange(asking, partner)).await.unwrap_or_else(|_elapsed| {
                let host = Arc::clone(&self.host);
                Err(LookupError::Deadline { host, waited: started.elapsed() })
            });
        drop((in_flight, place));
        self.settle(&result, started.elapsed());
        result
    }

    /// What one request teaches about SAP and about our credentials.
    fn settle(&self, result: &Result<Lookup, LookupError>, took: Duration) {
        self.metrics.sap.ended(outcome_of(result), took);
        match result {
            Ok(_answer) => {
                self.login.accept();
                self.health.answered();
            }
            Err(error) => {
                if matches!(error, LookupError::Credentials { .. }) {
                    self.login.refuse();
                }
                if error.proves_credentials() {
                    self.login.accept();
                }
                self.health.failed(error);
            }
        }
    }

    /// Sends the request and reads the answer. Has no time limit of its own but the connection's.
    async fn exchange(
        &self,
        asking: &mut Asking<'_>,
        partner: PartnerId,
    ) -> Result<Lookup, LookupError> {
        let step = asking.step;
        let host = || Arc::clone(&self.host);
        let (response, connection) = self
            .transport
            .get(asking.target.clone(), &self.headers, step.alone)
            .await
            .map_err(|error| match error {
                TransportError::Connect(source) => LookupError::Connect { host: host(), source },
                TransportError::Cut(source) => LookupError::Cut { host: host(), source },
                TransportError::Protocol(source) => LookupError::Protocol { host: host(), source },
            })?;
        let (head, body) = response.into_parts();
        asking.status = Some(head.status);
        let known = match step.reader.head(head.status, &head.headers) {
            Head::Json => None,
            Head::Answer(lookup) => Some(lookup),
            Head::Credentials => return Err(LookupError::Credentials { host: host() }),
            Head::Forbidden => return Err(LookupError::Forbidden { host: host() }),
            Head::Redirect => {
                return Err(LookupError::Redirect { host: host(), status: head.status });
            }
            Head::Status => {
                let retry_after = retry_after(&head.headers);
                return Err(LookupError::Status { host: host(), status: head.status, retry_after });
            }
            Head::Problem(problem) => return Err(self.unusable(step, problem)),
        };
        let body = read_body(body, self.max_answer_bytes).await;
        if body.is_ok() && !step.alone {
            self.transport.idle.keep(connection);
        }
        if let Some(lookup) = known {
            // The status was the answer; what else SAP says about it does not matter.
            return Ok(lookup);
        }
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => {
                self.unusable(step, ReplyProblem::TooLarge { limit: self.max_answer_bytes })
            }
            BodyError::Cut(source) => LookupError::Cut { host: host(), source },
        })?;
        step.reader.body(&partner, &body).map_err(|problem| self.unusable(step, problem))
    }

    fn unusable(&self, step: &Step, problem: ReplyProblem) -> LookupError {
        LookupError::Reply { host: Arc::clone(&self.host), step: Arc::clone(&step.name), problem }
    }

    /// Connections kept for the next request.
    #[cfg(test)]
    pub(super) fn idle_connections(&self) -> usize {
        self.transport.idle.len()
    }
}

/// One request on its way.
struct Asking<'s> {
    step: &'s Step,
    target: PathAndQuery,
    status: Option<StatusCode>,
    started: Instant,
}

impl<'s> Asking<'s> {
    /// A request that is about to be sent.
    fn new(step: &'s Step, partner: PartnerId, dialled: Option<&DialledNumber>) -> Self {
        let target = step.template.render(partner.as_str(), dialled.map(DialledNumber::digits));
        Self { step, target, status: None, started: Instant::now() }
    }
}

fn outcome_of(result: &Result<Lookup, LookupError>) -> SapOutcome {
    match result {
        Ok(Lookup::Found(_)) => SapOutcome::Found,
        Ok(Lookup::Unknown) => SapOutcome::Unknown,
        Ok(Lookup::Ambiguous) => SapOutcome::Ambiguous,
        Err(error) => error.outcome(),
    }
}

/// Seconds only: a date would need the wall clock, and SAP does not send one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}
