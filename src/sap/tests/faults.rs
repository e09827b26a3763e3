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
            assert_eq!(metrics.requests(error.outcome()), 1, "{fault:?}");
            let health = match error.label() {
                "credentials" => SapHealth::CredentialsRefused,
                kind => SapHealth::Silent(kind),
            };
            assert_eq!(client.health(), health, "{fault:?}");
        }
        simulator.handle().set_fault(None, None);
        client.retry_login();
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
    assert_eq!(client.probe(Instant::now() + LONG).await.unwrap_err().label(), "throttled");
    assert!(asked.elapsed() < Duration::from_millis(100), "nobody waits for the moment");
    assert_eq!(simulator.handle().requests(), 1);
    assert_eq!(metrics.requests(SapOutcome::Throttled), 1);
    assert_eq!(metrics.requests_not_sent(SapOutcome::Throttled), 4);
    client.retry_login();
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
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

#[tokio::test]
async fn an_outage_is_logged_once_and_so_is_its_end() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let lines = Lines::default();
    // With a single subscriber alive, tracing lets whichever test logs a line first decide whether
    // anybody listens to it (`Dispatchers::rebuilder`), and the others do not listen.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _logging = subscriber.set_default();
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");

    for fault in [Fault::TruncatedJson, Fault::TruncatedJson, Fault::Html, Fault::Status500] {
        simulator.handle().set_fault(Some(fault), Some(1));
        look_up(&client, "1001910").await;
    }
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let logged: Vec<_> = logged.lines().collect();
    assert_eq!(logged.len(), 2, "{logged:#?}");
    assert!(logged[0].contains("ERROR") && logged[0].contains("position=22"), "{}", logged[0]);
    assert!(logged[0].contains(&format!("upstream={}", simulator.local_address())));
    assert!(logged[1].contains("INFO") && logged[1].contains("answers again"), "{}", logged[1]);
    assert!(logged.iter().all(|line| !line.contains("1001910") && !line.contains("Obj")));
}

#[tokio::test]
async fn the_log_has_saps_code_and_never_its_words() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    let lines = Lines::default();
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _logging = subscriber.set_default();
    simulator.handle().set_fault(Some(Fault::Forbidden), Some(1));

    let (result, asked) = client.look_up_traced(id("1001910"), None, Instant::now() + LONG).await;

    assert_eq!(result.unwrap_err().code(), Some("403"));
    let said = asked[0].said.clone().unwrap();
    assert_eq!(said.message.as_deref(), Some("no authorization"));
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("code=\"403\""), "{logged}");
    assert!(!logged.contains("no authorization"), "{logged}");
}
