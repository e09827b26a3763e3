//! Who calls, and which answers they may get.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    changes::{Changes, version_of},
    weather::{Sky, Weather},
};
use crate::support::{
    Client, Process,
    client::Answer,
    load::{contract_number, partner},
};

/// Partners in use: each is asked for about once a second.
const IN_USE: u32 = 50;

/// Partners asked for now and then. Fewer than `cache.max_entries`, so that the memory is bounded
/// by their number and not by the time this runs.
const OTHERS: std::ops::Range<u32> = 1000..4000;

/// Callers at once; each makes about eight calls a second.
const CALLERS: u64 = 12;

/// Two connections' worth of calls, then a new one: with the certificate of that moment.
const CALLS_PER_CLIENT: u32 = 40;

/// Far longer than the deadline: nobody waits for ever.
const LONGEST: Duration = Duration::from_secs(4);

/// What a call may be told while SAP does not answer.
const SILENT: [&str; 2] = ["403 sap_unavailable", "403 overloaded"];

/// All of them, and what they found.
pub(super) struct Callers {
    clients: [Client; 2],
    fresh: Box<dyn Fn(bool) -> Client + Send + Sync>,
    changes: Arc<Changes>,
    weather: Arc<Weather>,
    next_other: AtomicU32,
    hung_up: AtomicUsize,
    calls: Mutex<Vec<String>>,
    findings: Mutex<Vec<String>>,
}

/// Who is asked for.
#[derive(Clone, Debug)]
enum Whom {
    InUse(String),
    Other(String),
    Unknown,
    Blocked,
    NoContact,
}

impl Whom {
    fn id(&self) -> &str {
        match self {
            Self::InUse(id) | Self::Other(id) => id,
            Self::Unknown => "4040404",
            Self::Blocked => "1001912",
            Self::NoContact => "1001911",
        }
    }

    /// What is told where SAP is heard.
    fn outcome(&self) -> &'static str {
        match self {
            Self::InUse(_) | Self::Other(_) => "200",
            Self::Unknown => "404 partner_unknown",
            Self::Blocked => "403 partner_blocked",
            Self::NoContact => "403 contact_not_allowed",
        }
    }

    fn may_be_told(&self, outcome: &str, sky: Sky) -> bool {
        let silent = SILENT.contains(&outcome);
        outcome == self.outcome()
            || match (sky, self) {
                // Known, and so never refused for SAP's silence.
                (Sky::Clear, _) | (Sky::Faulty, Self::InUse(_)) => false,
                // A record without sales data, of whomever is asked for, is one of the faults: where others
                // have had some, it is the partner who has none.
                (Sky::Faulty, _) => silent || outcome == "403 no_channel",
                (Sky::Lying, _) => silent || outcome == "404 partner_unknown",
            }
    }
}

impl Callers {
    pub(super) fn new(process: &Process, changes: Arc<Changes>, weather: Arc<Weather>) -> Self {
        let clients = [false, true].map(|h2| process.jtel(h2));
        let fresh = Box::new(process.callers());
        Self {
            clients,
            fresh,
            changes,
            weather,
            next_other: AtomicU32::new(0),
            hung_up: AtomicUsize::new(0),
            calls: Mutex::default(),
            findings: Mutex::default(),
        }
    }

    /// Makes those in use known.
    pub(super) async fn ask_all_in_use_once(&self) {
        for n in 0..IN_USE {
            self.ask(&self.clients[0], &Whom::InUse(partner(n))).await;
        }
    }

    /// Calls until `end`, from several tasks.
    pub(super) fn call_until(self: &Arc<Self>, end: Instant, seed: u64) -> Vec<JoinHandle<()>> {
        (0..CALLERS)
            .map(|nth| {
                let (callers, mut rng) = (Arc::clone(self), Rng::with_seed(seed ^ nth));
                tokio::spawn(async move {
                    let mut client = callers.clients[usize::from(nth % 2 == 0)].clone();
                    let mut calls = 0;
                    while Instant::now() < end {
                        calls += 1;
                        if calls % CALLS_PER_CLIENT == 0 {
                            client = (callers.fresh)(rng.bool());
                        }
                        let whom = callers.choose(&mut rng);
                        if rng.u32(..10) == 0 {
                            let patience = Duration::from_millis(rng.u64(1..60));
                            callers.hung_up.fetch_add(1, Ordering::SeqCst);
                            client.ask_and_hang_up(whom.id(), patience).await;
                        } else {
                            callers.ask(&client, &whom).await;
                        }
                        sleep(Duration::from_millis(rng.u64(50..200))).await;
                    }
                })
            })
            .collect()
    }

    /// The IDs of all calls that were answered.
    pub(super) fn answered(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    pub(super) fn hung_up(&self) -> usize {
        self.hung_up.load(Ordering::SeqCst)
    }

    /// Answers that cannot be.
    pub(super) fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().clone()
    }

    fn choose(&self, rng: &mut Rng) -> Whom {
        match rng.u32(..100) {
            0..60 => Whom::InUse(partner(rng.u32(..IN_USE))),
            60..85 => {
                let nth =
                    self.next_other.fetch_add(1, Ordering::Relaxed) % (OTHERS.end - OTHERS.start);
                Whom::Other(partner(OTHERS.start + nth))
            }
            85..90 => Whom::Unknown,
            90..95 => Whom::Blocked,
            _ => Whom::NoContact,
        }
    }

    async fn ask(&self, client: &Client, whom: &Whom) {
        let (began, oldest) = (Instant::now(), self.changes.oldest());
        let finding = match client.try_ask(whom.id()).await {
            Err(none) => Some(format!("no answer: {none:?}")),
            Ok(answer) => {
                let call = answer.json()["callId"].as_str().unwrap_or_default().to_owned();
                self.calls.lock().unwrap().push(call);
                self.wrong_with(&answer, whom, began, oldest)
            }
        };
        if let Some(finding) = finding {
            let weather = self.weather.shown();
            let finding = format!("{whom:?} after {:?}: {finding}; {weather}", began.elapsed());
            self.findings.lock().unwrap().push(finding);
        }
    }

    fn wrong_with(
        &self,
        answer: &Answer,
        whom: &Whom,
        began: Instant,
        oldest: u32,
    ) -> Option<String> {
        let (outcome, sky) = (answer.outcome(), self.weather.during(began));
        let told = format!("{outcome} from {:?} under a sky that is {sky:?}", answer.source());
        if answer.status.is_server_error() || !whom.may_be_told(&outcome, sky) {
            return Some(told);
        }
        if began.elapsed() > LONGEST {
            return Some(format!("{told}, late"));
        }
        if outcome != "200" {
            return None;
        }
        let body = answer.json();
        if body["contractNumber"] != contract_number(whom.id()) {
            return Some(format!("{told}: another partner's answer: {body}"));
        }
        match version_of(&body) {
            Some(version) if (oldest..=self.changes.newest()).contains(&version) => None,
            version => {
                let newest = self.changes.newest();
                Some(format!("{told}: rules of version {version:?}, not {oldest}..={newest}"))
            }
        }
    }
}
