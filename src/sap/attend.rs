//! Looks after a SAP that does not answer, and after our login there.

use std::{fmt::Display, pin::pin, sync::PoisonError, time::Duration};

use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info};

use super::{
    asking::{Asking, Until},
    client::SapClient,
    common::ProbeTurn,
    door::Urgency,
    error::LookupError,
    reply::Sought,
    requests::Requests,
};
use crate::domain::{Lookup, PartnerId};

/// A number no partner has: SAP's number ranges begin at 1.
const NOBODY: &str = "0";

/// A number nobody has: no country code begins with 0.
const NOBODYS_PHONE: &str = "0";

/// SAP is looked after this often at least, and probed no more often than ten times in this time.
const LOOK_AFTER: Duration = Duration::from_secs(1);

impl SapClient {
    /// Asks for a partner that cannot exist, only to see whether SAP answers.
    ///
    /// # Errors
    ///
    /// As [`Self::look_up`]. After SAP refused the credentials it is not asked for this either,
    /// unless a new try is due.
    pub async fn probe(&self) -> Result<(), LookupError> {
        let Ok(nobody) = PartnerId::parse(NOBODY) else { return Ok(()) };
        let Some(step) = self.steps.first() else { return Ok(()) };
        let began = Instant::now();
        let deadline = began + self.total_timeout;
        let pass = self.enter(Urgency::Probe, deadline).await?;
        let nobody = Sought { id: self.id_form.of(nobody), phone: Some(NOBODYS_PHONE) };
        let requests = Requests::default();
        let mut asking = Asking::new(step, nobody, (None, &requests), Until::Ends(deadline));
        let answer = pin!(self.request(&pass, &mut asking));
        let answer = pass.run(self.total_timeout, answer).await.or(|| self.no_answer(began));
        // Whatever it is, it is an answer.
        let answer = answer.map(|_read| Lookup::Unknown);
        pass.settle(None, answer.as_ref());
        answer.map(|_unknown| ())
    }

    /// Looks after this SAP for as long as it is awaited: asks whether it answers, at the start, while
    /// it does not and when refused credentials may be tried again; and says in the log now and then
    /// that an outage goes on. With a shared memory, tells the other replicas that this one lives.
    pub async fn attend(&self) {
        tokio::join!(self.look_after(), self.door.common.attend(self.total_timeout));
    }

    async fn look_after(&self) {
        let mut last = None;
        loop {
            let now = Instant::now();
            self.door.health.remind();
            let due = self.door.next_probe(now, last.map(|at| at + self.probe_interval));
            let due = due.map(|due| last.map_or(due, |at| due.max(at + LOOK_AFTER / 10)));
            if due.is_some_and(|due| due <= now) {
                last = Some(now);
                match self.door.probe_turn().await {
                    ProbeTurn::Own => {
                        debug!(upstream = %self.host, "asking SAP whether it answers");
                        // What it found stands in the door's health and log.
                        let answered = self.probe().await;
                        self.door.probed(answered.is_ok()).await;
                    }
                    ProbeTurn::Others => {
                        let pause = LOOK_AFTER.mul_f64(0.15 + fastrand::f64() / 5.0);
                        sleep_until(now + pause).await;
                    }
                    // Where only our own way is broken, it opens again.
                    ProbeTurn::Answered => {
                        self.door.reset_breaker();
                    }
                }
                continue;
            }
            let look_again = now + LOOK_AFTER;
            tokio::select! {
                () = sleep_until(due.map_or(look_again, |due| due.min(look_again))) => {}
                () = self.door.wait_changed() => {}
            }
        }
    }

    /// Lets one request try the credentials again, after SAP refused them, because `by` asked for it. A pause that SAP asked for
    /// is kept all the same; what is left of it is returned.
    pub fn retry_login(&self, by: &dyn Display) -> Option<Duration> {
        info!(%by, upstream = %self.host, "the login to SAP is tried again, because an operator asked for it");
        self.door.login.retry();
        self.door.login_changed();
        self.door.held_for()
    }

    /// Closes the breaker, because `by`, an operator, knows better: SAP is asked again at once, and left alone
    /// again if it still fails. False: it was closed.
    pub fn reset_breaker(&self, by: &dyn Display) -> bool {
        let was_open = self.door.reset_breaker();
        if was_open {
            info!(%by, upstream = %self.host, "the breaker is closed, because an operator asked for it");
        } else {
            info!(%by, upstream = %self.host, "an operator asked for the breaker to be closed, and it was");
        }
        was_open
    }

    /// Reads secrets, certificates and keys again; what has changed comes into force, and ends a
    /// refusal. Blocks on files. What cannot be read leaves everything as it is.
    pub fn reread_secrets(&self) {
        let certificates = self.upstreams.reread();
        let secrets = self.door.login.reread();
        let renewed = match &certificates {
            Ok(true) => self.door.login.renew(),
            _ => Ok(()),
        };
        if matches!(certificates, Ok(true)) || matches!(secrets, Ok(true)) {
            info!(upstream = %self.host, "the login to SAP has changed; using the new one");
            self.door.login_changed();
        }
        let problem = certificates.and(secrets).err().or(renewed.err());
        let mut told = self.told_unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &problem
            && told.as_ref() != Some(problem)
        {
            error!(upstream = %self.host, "the login to SAP stays as it was, because {problem}");
        }
        *told = problem;
    }
}
