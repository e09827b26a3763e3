//! The ladder over the SAP simulator: what is known, from where, and how often SAP was asked.

mod changes;
mod refreshes;

use super::*;
use crate::{
    config::{Sap, SealingKeys},
    domain::{Home, Lookup},
    sap::{SapMetrics, testing::sap, tests::simulator},
    simulator::{Fault, Simulator},
    telemetry::clock::{CallId, Moment},
};

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

struct World {
    simulator: Simulator,
    partners: Arc<Partners>,
    client: Arc<SapClient>,
    times: Cache,
    answer_within: Duration,
    deadline: Duration,
}

impl World {
    async fn new() -> Self {
        Self::with(|_sap| ()).await
    }

    async fn with(change: impl FnOnce(&mut Sap)) -> Self {
        let simulator = simulator().await;
        let mut config = sap(&format!("http://{}", simulator.local_address()));
        config.breaker.failure_percent = 100;
        change(&mut config);
        let registry = prometheus::Registry::new();
        let metrics = Arc::new(SapMetrics::new(&registry).unwrap());
        let memory = Arc::new(MemoryMetrics::new(&registry).unwrap());
        let times = Cache {
            max_entries: 1000,
            found_ttl: HOUR,
            unknown_ttl: HOUR,
            last_good_ttl: HOUR,
            refresh_ahead: true,
            jitter_percent: 0,
            keys: SealingKeys::default(),
            shared: None,
            snapshot: None,
        };
        Self {
            simulator,
            partners: Arc::new(Partners::new(times.max_entries, memory)),
            client: Arc::new(SapClient::new(&config, metrics).unwrap()),
            times,
            answer_within: SECOND / 5,
            deadline: 5 * SECOND,
        }
    }

    async fn find(&self, partner: &str) -> Found {
        let now = Instant::now();
        let home = Home::parse("DE").unwrap();
        let dialled = DialledNumber::parse("089 46149500", home).unwrap();
        let inquiry = Inquiry {
            partner: PartnerId::parse(partner).unwrap(),
            dialled: Some(&dialled),
            sap: &self.client,
            times: &self.times,
            answer_within: self.answer_within,
            started: now,
            deadline: now + self.deadline,
        };
        let trace = |_: &Arc<_>| Trace::of(CallId::new(Moment::now()), &http::HeaderMap::new());
        self.partners.find(&inquiry, trace).await
    }

    /// The same SAP after a change of its section.
    fn reloaded(&mut self, change: impl FnOnce(&mut Sap)) {
        let mut config = sap(&format!("http://{}", self.simulator.local_address()));
        change(&mut config);
        let metrics = Arc::new(SapMetrics::new(&prometheus::Registry::new()).unwrap());
        self.client = Arc::new(SapClient::new(&config, metrics).unwrap());
        self.partners.refresh_from(&[Arc::clone(&self.client)], &self.times);
    }

    fn fault(&self, fault: Option<Fault>) {
        self.simulator.handle().set_fault(fault, None);
    }

    fn requests(&self) -> u64 {
        self.simulator.handle().requests()
    }
}

fn silence(found: &Found) -> &'static str {
    found.silence.as_ref().map_or("none", |silence| silence.outcome().label())
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + 10 * SECOND;
    while !is_so().await {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(SECOND / 100).await;
    }
}

#[tokio::test]
async fn a_partner_is_asked_for_once_and_then_remembered() {
    let world = World::new().await;

    let first = world.find("1001910").await;
    let second = world.find("1001910").await;

    assert_eq!((first.source, second.source), (Source::Sap, Source::Memory));
    assert!(first.sap_took.is_some() && second.sap_took.is_none());
    assert_eq!(first.known.unwrap().lookup, second.known.unwrap().lookup);
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_thousand_callers_share_one_request_also_when_the_first_hangs_up() {
    let world = Arc::new(World::new().await);
    world.simulator.handle().set_delay(SECOND / 2);
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.find("1001910").await.source }
    });
    eventually("SAP is asked", async || world.requests() == 1).await;
    first.abort();
    let others: Vec<_> = (0..1000)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.find("1001910").await.source })
        })
        .collect();

    for other in others {
        assert_eq!(other.await.unwrap(), Source::Sap);
    }
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_thousand_callers_share_one_error_and_so_do_those_who_come_a_moment_later() {
    let world = Arc::new(World::new().await);
    world.fault(Some(Fault::Status500));
    let calls = |count: usize| {
        let world = &world;
        let calls: Vec<_> = (0..count)
            .map(|_| {
                let world = Arc::clone(world);
                tokio::spawn(async move { silence(&world.find("1001910").await) })
            })
            .collect();
        async move {
            for call in calls {
                assert_eq!(call.await.unwrap(), "status");
            }
        }
    };

    calls(1000).await;
    calls(100).await;

    assert_eq!(world.requests(), 1);
    world.fault(None);
    eventually("SAP is asked again", async || world.find("1001910").await.known.is_some()).await;
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn a_caller_waits_until_its_own_deadline_and_the_answer_is_remembered_all_the_same() {
    let mut world = World::new().await;
    world.simulator.handle().set_delay(SECOND / 2);
    world.deadline = SECOND / 5;

    let found = world.find("1001910").await;
    assert!(found.known.is_none());
    assert_eq!(silence(&found), "deadline");

    eventually("it is remembered", async || world.find("1001910").await.source == Source::Memory)
        .await;
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn what_sap_said_before_is_used_while_it_is_slow_and_what_it_says_is_for_the_next_caller() {
    let mut world = World::new().await;
    world.find("1001910").await;
    world.times.found_ttl = Duration::ZERO;
    world.simulator.handle().set_delay(SECOND);

    let began = Instant::now();
    let slow = world.find("1001910").await;
    let (first, asked) = (began.elapsed(), Instant::now());
    let second = world.find("1001910").await;

    assert_eq!((slow.source, second.source), (Source::Stale, Source::Stale));
    assert!(first >= world.answer_within && first < SECOND, "{first:?}");
    // SAP is known to be slower than that: nobody finds it out again.
    assert!(asked.elapsed() < world.answer_within, "{:?}", asked.elapsed());
    world.times.found_ttl = HOUR;
    eventually("SAP's answer is there", async || {
        let found = world.find("1001910").await;
        found.source == Source::Memory && found.age < SECOND
    })
    .await;
    assert_eq!(world.requests(), 2);
}

#[tokio::test]
async fn what_sap_said_before_is_used_while_it_fails_until_sap_says_otherwise() {
    let mut world = World::new().await;
    world.find("1001910").await;
    world.times.found_ttl = Duration::ZERO;
    world.fault(Some(Fault::Status500));

    let first = world.find("1001910").await;
    assert_eq!((first.source, silence(&first)), (Source::LastGood, "status"));
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(world.find("1001910").await.source, Source::LastGood);
    }
    assert!(began.elapsed() < SECOND, "SAP is known to be silent: nobody waits");

    world.fault(Some(Fault::EmptyRows));
    world.times.unknown_ttl = Duration::ZERO;
    eventually("SAP is asked again", async || {
        let found = world.find("1001910").await;
        found.source == Source::Sap
    })
    .await;
    world.fault(Some(Fault::Status500));
    eventually("unknown is not used past its time", async || {
        world.find("1001910").await.source == Source::None
    })
    .await;
}

#[tokio::test]
async fn a_last_good_time_of_zero_uses_nothing_past_its_time() {
    let mut world = World::new().await;
    world.times.last_good_ttl = Duration::ZERO;
    world.find("1001910").await;
    world.times.found_ttl = Duration::ZERO;
    world.fault(Some(Fault::Status500));

    assert!(world.find("1001910").await.known.is_none());
}

#[tokio::test]
async fn a_lookup_that_nobody_waits_for_and_that_was_not_sent_is_dropped() {
    let world = Arc::new(World::with(|sap| sap.max_in_flight = 1).await);
    world.simulator.handle().set_delay(SECOND);
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.find("1001910").await.source }
    });
    eventually("the only place is taken", async || world.requests() == 1).await;

    let callers: Vec<_> = (0..1000)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.find(&(5_000_000 + number).to_string()).await.source })
        })
        .collect();
    eventually("they wait", async || world.partners.shared.flights.len() == 1001).await;
    for caller in callers {
        caller.abort();
    }

    eventually("they are gone", async || world.partners.shared.flights.len() == 1).await;
    assert_eq!(first.await.unwrap(), Source::Sap);
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_late_joiner_has_a_time_of_his_own() {
    let mut world = World::with(|sap| sap.total_timeout = SECOND).await;
    world.deadline = SECOND;
    let world = Arc::new(world);
    world.fault(Some(Fault::Hang));
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.find("1001910").await }
    });
    tokio::time::sleep(SECOND * 9 / 10).await;
    world.fault(None);

    let second = world.find("1001910").await;

    assert_eq!(silence(&first.await.unwrap()), "deadline");
    assert_eq!(second.source, Source::Sap);
}

#[tokio::test]
async fn whoever_finds_no_place_in_time_is_told_so_and_not_that_sap_did_not_answer() {
    let mut world = World::with(|sap| sap.max_in_flight = 1).await;
    world.deadline = SECOND / 2;
    let world = Arc::new(world);
    world.fault(Some(Fault::Hang));
    let first = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.find("1001910").await }
    });
    eventually("the only place is taken", async || world.requests() == 1).await;

    let second = world.find("1001911").await;

    assert_eq!(silence(&second), "busy");
    assert!(second.queued.is_some() && second.sap_took.is_none());
    assert!(second.silence.unwrap().is_our_own_queue());
    assert_eq!(silence(&first.await.unwrap()), "deadline");
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn the_end_waits_for_nobody() {
    let world = Arc::new(World::new().await);
    world.fault(Some(Fault::Hang));
    let call = tokio::spawn({
        let world = Arc::clone(&world);
        async move { silence(&world.find("1001910").await) }
    });
    eventually("SAP is asked", async || world.requests() == 1).await;
    let began = Instant::now();

    world.partners.finish().await;

    assert!(began.elapsed() < SECOND);
    assert_eq!(call.await.unwrap(), "lost");
}
