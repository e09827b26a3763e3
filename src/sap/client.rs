//! One lookup, from the question to what SAP knows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tracing::{error, info, warn};

use crate::sap::{
    asking::{Asking, outcome_of, refused, with_marks, without_another},
    dialect::Step,
    dialect::odata::By,
    dialect::value_help::ValueHelp,
    error::{LookupError, ReplyProblem},
    health::{Health, SapHealth},
    hold::Hold,
    link::encoding::Encoding,
    link::transport::{BodyError, read_body},
    link::upstreams::{Reached, Sending, Upstreams},
    login::Login,
    metrics::{SapMetrics, SapOutcome},
    prepare::Prepared,
    problem::DialectProblem,
    reply::said::{self, Said},
    reply::{Head, Read, Reader, Sought, shows_page},
};
use crate::{
    config,
    domain::{DialledNumber, IdForm, Lookup, PartnerId},
    telemetry::trace::Trace,
};

/// A number no partner has: SAP's number ranges begin at 1.
const NOBODY: &str = "0";

/// A number nobody has: no country code begins with 0.
const NOBODYS_PHONE: &str = "0";

/// Longest wait for what SAP has to say about an error.
const MOMENT: Duration = Duration::from_millis(250);

/// A SAP and how it is asked.
pub struct SapClient {
    pub(super) host: Arc<str>,
    pub(super) steps: Vec<Step>,
    pub(super) value_help: Option<ValueHelp>,
    pub(super) login: Login,
    pub(super) upstreams: Upstreams,
    places: Semaphore,
    total_timeout: Duration,
    pub(super) max_answer_bytes: usize,
    health: Health,
    hold: Hold,
    id_form: IdForm,
    try_other_id_form: bool,
    metrics: Arc<SapMetrics>,
    /// Why secrets could not be read again, told once.
    told_unreadable: Mutex<Option<String>>,
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
    /// What was read, unless it was an error, or led on to another partner.
    pub read: Option<Lookup>,
    /// The error in SAP's words, where it sent one.
    pub said: Option<Said>,
}

impl SapClient {
    /// Prepares everything that can be wrong in the configuration; asks nobody yet.
    ///
    /// # Errors
    ///
    /// All problems of the section at once.
    pub fn new(sap: &config::Sap, metrics: Arc<SapMetrics>) -> Result<Self, Vec<DialectProblem>> {
        let Prepared { host, steps, value_help, login, upstreams } = Prepared::new(sap)?;
        Ok(Self {
            steps,
            value_help,
            login,
            upstreams,
            told_unreadable: Mutex::default(),
            places: Semaphore::new(sap.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            total_timeout: sap.total_timeout,
            max_answer_bytes: sap.max_answer_bytes,
            health: Health::new(Arc::clone(&host), Arc::clone(&metrics)),
            hold: Hold::default(),
            id_form: sap.id_form,
            try_other_id_form: sap.try_other_id_form,
            host,
            metrics,
        })
    }

    /// Asks SAP about `partner`, step after step until one knows it.
    ///
    /// Everything, waiting for a place and connecting included, ends by `deadline` and within
    /// `sap.total_timeout`. A step that asks by the dialled number is left out where there is none;
    /// one that only passes it on gets an empty one.
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
        self.ask_in_turn(partner, dialled, deadline, None, |_asked, _result| ()).await
    }

    /// [`Self::look_up`] for one call, which SAP's own logs can then be searched for.
    ///
    /// # Errors
    ///
    /// As [`Self::look_up`].
    pub async fn look_up_for(
        &self,
        trace: Trace,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> Result<Lookup, LookupError> {
        self.ask_in_turn(partner, dialled, deadline, Some(&trace), |_asked, _result| ()).await
    }

    /// [`Self::look_up`], and every request it took.
    pub async fn look_up_traced(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
    ) -> (Result<Lookup, LookupError>, Vec<Asked>) {
        let mut all = Vec::new();
        let note = |asked: &Asking<'_>, result: &Result<Read, LookupError>| {
            all.push(Asked {
                step: Arc::clone(&asked.step.name),
                target: asked.target.to_string(),
                status: asked.status,
                took: asked.started.elapsed(),
                outcome: outcome_of(result),
                read: match result {
                    Ok(Read::Known(lookup)) => Some(lookup.clone()),
                    Ok(Read::LeadsOn { .. }) | Err(_) => None,
                },
                said: asked.said.clone(),
            });
        };
        let result = self.ask_in_turn(partner, dialled, deadline, None, note).await;
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
        let nobody = Sought { id: self.id_form.of(nobody), phone: Some(NOBODYS_PHONE) };
        let mut asking = Asking::new(step, nobody, None);
        let deadline = deadline.min(asking.started + self.total_timeout);
        self.ask(&mut asking, deadline).await.map(|_whatever| ())
    }

    /// What is known about SAP from asking it.
    pub fn health(&self) -> SapHealth {
        self.health.now()
    }

    /// SAP has answered at least once since the start.
    pub fn has_answered(&self) -> bool {
        self.health.has_answered()
    }

    /// Every step asks by the dialled number, none by the partner's ID.
    pub fn asks_only_by_phone(&self) -> bool {
        self.steps.iter().all(|step| step.by == By::Phone)
    }

    /// The answers are about the dialled number and not about the partner: they must not be
    /// remembered under the partner's ID.
    pub fn asks_by_phone(&self) -> bool {
        self.steps.iter().any(|step| step.by == By::Phone)
    }

    /// Lets the next lookup try the credentials again, after SAP refused them; and ask at all, after
    /// SAP wanted to be left alone.
    pub fn retry_login(&self) {
        self.hold.lift();
        self.login.retry();
        self.health.forget_refusal();
    }

    /// Reads secrets, certificates and keys again; what has changed comes into force, and ends a
    /// refusal. Blocks on files. What cannot be read leaves everything as it is.
    pub fn reread_secrets(&self) {
        let certificates = self.upstreams.reread();
        let secrets = self.login.reread();
        if matches!(certificates, Ok(true)) || matches!(secrets, Ok(true)) {
            info!(upstream = %self.host, "the login to SAP has changed; using the new one");
            self.retry_login();
        }
        let problem = certificates.and(secrets).err();
        let mut told = self.told_unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &problem
            && told.as_ref() != Some(problem)
        {
            error!(upstream = %self.host, "the login to SAP stays as it was, because {problem}");
        }
        *told = problem;
    }

    async fn ask_in_turn(
        &self,
        partner: PartnerId,
        dialled: Option<&DialledNumber>,
        deadline: Instant,
        trace: Option<&Trace>,
        mut note: impl FnMut(&Asking<'_>, &Result<Read, LookupError>),
    ) -> Result<Lookup, LookupError> {
        let deadline = deadline.min(Instant::now() + self.total_timeout);
        let phone = dialled.map(DialledNumber::digits);
        let other = self.try_other_id_form.then(|| self.id_form.other(partner)).flatten();
        let forms = [Some(self.id_form.of(partner)), other];
        // All steps in one form first: the partner that has the number as it stands goes before
        // one that only has it with other zeros.
        for (turn, id) in forms.into_iter().flatten().enumerate() {
            for step in &self.steps {
                if step.by == By::Phone && (phone.is_none() || turn > 0) {
                    continue;
                }
                let mut asking = Asking::new(step, Sought { id, phone }, trace);
                let result = self.ask(&mut asking, deadline).await;
                note(&asking, &result);
                let (next, step, marks) = match result? {
                    Read::Known(Lookup::Unknown) => continue,
                    Read::Known(known) => return Ok(known),
                    Read::LeadsOn { id, step, marks } => (id, self.steps.get(step), marks),
                };
                let (Some(next), Some(step)) = (next, step) else {
                    return Ok(without_another(marks));
                };
                // The record checked there is the other partner's own: it must have the ID that
                // this one's record named.
                let mut asking = Asking::new(step, Sought { id: next, phone }, trace);
                let result = self.ask(&mut asking, deadline).await;
                note(&asking, &result);
                return Ok(match result? {
                    Read::Known(known) => with_marks(known, marks),
                    Read::LeadsOn { .. } => Lookup::Ambiguous,
                });
            }
        }
        Ok(Lookup::Unknown)
    }

    /// One request: waits for a place, asks, reads, and tells metrics and health.
    async fn ask(&self, asking: &mut Asking<'_>, deadline: Instant) -> Result<Read, LookupError> {
        self.left_alone()?;
        let queued = Instant::now();
        let waiting = async {
            let alone = self.login.admit().await;
            (alone, self.places.acquire().await)
        };
        let Ok((_alone, place)) = timeout_at(deadline, waiting).await else {
            self.metrics.not_asked(SapOutcome::Busy);
            return Err(LookupError::Busy { waited: queued.elapsed() });
        };
        // Only now: whoever went before may just have been refused.
        if self.login.is_refused() {
            self.metrics.not_asked(SapOutcome::Credentials);
            return Err(self.login.refusal(&self.host));
        }
        self.left_alone()?;
        let in_flight = self.metrics.asking();
        let started = Instant::now();
        let result = timeout_at(deadline, self.exchange(asking, deadline)).await.unwrap_or_else(
            |_elapsed| {
                let host = Arc::clone(&self.host);
                Err(LookupError::Deadline { host, waited: started.elapsed() })
            },
        );
        drop((in_flight, place));
        self.settle(&result, started.elapsed());
        result
    }

    /// An error while SAP wants to be left alone.
    fn left_alone(&self) -> Result<(), LookupError> {
        let Some(again_in) = self.hold.remaining() else { return Ok(()) };
        self.metrics.not_asked(SapOutcome::Throttled);
        Err(LookupError::Throttled { host: Arc::clone(&self.host), again_in, code: None })
    }

    /// What one request teaches about SAP and about our credentials.
    fn settle(&self, result: &Result<Read, LookupError>, took: Duration) {
        self.metrics.ended(outcome_of(result), took);
        match result {
            Ok(_answer) => {
                self.login.accept();
                self.health.answered();
            }
            Err(error) => {
                if error.is_about_credentials() {
                    self.login.refuse();
                }
                if let Some(wait) = error.retry_after() {
                    self.hold.leave_alone(wait);
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
        deadline: Instant,
    ) -> Result<Read, LookupError> {
        let step = asking.step;
        let host = || Arc::clone(&self.host);
        let sending =
            Sending { target: &asking.target, alone: step.alone, trace: asking.trace, deadline };
        let Reached { response, connection, transport } =
            self.upstreams.get(&self.login, &sending).await?;
        let (head, body) = response.into_parts();
        asking.status = Some(head.status);
        let known = match step.reader.head(head.status, &head.headers) {
            Head::Json => None,
            Head::Answer(lookup) => Some(lookup),
            Head::Credentials => {
                if shows_page(&head.headers) {
                    warn!(upstream = %self.host, "SAP answers 401 with a page for people: let the endpoint accept our kind of login without a form (transaction SICF, Logon Data, Use All Logon Procedures)");
                }
                return Err(LookupError::Credentials { host: host() });
            }
            Head::Redirect => {
                return Err(LookupError::Redirect { host: host(), status: head.status });
            }
            Head::Maintenance => return Err(LookupError::Maintenance { host: host() }),
            Head::Problem(problem) => return Err(self.unusable(step, problem)),
            kind @ (Head::UnknownIfError | Head::Forbidden | Head::Throttled | Head::Status) => {
                // The status counts for more than SAP's words about it: they get a moment.
                let body = timeout(MOMENT, read_body(body, said::MAX_BODY)).await;
                let body = body.ok().and_then(Result::ok);
                if body.is_some() && !step.alone {
                    transport.idle.keep(connection);
                }
                let body = body.zip(Encoding::of(&head.headers).ok());
                let body = body.and_then(|(body, packed)| packed.unpack(body, said::MAX_BODY).ok());
                asking.said = body.as_deref().and_then(said::read);
                if kind == Head::UnknownIfError && Reader::is_unknown(asking.said.as_ref()) {
                    return Ok(Read::Known(Lookup::Unknown));
                }
                return Err(refused(host(), &kind, &head, asking.said.as_ref()));
            }
        };
        let body = read_body(body, self.max_answer_bytes).await;
        if body.is_ok() && !step.alone {
            transport.idle.keep(connection);
        }
        if let Some(lookup) = known {
            // The status was the answer; what else SAP says about it does not matter.
            return Ok(Read::Known(lookup));
        }
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => {
                self.unusable(step, ReplyProblem::TooLarge { limit: self.max_answer_bytes })
            }
            BodyError::Cut(source) => LookupError::Cut { host: host(), source },
        })?;
        let body = Encoding::of(&head.headers)
            .and_then(|encoding| encoding.unpack(body, self.max_answer_bytes))
            .map_err(|problem| self.unusable(step, problem))?;
        step.reader.body(asking.sought, &body).map_err(|problem| {
            if let ReplyProblem::ErrorBody { .. } = &problem {
                asking.said = said::read(&body);
            }
            self.unusable(step, problem)
        })
    }

    fn unusable(&self, step: &Step, problem: ReplyProblem) -> LookupError {
        LookupError::Reply { host: Arc::clone(&self.host), step: Arc::clone(&step.name), problem }
    }

    /// Connections kept for the next request.
    #[cfg(test)]
    pub(super) fn idle_connections(&self) -> usize {
        self.upstreams.idle_connections()
    }
}
