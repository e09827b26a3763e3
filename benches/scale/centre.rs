//! A contact centre's day in the model: calls come, SAP answers, fails for half an hour, and comes back.

use std::{cmp::Reverse, collections::BinaryHeap};

use dialgate::config::Config;

use super::{
    day::{Day, Part, Places, Sharing},
    door::{Door, Flight, Moment, Waiting},
    replica::{Entry, Replica},
};

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

/// Calls a second, over all replicas: about 700 agents who click every two minutes.
const CALLS: f64 = 6.0;
/// Partners, of whom the busiest are called most (Zipf with exponent 0.8).
const PARTNERS: u32 = 30_000;
const ZIPF: f64 = 0.8;
/// A working day, and when SAP is silent in it.
const DAY: u64 = 10 * HOUR;
const OUTAGE: std::ops::Range<u64> = 5 * HOUR..5 * HOUR + HOUR / 2;
/// SAP's answers: half of them within 500 ms, one in forty later than 1.3 s (log-normal).
const MEDIAN: f64 = 500.0;
const SPREAD: f64 = 0.5;
/// More at once than these, and Cloud for Customer sends away (KBA 3577788), for so long.
const THREADS: usize = 10;
const HELD: u64 = 5 * SECOND;
/// Sales Cloud Version 2 grants so many requests a day, and some more for each user (KBA 3559130).
const QUOTA: u64 = 150_000;

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    Call,
    GiveUp { door: usize, partner: u32, call: u64, has_older: bool },
    Done { door: usize, partner: u32, outcome: Outcome },
    Refresh { replica: usize, partner: u32, fetched: Moment },
    Probe { door: usize },
    Probed { door: usize },
    Released { door: usize },
}

#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Outcome {
    Answered,
    Silent,
    SentAway,
}

pub(crate) struct Centre<'c> {
    config: &'c Config,
    sharing: Sharing,
    doors: Vec<Door>,
    replicas: Vec<Replica>,
    shared: Replica,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    number: u64,
    now: Moment,
    at_sap: usize,
    /// Who calls when does not depend on anything else: each run has the same day.
    calls: fastrand::Rng,
    random: fastrand::Rng,
    shares: Vec<f64>,
    day: Day,
}

impl<'c> Centre<'c> {
    pub(crate) fn new(config: &'c Config, replicas: u32, places: Places, sharing: Sharing) -> Self {
        let all = config.systems.first().max_in_flight;
        let (doors, capacity) = match places {
            Places::Each => (replicas, all),
            Places::Divided => (replicas, (all / replicas as usize).max(1)),
            Places::Common => (1, all),
        };
        let mut sum = 0.0;
        let shares = (1..=PARTNERS).map(|rank| {
            sum += f64::from(rank).powf(-ZIPF);
            sum
        });
        Self {
            config,
            sharing,
            doors: (0..doors).map(|_| Door::new(capacity, replicas / doors)).collect(),
            replicas: (0..replicas).map(|_| Replica::default()).collect(),
            shared: Replica::default(),
            events: BinaryHeap::new(),
            number: 0,
            now: 0,
            at_sap: 0,
            calls: fastrand::Rng::with_seed(4711),
            random: fastrand::Rng::with_seed(4712),
            shares: shares.collect(),
            day: Day::default(),
        }
    }

    /// Until the last call of the day has its answer.
    pub(crate) fn work(mut self) -> Day {
        self.at(0, Event::Call);
        while let Some(Reverse((moment, _, event))) = self.events.pop() {
            self.now = moment;
            self.happens(event);
        }
        self.day
    }

    fn at(&mut self, moment: Moment, event: Event) {
        self.number += 1;
        self.events.push(Reverse((moment, self.number, event)));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Call => self.call(),
            Event::GiveUp { door, partner, call, has_older } => {
                let flight = self.doors[door].flights.get_mut(&partner);
                let Some(flight) = flight else { return };
                let place = flight.waiting.iter().position(|waiting| waiting.call == call);
                let Some(place) = place else { return };
                flight.waiting.swap_remove(place);
                // What SAP says is for the next caller.
                flight.is_refresh |= has_older;
                self.without_sap(has_older);
            }
            Event::Done { door, partner, outcome } => self.done(door, partner, outcome),
            Event::Refresh { replica, partner, fetched } => self.refresh(replica, partner, fetched),
            Event::Probe { door } => {
                self.sent();
                let wait = if self.is_out() { self.longest_answer() } else { self.takes() };
                self.at(self.now + wait, Event::Probed { door });
            }
            Event::Probed { door } => {
                self.at_sap -= 1;
                if self.is_out() {
                    let (open_for, longest) = self.breaker();
                    let wait = self.doors[door].later(open_for, longest);
                    self.at(self.now + wait, Event::Probe { door });
                } else {
                    self.doors[door].answered();
                    self.send(door);
                }
            }
            Event::Released { door } => self.send(door),
        }
    }

    fn call(&mut self) {
        let pause = -self.calls.f64().max(1e-12).ln() / CALLS * 1000.0;
        let next = self.now + pause as u64;
        if next < DAY {
            self.at(next, Event::Call);
        }
        self.part().calls += 1;
        let replica = self.random.usize(..self.replicas.len());
        let drawn = self.calls.f64() * self.shares.last().copied().unwrap_or_default();
        let partner = self.shares.partition_point(|sum| *sum < drawn) as u32;
        let known = self.known(replica, partner);
        if known.is_some_and(|entry| entry.is_fresh(self.now)) {
            self.part().memory += 1;
            self.used(replica, partner);
            return;
        }
        let last_good = self.config.cache.last_good_ttl.as_millis() as u64;
        let has_older = known.is_some_and(|entry| self.now - entry.fetched < last_good);
        let door = self.door_of(replica);
        if self.doors[door].is_shut(self.now) || self.day.requests >= QUOTA {
            return self.without_sap(has_older);
        }
        let call = self.number;
        let flights = &mut self.doors[door].flights;
        let is_new = !flights.contains_key(&partner);
        let flight =
            flights.entry(partner).or_insert_with(|| Flight { replica, ..Flight::default() });
        flight.waiting.push(Waiting { replica, call });
        if is_new {
            self.doors[door].live.push_back(partner);
        }
        let wait = if has_older { self.config.answer_within } else { self.config.deadline };
        let until = self.now + wait.as_millis() as u64;
        self.at(until, Event::GiveUp { door, partner, call, has_older });
        self.send(door);
    }

    /// What this replica knows, from the shared memory where there is one.
    fn known(&mut self, replica: usize, partner: u32) -> Option<Entry> {
        let own = self.replicas[replica].memory.get(&partner).copied();
        if own.is_some_and(|entry| entry.is_fresh(self.now)) || self.sharing == Sharing::Nothing {
            return own;
        }
        let shared = self.shared.memory.get(&partner).copied();
        if let Some(shared) = shared {
            self.replicas[replica].memory.insert(partner, Entry { is_used: false, ..shared });
        }
        shared.or(own)
    }

    /// A partner in use is asked for ahead of its end.
    fn used(&mut self, replica: usize, partner: u32) {
        let Some(entry) = self.replicas[replica].memory.get_mut(&partner) else { return };
        if entry.is_used || !self.config.cache.refresh_ahead {
            return;
        }
        entry.is_used = true;
        let ahead = entry.lives as f64 / 5.0 * (1.0 - 0.5 * self.random.f64());
        let (at, fetched) = (entry.ends() - ahead as u64, entry.fetched);
        self.at(at.max(self.now), Event::Refresh { replica, partner, fetched });
    }

    fn refresh(&mut self, replica: usize, partner: u32, fetched: Moment) {
        let door = self.door_of(replica);
        let is_current = |memory: &Replica| {
            memory.memory.get(&partner).is_some_and(|entry| entry.fetched == fetched)
        };
        let is_wanted = is_current(&self.replicas[replica])
            && (self.sharing == Sharing::Nothing || is_current(&self.shared));
        let reserve = QUOTA * u64::from(self.config.systems.first().daily_reserve_percent) / 100;
        if !is_wanted
            || self.now >= DAY
            || self.day.requests >= QUOTA - reserve
            || self.doors[door].is_shut(self.now)
            || self.doors[door].flights.contains_key(&partner)
        {
            return;
        }
        let flight = Flight { is_refresh: true, replica, ..Flight::default() };
        self.doors[door].flights.insert(partner, flight);
        self.doors[door].refreshes.push_back(partner);
        self.send(door);
    }

    /// Sends what has a place.
    fn send(&mut self, door: usize) {
        while self.day.requests < QUOTA
            && let Some(partner) = self.doors[door].next(self.now)
        {
            self.sent();
            let (wait, outcome) = if self.is_out() {
                (self.longest_answer(), Outcome::Silent)
            } else if self.at_sap > THREADS {
                (SECOND / 20, Outcome::SentAway)
            } else {
                (self.takes(), Outcome::Answered)
            };
            self.at(self.now + wait, Event::Done { door, partner, outcome });
        }
    }

    fn sent(&mut self) {
        self.at_sap += 1;
        self.day.requests += 1;
        self.part().requests += 1;
        self.day.most_at_once = self.day.most_at_once.max(self.at_sap);
        if self.day.requests == QUOTA {
            self.day.quota_lasted = Some(self.now as f64 / HOUR as f64);
        }
    }

    fn done(&mut self, door: usize, partner: u32, outcome: Outcome) {
        self.at_sap -= 1;
        self.doors[door].busy -= 1;
        let flight = self.doors[door].flights.remove(&partner);
        match outcome {
            Outcome::Answered => {
                self.doors[door].answered();
                let entry = Entry::new(self.now, &self.config.cache, &mut self.random);
                let Some(flight) = flight else { return };
                self.replicas[flight.replica].memory.insert(partner, entry);
                if self.sharing == Sharing::Memory {
                    self.shared.memory.insert(partner, entry);
                }
                for waiting in flight.waiting {
                    self.part().sap += 1;
                    self.replicas[waiting.replica].memory.insert(partner, entry);
                }
            }
            Outcome::Silent | Outcome::SentAway => {
                self.fail(flight, partner);
                if outcome == Outcome::SentAway {
                    self.doors[door].hold(self.now + HELD);
                    self.at(self.now + HELD, Event::Released { door });
                } else {
                    let (open_for, longest) = self.breaker();
                    if let Some(wait) = self.doors[door].failed(open_for, longest) {
                        self.at(self.now + wait, Event::Probe { door });
                    }
                }
                if self.doors[door].is_shut(self.now) {
                    for (partner, flight) in self.doors[door].send_away() {
                        self.fail(Some(flight), partner);
                    }
                }
            }
        }
        self.send(door);
    }

    fn fail(&mut self, flight: Option<Flight>, partner: u32) {
        let last_good = self.config.cache.last_good_ttl.as_millis() as u64;
        for waiting in flight.into_iter().flat_map(|flight| flight.waiting) {
            let known = self.known(waiting.replica, partner);
            self.without_sap(known.is_some_and(|entry| self.now - entry.fetched < last_good));
        }
    }

    fn without_sap(&mut self, has_older: bool) {
        if has_older {
            self.part().older += 1;
        } else {
            self.part().refused += 1;
        }
    }

    fn part(&mut self) -> &mut Part {
        let place = match self.now {
            ..HOUR => 0,
            now if now < OUTAGE.start => 1,
            now if now < OUTAGE.end => 2,
            _ => 3,
        };
        &mut self.day.parts[place]
    }

    fn door_of(&self, replica: usize) -> usize {
        if self.doors.len() == 1 { 0 } else { replica }
    }

    fn is_out(&self) -> bool {
        OUTAGE.contains(&self.now)
    }

    fn takes(&mut self) -> u64 {
        // Box-Muller.
        let (first, second) = (self.random.f64().max(1e-12), self.random.f64());
        let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        (MEDIAN * (SPREAD * normal).exp()) as u64
    }

    /// A request without an answer ends with the call.
    fn longest_answer(&self) -> u64 {
        self.config.deadline.as_millis() as u64
    }

    fn breaker(&self) -> (u64, u64) {
        let open_for = self.config.systems.first().breaker.open_for.as_millis() as u64;
        (open_for, self.config.systems.first().probe_interval.as_millis() as u64)
    }
}
