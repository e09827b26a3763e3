//! The way to the shared memory that is configured: asks it, and leaves it alone while it fails.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, Value};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    connect::{Connection, connect},
    metrics::{KvMetrics, LinkState},
    script::Call,
    trouble::Trouble,
};
use crate::{
    config::{SealingKeys, SharedMemory},
    telemetry::clock,
};

/// So many questions in a row without an answer in time, and nobody asks any more.
const LATE_IN_A_ROW: u32 = 3;

/// How often a server is tried that nobody may have asked.
const PULSE: Duration = Duration::from_millis(500);

/// A server that takes longer than this for a PING is connected to anew.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The pause before the first new try, doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: a memory that is back is used again within five seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// A server that answered for so long has got over what was before.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// The shared memory that is configured.
pub struct Link {
    pub(super) section: Arc<SharedMemory>,
    pub(super) keys: SealingKeys,
    usable: ArcSwapOption<Usable>,
    standing: Mutex<Standing>,
    /// It is left alone from now on.
    left: Notify,
    metrics: Arc<KvMetrics>,
}

/// A connection whose server answers in time.
struct Usable {
    connection: Connection,
    late: AtomicU32,
}

/// What can be asked.
pub enum Question<'q> {
    /// One command.
    Command(&'q Cmd),
    /// Several in one round trip; in a cluster, of one slot.
    Together(&'q Pipeline),
    /// A script.
    Script(&'q Call),
}

/// How it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Whether it is asked.
    pub state: LinkState,
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Why it is not.
    pub why: Option<Trouble>,
}

impl Link {
    pub(super) fn new(
        section: Arc<SharedMemory>,
        keys: SealingKeys,
        metrics: Arc<KvMetrics>,
    ) -> Self {
        let since = clock::unix_milliseconds();
        let standing = Standing { state: LinkState::Connecting, since, why: None };
        Self {
            section,
            keys,
            usable: ArcSwapOption::empty(),
            standing: Mutex::new(standing),
            left: Notify::new(),
            metrics,
        }
    }

    /// What seals what is written there.
    pub fn keys(&self) -> &SealingKeys {
        &self.keys
    }

    /// How the operator has set it up.
    pub fn section(&self) -> &SharedMemory {
        &self.section
    }

    /// Until when a call that begins to ask now waits for it, in all.
    pub fn until(&self) -> Instant {
        Instant::now() + self.section.budget
    }

    /// A key. Those with the same `group` are in one slot of a cluster, so that a script may have them.
    pub fn key(&self, group: &str, what: &str) -> String {
        format!("{}:{{{group}}}:{what}", self.section.prefix)
    }

    /// A question would be sent.
    pub fn is_answering(&self) -> bool {
        self.usable.load().is_some()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        *self.lock()
    }

    /// Asks, and waits until then at most; not at all while it is left alone.
    ///
    /// # Errors
    ///
    /// See [`Trouble`].
    pub async fn ask<T: FromRedisValue>(
        &self,
        question: Question<'_>,
        until: Instant,
    ) -> Result<T, Trouble> {
        let Some(usable) = self.usable.load_full() else {
            self.metrics.not_asked();
            return Err(Trouble::LeftAlone);
        };
        let began = Instant::now();
        // Whoever has no time left says nothing about the server.
        if until <= began {
            return Err(Trouble::Timeout);
        }
        let mut connection = usable.connection.clone();
        // Dropped in the middle, the answer is read and thrown away when it comes.
        let asked = timeout_at(until, Box::pin(put(&mut connection, &question))).await;
        let answer = match asked {
            Ok(Ok(value)) => T::from_redis_value(value).map_err(|_other| Trouble::Unexpected),
            Ok(Err(error)) => Err(Trouble::of(&error)),
            Err(_elapsed) => Err(Trouble::Timeout),
        };
        self.metrics.asked(answer.as_ref().err().copied(), began.elapsed());
        match &answer {
            Err(Trouble::Timeout) => {
                if usable.late.fetch_add(1, Ordering::Relaxed) + 1 >= LATE_IN_A_ROW {
                    self.leave(&usable, Trouble::Timeout);
                }
            }
            Err(trouble)
                if trouble.is_of_the_server() && !is_of_one_node(&connection, *trouble) =>
            {
                self.leave(&usable, *trouble);
            }
            _ => usable.late.store(0, Ordering::Relaxed),
        }
        answer
    }

    /// Connects, tries and connects again, for as long as it is awaited.
    pub(super) async fn attend(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match connect(&self.section).await {
                Ok(connection) => self.tend(&connection, &mut pause).await,
                Err(error) => {
                    self.is(LinkState::LeftAlone, Some(error.trouble()), &error.to_string());
                }
            }
            sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Looks after a connection until it has to be made anew.
    async fn tend(&self, connection: &Connection, pause: &mut Duration) {
        let mut answers_since = None;
        loop {
            let began = Instant::now();
            let ping = redis::cmd("PING");
            let mut trying = connection.clone();
            let answer = timeout(LOST_AFTER, Box::pin(trying.command(&ping))).await;
            let trouble = match answer {
                Ok(Ok(_pong)) if began.elapsed() <= self.section.budget => None,
                Ok(Ok(_pong)) => Some(Trouble::Timeout),
                Ok(Err(error)) => {
                    self.leave_whoever(Trouble::of(&error));
                    return;
                }
                Err(_elapsed) => {
                    self.leave_whoever(Trouble::Timeout);
                    return;
                }
            };
            match (trouble, answers_since) {
                (None, None) => {
                    answers_since = Some(Instant::now());
                    let usable = Usable { connection: connection.clone(), late: AtomicU32::new(0) };
                    self.usable.store(Some(Arc::new(usable)));
                    self.is(LinkState::Answering, None, "");
                }
                // One late PING is none of a kind; those of calls are counted with it.
                (Some(_), Some(_)) => {
                    let usable = self.usable.load_full();
                    if let Some(usable) = usable
                        && usable.late.fetch_add(1, Ordering::Relaxed) + 1 >= LATE_IN_A_ROW
                    {
                        self.leave(&usable, Trouble::Timeout);
                    }
                }
                (None, Some(_)) => {}
                (Some(why), None) => self.is(LinkState::LeftAlone, Some(why), why.told()),
            }
            if answers_since.is_some_and(|since: Instant| since.elapsed() > WELL_AFTER) {
                *pause = FIRST_PAUSE;
            }
            // Those who ask may leave it alone at any moment.
            let left = timeout(PULSE, self.left.notified()).await.is_ok();
            let why = self.lock().why;
            match why {
                Some(Trouble::Timeout) => {
                    answers_since = None;
                    sleep(*pause).await;
                    *pause = (*pause * 2).min(LONGEST_PAUSE);
                }
                Some(_) if left => return,
                _ => {}
            }
        }
    }

    /// Leaves it alone, if it is still this connection that is asked.
    fn leave(&self, usable: &Arc<Usable>, why: Trouble) {
        let before = self.usable.compare_and_swap(usable, None);
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, usable)) {
            self.metrics.left_alone();
            self.is(LinkState::LeftAlone, Some(why), why.told());
            self.left.notify_one();
        }
    }

    fn leave_whoever(&self, why: Trouble) {
        match self.usable.load_full() {
            Some(usable) => self.leave(&usable, why),
            None => self.is(LinkState::LeftAlone, Some(why), why.told()),
        }
    }

    /// Notes how it stands, and tells the log where that is news.
    fn is(&self, state: LinkState, why: Option<Trouble>, told: &str) {
        let mut standing = self.lock();
        let is_news = standing.state != state;
        let since = if is_news { clock::unix_milliseconds() } else { standing.since };
        *standing = Standing { state, since, why };
        drop(standing);
        self.metrics.is(state);
        if !is_news {
            return;
        }
        match (state, why) {
            (LinkState::Answering, _) => tracing::info!("the shared memory answers"),
            (_, Some(why)) => tracing::warn!(
                why = why.label(),
                "the shared memory is left alone, each replica is on its own meanwhile: {told}"
            ),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One node of a cluster is no reason to leave the others alone; the crate connects to it anew.
fn is_of_one_node(connection: &Connection, trouble: Trouble) -> bool {
    matches!(connection, Connection::Cluster(_)) && trouble != Trouble::ReadOnly
}

async fn put(connection: &mut Connection, question: &Question<'_>) -> RedisResult<Value> {
    match question {
        Question::Command(command) => connection.command(command).await,
        Question::Together(commands) => connection.together(commands).await,
        Question::Script(call) => connection.script(call).await,
    }
}
