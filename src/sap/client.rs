//! A SAP and how it is asked: the steps of its dialect, one after the other, under one pass of the
//! door. What one request takes is in `exchange`.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    asking::{Asking, Told, Until, why_refused, with_marks, without_another},
    dialect::{Step, odata::By, value_help::ValueHelp},
    door::{Door, Pass, Ran, SapHealth, Urgency},
    error::LookupError,
    link::upstreams::Upstreams,
    metrics::{SapMetrics, Way},
    outcome::{BreakerState, SapOutcome},
    prepare::Prepared,
    problem::DialectProblem,
    reply::{Read, Sought},
    requests::Requests,
    system::SystemId,
};
use crate::{
    config::{self, SystemName},
    domain::{Ambiguity, DialledNumber, IdForm, Lookup, PartnerId},
    telemetry::trace::Trace,
};

/// A SAP and how it is asked.
pub struct SapClient {
    pub(super) host: Arc<str>,
    name: SystemName,
    system: SystemId,
    pub(super) steps: Vec<Step>,
    reads: Arc<[Arc<str>]>,
    pub(super) value_help: Option<ValueHelp>,
    pub(super) upstreams: Upstreams,
    pub(super) door: Arc<Door>,
    pub(super) max_answer_bytes: usize,
    max_in_flight: usize,
    pub(super) total_timeout: Duration,
    pub(super) probe_interval: Duration,
    pub(super) id_form: IdForm,
    try_other_id_form: bool,
    asks_by_phone: bool,
    /// Why secrets could not be read again, told once.
    pub(super) told_unreadable: Mutex<Option<String>>,
}

/// What is asked about a partner.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    /// The partner.
    pub partner: PartnerId,
    /// The number that is to be dialled; a step that asks by it is left out where there is none, one
    /// that only passes it on gets an empty one.
    pub dialled: Option<&'q DialledNumber>,
    /// Whose call it is, for SAP's own logs.
    pub trace: Option<&'q Trace>,
    /// Where it is written down what was sent for it.
    pub requests: &'q Requests,
}

impl SapClient {
    /// Prepares everything that can be wrong in the configuration; asks nobody yet.
    ///
    /// # Errors
    ///
    /// All problems of the section at once.
    pub fn new(sap: &config::Sap, metrics: Arc<SapMetrics>) -> Result<Self, Vec<DialectProblem>> {
        Self::prepared(sap, metrics, None)
    }

    /// The same for a changed section. Where it is still the same system, the client goes on with what
    /// this one knows of it: requests under way, a pause, an outage, and refused credentials, which must
    /// not be shown as if they were new ones.
    ///
    /// # Errors
    ///
    /// All problems of the section at once.
    pub fn renewed(&self, sap: &config::Sap) -> Result<Self, Vec<DialectProblem>> {
        Self::prepared(sap, Arc::clone(&self.door.metrics), Some(self))
    }

    /// The same system in another dialect, through the same door: places, pauses, breaker, quota and
    /// credentials are one. `sap` is the section but for its preset.
    ///
    /// # Errors
    ///
    /// All problems of the section at once.
    pub fn in_dialect(&self, sap: &config::Sap) -> Result<Self, Vec<DialectProblem>> {
        let other = Self::prepared(sap, Arc::clone(&self.door.metrics), Some(self))?;
        Ok(Self { door: Arc::clone(&self.door), ..other })
    }

    fn prepared(
        sap: &config::Sap,
        metrics: Arc<SapMetrics>,
        before: Option<&Self>,
    ) -> Result<Self, Vec<DialectProblem>> {
        let Prepared { host, steps, reads, value_help, login, upstreams } = Prepared::new(sap)?;
        let system = SystemId::of(sap);
        let before = before.filter(|before| before.host == host).map(|before| &*before.door);
        Ok(Self {
            asks_by_phone: steps.iter().any(|step| step.by == By::Phone),
            name: sap.name.clone(),
            system,
            steps,
            reads,
            value_help,
            upstreams,
            told_unreadable: Mutex::default(),
            door: Door::new(Arc::clone(&host), sap, login, metrics, before),
            total_timeout: sap.total_timeout,
            probe_interval: sap.probe_interval,
            max_answer_bytes: sap.max_answer_bytes,
            max_in_flight: sap.max_in_flight,
            id_form: sap.id_form,
            try_other_id_form: sap.try_other_id_form,
            host,
        })
    }

    /// Waits for a place from which SAP can still answer by `deadline`. Dropping the wait costs SAP
    /// nothing.
    ///
    /// # Errors
    ///
    /// Why SAP is not asked.
    pub async fn enter(&self, urgency: Urgency, deadline: Instant) -> Result<Pass, LookupError> {
        self.door.enter(urgency, deadline, None).await
    }

    /// Why SAP would not be asked now, whoever waits how long.
    ///
    /// # Errors
    ///
    /// The reason.
    pub fn admits(&self, urgency: Urgency) -> Result<(), LookupError> {
        self.door.admits(urgency)
    }

    /// Asks SAP, step after step until one knows the partner, by the lookup's own clock
    /// (`sap.total_timeout`): what was sent is finished. `tell` hears the result as soon as there is
    /// one; and once more if SAP answers after it was given up, for as long again.
    pub async fn ask(
        &self,
        pass: Pass,
        question: Question<'_>,
        mut tell: impl FnMut(Result<Told, LookupError>),
    ) {
        let began = Instant::now();
        let partner = Some(question.partner);
        let deadline = began + self.total_timeout;
        let looked = Mutex::default();
        let note = |asked: &Asking<'_>, result: &Result<Read, LookupError>| {
            let kept = why_refused(asked, result);
            *looked.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        };
        let told = |lookup| {
            let looked = looked.lock().unwrap_or_else(PoisonError::into_inner).take();
            Told { lookup, looked }
        };
        let mut lookup = pin!(self.ask_in_turn(&pass, question, Until::WaitsOn(deadline), note));
        match pass.run(self.total_timeout, lookup.as_mut()).await {
            Ran::Told(result) => {
                pass.settle(partner, result.as_ref());
                tell(result.map(told));
            }
            Ran::NoAnswer => {
                let error = self.no_answer(began);
                pass.settle(partner, Err(&error));
                tell(Err(error));
                if let Some(Ok(late)) = pass.linger(self.total_timeout, lookup).await {
                    pass.settle(partner, Ok(&late));
                    tell(Ok(told(late)));
                }
            }
            Ran::LeftBehind => tell(Err(self.no_answer(began))),
        }
    }

    /// What the configuration calls it.
    pub fn name(&self) -> &SystemName {
        &self.name
    }

    /// Host and port of the address that is asked first.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What is known about SAP from asking it.
    pub fn health(&self) -> SapHealth {
        self.door.health.now()
    }

    /// SAP has answered at least once since the start.
    pub fn has_answered(&self) -> bool {
        self.door.health.has_answered()
    }

    /// For how long SAP has given no usable answer.
    pub fn silent_for(&self) -> Option<Duration> {
        self.door.health.silent_for()
    }

    /// More than one request in a row has got no usable answer.
    pub fn fails_again(&self) -> bool {
        self.door.health.fails_again()
    }

    /// Waiting for SAP would most likely be in vain.
    pub fn is_known_silent(&self) -> bool {
        self.door.is_known_silent()
    }

    /// What the breaker does.
    pub fn breaker(&self) -> BreakerState {
        self.door.breaker()
    }

    /// How much longer SAP wants to be left alone.
    pub fn held_for(&self) -> Option<Duration> {
        self.door.held_for()
    }

    /// When refused credentials are shown again by themselves; `None`: not refused, or never.
    pub fn tries_login_at(&self) -> Option<Instant> {
        self.door.login.next_try()
    }

    /// A lookup was given up before it was sent.
    pub fn was_abandoned(&self) {
        self.door.metrics.not_asked(SapOutcome::Abandoned);
    }

    /// A call was refused because of SAP.
    pub fn call_refused(&self) {
        self.door.health.call_refused();
    }

    /// A call was answered with what SAP had said before.
    pub fn call_served_stale(&self) {
        self.door.health.call_served_stale();
    }

    /// Tells the metrics what changes without anybody asking.
    pub fn count(&self) {
        self.door.count();
        let (token_left, token_failing) = self.door.login.token_state();
        self.door.metrics.way.is(&Way {
            token_left,
            token_failing,
            places: self.max_in_flight,
            ..self.upstreams.way()
        });
    }

    /// When the certificates by which SAP and the token server know us end, in seconds since 1970.
    pub fn identities_end(&self) -> (Option<i64>, Option<i64>) {
        (self.upstreams.identity_ends(), self.door.login.identity_ends())
    }

    /// Which system its answers are from.
    pub fn system(&self) -> SystemId {
        self.system
    }

    /// The paths whose values it notes of each record, in order.
    pub fn reads(&self) -> &Arc<[Arc<str>]> {
        &self.reads
    }

    /// Every step asks by the dialled number, none by the partner's ID.
    pub fn asks_only_by_phone(&self) -> bool {
        self.steps.iter().all(|step| step.by == By::Phone)
    }

    /// The answers are about the dialled number and not about the partner: they must not be
    /// remembered under the partner's ID.
    pub fn asks_by_phone(&self) -> bool {
        self.asks_by_phone
    }

    /// The longest a lookup runs once it was sent.
    pub fn total_timeout(&self) -> Duration {
        self.total_timeout
    }

    pub(super) fn no_answer(&self, since: Instant) -> LookupError {
        LookupError::Deadline { host: Arc::clone(&self.host), waited: since.elapsed() }
    }

    pub(super) async fn ask_in_turn(
        &self,
        pass: &Pass,
        question: Question<'_>,
        until: Until,
        mut note: impl FnMut(&Asking<'_>, &Result<Read, LookupError>),
    ) -> Result<Lookup, LookupError> {
        let Question { partner, dialled, trace, requests } = question;
        let told = (trace, requests);
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
                let mut asking = Asking::new(step, Sought { id, phone }, told, until);
                let result = self.request(pass, &mut asking).await;
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
                let mut asking = Asking::new(step, Sought { id: next, phone }, told, until);
                let result = self.request(pass, &mut asking).await;
                note(&asking, &result);
                return Ok(match result? {
                    Read::Known(known) => with_marks(known, marks),
                    Read::LeadsOn { .. } => Lookup::Ambiguous(Ambiguity::Records),
                });
            }
        }
        Ok(Lookup::Unknown)
    }

    /// Connections kept for the next request.
    #[cfg(test)]
    pub(super) fn idle_connections(&self) -> usize {
        self.upstreams.idle_connections()
    }
}
