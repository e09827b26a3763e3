//! What a lookup does before it asks SAP: looks what other replicas know, and waits where one of them is
//! asking already.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    net::kv::{Link, Question, Trouble},
    sap::{SapOutcome, Urgency},
};

use super::{
    super::{
        Shared,
        memory::{Key, Remembered},
        trip::Trip,
    },
    Sharing,
    metrics::{Looked, Waited},
    names::{Name, Names},
    turn::{self, Granted, Turn, Turns},
    value::{self, Read},
};

/// How long another replica's lookup is left alone before it is asked after, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(4);
const LAST_LOOK: Duration = Duration::from_millis(40);

/// Two machines' clocks make a difference between the ages of one and the same answer.
const SAME_ANSWER: Duration = Duration::from_millis(500);

/// What came of it.
pub(in crate::lookup) enum Approach {
    /// Another replica knows it.
    Told(Remembered),
    /// Another replica has asked SAP in vain a moment ago.
    Failed(SapOutcome),
    /// Another replica is asking, for longer than anybody waits here.
    Late,
    /// SAP is to be asked; until then its door may wait for the shared memory, where it has been waited for.
    Ask(Turns, Option<Instant>),
}

/// What a value is worth here.
enum Worth {
    Fresh(Remembered),
    Older(Remembered),
    Nothing,
}

impl Shared {
    /// Looks, and gets a turn; the flight knows when it goes on to SAP.
    pub(in crate::lookup) async fn approach(&self, sharing: &Sharing, trip: &Trip) -> Approach {
        let alone = || {
            trip.flight.is_beyond(None);
            Approach::Ask(Turns::new(None), None)
        };
        let (Some(key), Some(link)) = (trip.key, sharing.answering()) else { return alone() };
        let names = Names::of(&link, &key);
        let (began, until) = (Instant::now(), link.until());
        let read = sharing.read(&link, &names, until).await;
        let looked = |looked| sharing.metrics.looked(looked);
        let Ok(read) = read else {
            looked(Looked::Failed);
            sharing.metrics.took(began);
            trip.flight.is_beyond(None);
            return Approach::Ask(Turns::new(None), Some(began));
        };
        let unusable = read.is_unusable;
        let seen = read.fence;
        let older = match self.worth(&key, read, trip) {
            Worth::Fresh(remembered) => {
                looked(Looked::Hit);
                sharing.metrics.took(began);
                return Approach::Told(remembered);
            }
            Worth::Older(older) => {
                looked(Looked::Older);
                Some(older)
            }
            Worth::Nothing => {
                looked(if unusable { Looked::Unusable } else { Looked::Miss });
                None
            }
        };
        trip.flight.is_beyond(older);
        self.turn(sharing, trip, (&link, key, &names.own), seen, (began, until)).await
    }

    /// Gets a turn, or what another replica makes of its own.
    async fn turn(
        &self,
        sharing: &Sharing,
        trip: &Trip,
        (link, key, name): (&Arc<Link>, Key, &Name),
        mut seen: Option<value::Fence>,
        (began, mut until): (Instant, Instant),
    ) -> Approach {
        let token = turn::token();
        let mut pause = FIRST_LOOK;
        let mut has_waited = false;
        let mut is_first = true;
        let waited = |has_waited: bool, how| {
            if has_waited {
                sharing.metrics.waited(how);
            }
        };
        loop {
            let granted = turn::ask(link, name, &token, seen, until).await;
            if std::mem::take(&mut is_first) {
                sharing.metrics.took(began);
            }
            match granted {
                Ok(Granted::Yours(fence)) => {
                    waited(has_waited, Waited::TookOver);
                    let turn = Turn::new(link, name, token, fence);
                    return Approach::Ask(Turns::new(Some(turn)), Some(until));
                }
                Ok(Granted::New(bytes)) => {
                    let read = value::open(link, name, &bytes);
                    seen = read.fence.max(seen);
                    if let Worth::Fresh(remembered) = self.worth(&key, read, trip) {
                        waited(has_waited, Waited::Told);
                        return Approach::Told(remembered);
                    }
                    // Forgotten, or of no use to us: a turn, then.
                    until = link.until();
                    continue;
                }
                Ok(Granted::Failed(Some(why))) => {
                    sharing.metrics.waited(Waited::Failed);
                    return Approach::Failed(why);
                }
                Ok(Granted::Held | Granted::Failed(None)) => {}
                Err(_trouble) => {
                    waited(has_waited, Waited::GaveUp);
                    return Approach::Ask(Turns::new(None), Some(began));
                }
            }
            if !has_waited {
                has_waited = true;
                // From here on it is SAP that is waited for.
                trip.flight.is_sent();
            }
            if Instant::now() >= trip.deadline {
                waited(true, Waited::GaveUp);
                return Approach::Late;
            }
            sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
            pause = (pause * 3 / 2).min(LAST_LOOK);
            until = link.until();
        }
    }

    /// What a value is worth by this replica's rules and times; what is newer than its own it takes.
    fn worth(&self, key: &Key, read: Read, trip: &Trip) -> Worth {
        let (now, times) = (Instant::now(), &trip.times);
        let recalled = read.stored.and_then(|stored| self.memory.recall(stored, times));
        let Some(recalled) = recalled.filter(|recalled| recalled.has(trip.sap.reads())) else {
            return Worth::Nothing;
        };
        let own = self.memory.get(key);
        let is_newer = own.as_ref().is_none_or(|own| {
            !own.has(trip.sap.reads()) || recalled.age(now) + SAME_ANSWER < own.age(now)
        });
        let is_wanted = match trip.urgency {
            Urgency::Refresh => !recalled.is_in_its_second_half(now, times),
            Urgency::Live | Urgency::Probe => true,
        };
        if is_newer && is_wanted && recalled.is_fresh(now, times) {
            self.seen.note(&recalled.lookup);
            self.memory.remember(key, recalled.clone());
            return Worth::Fresh(recalled);
        }
        if is_newer && recalled.bridges(now, times) {
            self.memory.remember(key, recalled.clone());
            return Worth::Older(recalled);
        }
        Worth::Nothing
    }
}

impl Sharing {
    /// What stands under the names of a partner: the newest of it that can be used.
    async fn read(&self, link: &Link, names: &Names, until: Instant) -> Result<Read, Trouble> {
        let read = |name: &Name| {
            let mut get = redis::cmd("GET");
            get.arg(&name.value);
            async move { link.ask::<Option<Vec<u8>>>(Question::Command(&get), until).await }
        };
        let own = read(&names.own);
        let Some(before) = &names.before else {
            let bytes = own.await?;
            return Ok(
                bytes.map_or_else(Read::default, |bytes| value::open(link, &names.own, &bytes))
            );
        };
        let (own, old) = tokio::join!(own, read(before));
        let (own, old) = (own?, old?);
        let own = own.map_or_else(Read::default, |bytes| value::open(link, &names.own, &bytes));
        let old = old.map_or_else(Read::default, |bytes| value::open(link, before, &bytes));
        let said_at = |read: &Read| read.stored.as_ref().map(|stored| stored.said_at);
        // The fence is of the name under which a turn is asked for.
        let stored = if said_at(&old) > said_at(&own) { old.stored } else { own.stored };
        Ok(Read { stored, fence: own.fence, is_unusable: own.is_unusable || old.is_unusable })
    }
}
