//! Every fault of the simulator has its kind, ends by its deadline and is told once.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt as _};

use super::{super::SapHealth, *};
use crate::simulator::Fault;

/// What a lookup of 1001910 makes of a fault.
fn expected(fault: Fault) -> &'static str {
    match fault {
        Fault::Unauthorized => "credentials",
        Fault::Forbidden => "forbidden",
        Fault::Html => "html",
        Fault::Redirect => "redirect",
        Fault::Status500 => "status",
        Fault::Status429 => "throttled",
        Fault::Status503Html => "maintenance",
        Fault::Hang | Fault::SlowDrip => "deadline",
        Fault::Cut | Fault::Reset => "cut",
        Fault::NotJson | Fault::TruncatedJson => "not_json",
        Fault::EmptyRows => "unknown",
        Fault::WrongRecord => "wrong_record",
        Fault::TwoRecords => "ambiguous",
        Fault::PathMissing => "path_missing",
        Fault::Oversized => "too_large",
        Fault::ExtraResponse => "Direct sales|DE",
        Fault::Xml => "content_type",
        Fault::ODataError200 => "error_body",
    }
}

#[tokio::test]
async fn every_fault_has_its_kind_ends_in_time_and_leaves_nothing_behind() {
    let simulator = simulator().await;
    let budget = Duration::from_millis(400);
    for fault in Fault::ALL {
        let (client, metrics) = client(&sap_at(&simulator));
        simulator.handle().set_fault(Some(fault), None);
        let started = Instant::now();

        let result = client.look_up(id("1001910"), None, started + budget).await;

        let took = started.elapsed();
        assert!(took < budget + Duration::from_millis(100), "{fault:?} took {took:?}");
        let label = result.as_ref().map_or_else(|error| error.label().to_owned(), told);
        assert_eq!(label, expected(fault), "{fault:?}");
        if let Err(error) = &result {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let text = format!("{error} {}", cause.unwrap_or_default());
            assert!(!text.contains("1001910") && !text.contains("Direct"), "{text}");
            let tries = if matches!(fault, Fault::Cut | Fault::Reset) { 2 } else { 1 };
            if error.label() != "deadline" {
                assert_eq!(metrics.requests(error.outcome()), tries, "{fault:?}");
            }
            let health = match error.label() {
                "credentials" => SapHealth::CredentialsRefused,
                // SAP answered; that one partner's record is no good.
                "not_json" | "wrong_record" | "path_missing" | "too_large" => SapHealth::Answering,
                kind => SapHealth::Silent(kind),
            };
            assert_eq!(client.health(), health, "{fault:?}");
        }
        simulator.handle().set_fault(None, None);
        assert_eq!(client.retry_login(&"a test").is_some(), fault == Fault::Status429);
        if fault == Fault::Status429 {
            continue;
        }
        assert_eq!(
            look_up(&client, "1001911").await,
            "Indirect sales|AT refused",
            "after {fault:?}"
        );
        assert_eq!(client.health(), SapHealth::Answering, "after {fault:?}");
    }
}

#[tokio::test]
async fn sap_is_left_alone_for_as_long_as_it_wants() {
    let simulator = simulator().await;
    let (client, metrics) = client(&sap_at(&simulator));
    simulator.handle().set_fault(Some(Fault::Status429), Some(1));

    let error = client.look_up(id("1001910"), None, Instant::now() + LONG).await.unwrap_err();

    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(error.code(), Some("429"));
    let asked = Instant::now();
    for partner in ["1001910", "1001911", "4040404"] {
        assert_eq!(look_up(&client, partner).await, "throttled");
    }
    assert_eq!(client.probe().await.unwrap_err().label(), "throttled");
    assert!(asked.elapsed() < Duration::from_millis(100), "nobody waits for the moment");
    assert_eq!(simulator.handle().requests(), 1);
    assert_eq!(metrics.requests(SapOutcome::Throttled), 1);
    assert_eq!(metrics.requests_not_sent(SapOutcome::Throttled), 4);
    // Not even an operator's word about the login ends the pause.
    assert!(client.retry_login(&"a test").unwrap() > Duration::from_secs(20));
    assert_eq!(look_up(&client, "1001910").await, "throttled");
    assert_eq!(simulator.handle().requests(), 1);
}

#[tokio::test]
async fn the_whole_lookup_ends_by_the_configured_limit_too() {
    let simulator = simulator().await;
    let limit = Duration::from_millis(200);
    let (client, _) = client(&Sap { total_timeout: limit, ..sap_at(&simulator) });
    simulator.handle().set_fault(Some(Fault::Hang), None);
    let started = Instant::now();

    assert_eq!(look_up(&client, "1001910").await, "deadline");

    assert!(started.elapsed() < limit + Duration::from_millis(100));
}

#[tokio::test]
async fn a_lookup_without_a_free_place_gives_up_by_its_deadline() {
    let simulator = simulator().await;
    let (client, metrics) = client(&Sap { max_in_flight: 1, ..sap_at(&simulator) });
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    simulator.handle().reset();
    simulator.handle().set_fault(Some(Fault::Hang), None);
    let soon = Instant::now() + Duration::from_millis(200);
    let later = soon + Duration::from_millis(200);

    let (second, first) =
        tokio::join!(biased_second(&client, soon), client.look_up(id("1001910"), None, later),);

    assert_eq!(first.unwrap_err().label(), "deadline");
    assert_eq!(second.unwrap_err().label(), "busy");
    assert_eq!(simulator.handle().requests(), 1);
    assert_eq!(metrics.requests_not_sent(SapOutcome::Busy), 1);
}

/// Lets the other lookup take the only place.
async fn biased_second(
    client: &SapClient,
    deadline: Instant,
) -> Result<Lookup, crate::sap::LookupError> {
    tokio::task::yield_now().await;
    client.look_up(id("1001911"), None, deadline).await
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Collects what is logged while it lives.
fn listen() -> (Lines, (tracing::Dispatch, tracing::subscriber::DefaultGuard)) {
    let lines = Lines::default();
    // With a single subscriber alive, tracing lets whichever test logs a line first decide whether
    // anybody listens to it (`Dispatchers::rebuilder`), and the others do not listen.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let logging = subscriber.set_default();
    (lines, (second, logging))
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn an_outage_has_a_line_for_each_new_cause_and_one_for_its_end() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let (lines, _listening) = listen();
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");

    for fault in [Fault::Html, Fault::Html, Fault::Status500, Fault::Html, Fault::Status500] {
        simulator.handle().set_fault(Some(fault), Some(1));
        look_up(&client, "1001910").await;
        client.call_refused();
    }
    client.call_served_stale();
    // The probe, because by now SAP is left alone.
    client.probe().await.unwrap();
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");

    let logged = lines.text();
    let logged: Vec<_> = logged.lines().collect();
    assert_eq!(logged.len(), 3, "{logged:#?}");
    assert!(logged[0].contains("ERROR") && logged[0].contains("kind=\"html\""), "{}", logged[0]);
    assert!(logged[0].contains(&format!("upstream={}", simulator.local_address())));
    assert!(logged[1].contains("WARN") && logged[1].contains("kind=\"status\""), "{}", logged[1]);
    assert!(logged[1].contains("refused=2"), "{}", logged[1]);
    assert!(
        logged[2].contains("INFO") && logged[2].contains("answers again after"),
        "{}",
        logged[2]
    );
    assert!(logged[2].contains("5 calls were refused and 1 answered from memory"), "{}", logged[2]);
    assert!(logged.iter().all(|line| !line.contains("1001910") && !line.contains("Obj")));
}

#[tokio::test]
async fn a_sap_that_flickers_does_not_fill_the_log() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let (lines, _listening) = listen();

    for _ in 0..100 {
        simulator.handle().set_fault(Some(Fault::Status500), Some(1));
        look_up(&client, "1001910").await;
        look_up(&client, "1001910").await;
    }

    let logged = lines.text();
    assert!(logged.lines().count() <= 3, "{logged}");
}

#[tokio::test]
async fn one_partners_bad_record_is_no_outage_and_several_are() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let (lines, _listening) = listen();
    simulator.handle().set_fault(Some(Fault::PathMissing), None);

    for _ in 0..10 {
        assert_eq!(look_up(&client, "1001910").await, "path_missing");
        assert_eq!(client.health(), SapHealth::Answering);
    }
    let told = lines.text();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("one partner's record") && told.contains("path="), "{told}");
    assert_eq!(look_up(&client, "1001911").await, "path_missing");
    assert_eq!(client.health(), SapHealth::Answering);
    assert_eq!(look_up(&client, "1001912").await, "path_missing");

    assert_eq!(client.health(), SapHealth::Silent("path_missing"));
    assert!(lines.text().contains("ERROR"), "{}", lines.text());
}

#[tokio::test]
async fn the_log_has_saps_code_and_never_its_words() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let (lines, _listening) = listen();
    simulator.handle().set_fault(Some(Fault::Forbidden), Some(1));

    let (result, asked) = client.look_up_traced(id("1001910"), None, Instant::now() + LONG).await;

    assert_eq!(result.unwrap_err().code(), Some("403"));
    let said = asked[0].said.clone().unwrap();
    assert_eq!(said.message.as_deref(), Some("no authorization"));
    let logged = lines.text();
    assert!(logged.contains("code=\"403\""), "{logged}");
    assert!(!logged.contains("no authorization"), "{logged}");
}
