//! What is wrong with SAP or with the way there, and since when.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use dialgate::simulator::{Fault, SimulatorHandle};
use fastrand::Rng;
use tokio::time::{Instant, sleep_until};

use crate::support::Link;

/// How long a fault lasts, and how long all is well after it.
const FAULT: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_secs(5);

/// After a fault the breaker may be open, errors be shared and lookups be under way for this long.
pub(super) const GRACE: Duration = Duration::from_millis(3500);

/// Faults of SAP after which nothing it says is true for a partner, or nothing is said. Not among
/// them: 401 and 429, which silence SAP for longer than a soak has; two records, an answer as well.
const OF_SAP: [Fault; 18] = [
    Fault::Hang,
    Fault::Status500,
    Fault::EmptyRows,
    Fault::Reset,
    Fault::WrongRecord,
    Fault::ExtraResponse,
    Fault::SlowDrip,
    Fault::Forbidden,
    Fault::Html,
    Fault::Redirect,
    Fault::Status503Html,
    Fault::Cut,
    Fault::NotJson,
    Fault::TruncatedJson,
    Fault::PathMissing,
    Fault::Oversized,
    Fault::Xml,
    Fault::ODataError200,
];

/// Faults of the way.
const OF_THE_WAY: [OnTheWay; 5] =
    [OnTheWay::Cut, OnTheWay::BlackHole, OnTheWay::Closed, OnTheWay::Slow, OnTheWay::Resets];

#[derive(Clone, Copy, Debug)]
enum OnTheWay {
    Cut,
    BlackHole,
    Closed,
    Slow,
    Resets,
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Sap(Fault),
    Way(OnTheWay),
}

/// Changes it and remembers.
pub(super) struct Weather {
    sap: SimulatorHandle,
    link: Link,
    rng: Mutex<Rng>,
    /// What was wrong, from when, and until when where it is over.
    past: Mutex<Vec<(Wrong, Instant, Option<Instant>)>>,
}

/// What could be wrong during a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sky {
    /// SAP answers, and has done for a while.
    Clear,
    /// SAP may not answer, or did not a moment ago.
    Faulty,
    /// SAP may have said that it does not know a partner that it knows.
    Lying,
}

impl Weather {
    pub(super) fn new(sap: SimulatorHandle, link: Link, seed: u64) -> Self {
        let rng = Mutex::new(Rng::with_seed(seed));
        Self { sap, link, rng, past: Mutex::new(Vec::new()) }
    }

    /// A fault, then calm, and so on.
    pub(super) async fn change_until(&self, end: Instant) {
        loop {
            let began = Instant::now();
            if began + FAULT + CALM > end {
                return;
            }
            let wrong = self.choose();
            self.past().push((wrong, began, None));
            self.begin(wrong);
            sleep_until(began + FAULT).await;
            self.sap.set_fault(None, None);
            self.link.mend();
            if let Some((_, _, until)) = self.past().last_mut() {
                *until = Some(Instant::now());
            }
            sleep_until(began + FAULT + CALM).await;
        }
    }

    /// How many faults there were.
    pub(super) fn faults(&self) -> usize {
        self.past().len()
    }

    /// What has to be reckoned with for a call that began at `began` and has just been answered.
    pub(super) fn during(&self, began: Instant) -> Sky {
        let past = self.past();
        let mut sky = Sky::Clear;
        for (nth, (wrong, _since, until)) in past.iter().enumerate().rev() {
            if until.is_some_and(|until| until + GRACE < began) {
                break;
            }
            // Whom nobody has asked for in the calm before is still what SAP said in the fault before it.
            let before = nth.checked_sub(1).and_then(|before| past.get(before));
            let lies = |wrong: &Wrong| matches!(wrong, Wrong::Sap(Fault::EmptyRows));
            if lies(wrong) || before.is_some_and(|(before, ..)| lies(before)) {
                return Sky::Lying;
            }
            sky = Sky::Faulty;
        }
        sky
    }

    /// For a finding: what was wrong last, and how long ago that began.
    pub(super) fn shown(&self) -> String {
        self.past().last().map_or_else(String::new, |(wrong, since, until)| {
            let over = until.map(|until| until.elapsed());
            format!("{wrong:?} began {:?} ago, over since {over:?}", since.elapsed())
        })
    }

    fn choose(&self) -> Wrong {
        let mut rng = self.rng.lock().unwrap();
        let place = rng.usize(..OF_SAP.len() + OF_THE_WAY.len());
        match OF_SAP.get(place) {
            Some(fault) => Wrong::Sap(*fault),
            None => Wrong::Way(OF_THE_WAY[place - OF_SAP.len()]),
        }
    }

    fn begin(&self, wrong: Wrong) {
        match wrong {
            Wrong::Sap(fault) => self.sap.set_fault(Some(fault), None),
            Wrong::Way(OnTheWay::Cut) => self.link.cut(),
            Wrong::Way(OnTheWay::BlackHole) => self.link.black_hole(),
            Wrong::Way(OnTheWay::Closed) => self.link.close_port(),
            Wrong::Way(OnTheWay::Slow) => self.link.slow(Duration::from_millis(150)),
            Wrong::Way(OnTheWay::Resets) => self.link.reset_every(2),
        }
    }

    fn past(&self) -> MutexGuard<'_, Vec<(Wrong, Instant, Option<Instant>)>> {
        self.past.lock().unwrap()
    }
}
