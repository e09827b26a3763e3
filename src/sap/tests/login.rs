//! Credentials: shown once when they are wrong, and never again until somebody says so.

use http::HeaderName;

use super::{super::SapHealth, *};
use crate::simulator::Fault;

fn with_password(simulator: &Simulator, password: &str) -> Sap {
    let password = Secret::new(password.to_owned());
    Sap { login: Login::Basic { user: "DIALGATE".to_owned(), password }, ..sap_at(simulator) }
}

#[tokio::test]
async fn a_wrong_password_is_shown_once_however_many_ask() {
    let simulator = simulator().await;
    let (client, metrics) = client(&with_password(&simulator, "wrong"));
    let lookups = (0..50).map(|number| {
        let client = &client;
        async move { look_up(client, &(5_000_000 + number).to_string()).await }
    });
    let mut all = Vec::new();
    for lookup in lookups {
        all.push(Box::pin(lookup));
    }

    let mut answers = Vec::new();
    // Polled in turns, so that all of them are under way together.
    while !all.is_empty() {
        let mut waiting = Vec::new();
        for mut lookup in all {
            tokio::select! {
                biased;
                answer = &mut lookup => answers.push(answer),
                () = tokio::task::yield_now() => waiting.push(lookup),
            }
        }
        all = waiting;
    }

    assert_eq!(answers, vec!["credentials"; 50]);
    assert_eq!(simulator.handle().requests(), 1);
    assert_eq!(client.health(), SapHealth::CredentialsRefused);
    assert_eq!(metrics.requests(SapOutcome::Credentials), 1);
    assert_eq!(metrics.requests_not_sent(SapOutcome::Credentials), 49);
    assert_eq!(client.probe().await.unwrap_err().label(), "credentials");
    assert_eq!(simulator.handle().requests(), 1);
}

#[tokio::test]
async fn a_password_that_stops_being_right_is_not_tried_again_until_told_to() {
    let simulator = simulator().await;
    let (client, _) = client(&sap_at(&simulator));
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    simulator.handle().set_fault(Some(Fault::Unauthorized), None);
    assert_eq!(look_up(&client, "1001910").await, "credentials");
    assert_eq!(look_up(&client, "1001910").await, "credentials");
    assert_eq!(simulator.handle().requests(), 2);

    client.retry_login(&"a test");
    assert_eq!(client.health(), SapHealth::NotAsked);
    assert_eq!(look_up(&client, "1001910").await, "credentials");
    assert_eq!(look_up(&client, "1001910").await, "credentials");
    assert_eq!(simulator.handle().requests(), 3);

    simulator.handle().set_fault(None, None);
    client.retry_login(&"a test");
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
}

#[tokio::test]
async fn nobody_is_asked_for_credentials_without_a_login() {
    let simulator = simulator().await;
    let (client, _) = client(&Sap { login: Login::None, ..sap_at(&simulator) });

    assert_eq!(look_up(&client, "1001910").await, "credentials");
}

#[tokio::test]
async fn fixed_headers_can_be_the_login() {
    let simulator = simulator().await;
    // base64 of DIALGATE:simulated
    let value = Secret::new("Basic RElBTEdBVEU6c2ltdWxhdGVk".to_owned());
    let login = Login::Headers(vec![(HeaderName::from_static("authorization"), value)]);
    let (client, _) = client(&Sap { login, ..sap_at(&simulator) });

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
}

#[test]
fn a_header_that_bends_the_request_is_no_login() {
    let login = Login::Headers(vec![
        (HeaderName::from_static("apikey"), Secret::new("sound".to_owned())),
        (HeaderName::from_static("host"), Secret::new("elsewhere".to_owned())),
        (HeaderName::from_static("x-key"), Secret::new("a\r\nb: c".to_owned())),
    ]);

    let problems = crate::sap::check(&Sap { login, ..sap("http://localhost") });

    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.key == "sap.login"));
    assert!(!format!("{problems:?}").contains("b: c"), "a secret in a text");
}
