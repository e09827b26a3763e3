//! A refused secret: it is shown rarely enough for SAP not to lock the user, and tried again.

use std::{fs, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;

use super::start;
use crate::support::{
    Client, Does, Gateway, SAP_PASSWORD, SAP_USER, ScriptedSap, eventually,
    gateway::rewrite_config,
    load::{at_once, at_pace, partner, with_outcome},
    scripted::Asked,
    server::{Server, json},
    value_of, within,
};

fn authorization(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{SAP_USER}:{password}")))
}

fn with_password(asked: &[Asked], password: &str) -> usize {
    let shown = authorization(password);
    asked.iter().filter(|asked| asked.authorization == shown).count()
}

async fn refused(gateway: &Gateway) {
    eventually("SAP refuses our credentials", || async {
        value_of(&gateway.metrics().await, "dialgate_sap_credentials_refused") == 1
    })
    .await;
}

/// The longest test there is: half a minute of it is the pause that is promised. It nearly sleeps.
#[tokio::test]
async fn one_401_in_passing_ends_by_one_request_after_half_a_minute_and_without_a_person() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    let never_proven = ScriptedSap::start().await;
    never_proven.does(Does::Status(401));
    let url = never_proven.url();
    let unproven = Gateway::start_unready(&[("sap.url", url.as_str())]).await;
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    sap.does(Does::Status(401));
    assert_eq!(jtel.ask("5000002").await.outcome(), "403 sap_unavailable");
    sap.takes(Duration::from_millis(500));
    sap.does(Does::Answer);
    let before = sap.requests();

    let mut n = 100;
    within(Duration::from_secs(40), "answered again", || {
        n += 5;
        let jtel = &jtel;
        async move {
            let calls = at_once(jtel, (n..n + 5).map(partner)).await;
            with_outcome(&calls, "200") > 0
        }
    })
    .await;

    assert_eq!(jtel.ask("5999999").await.outcome(), "200");
    // One went first, and none before it was answered, although five called at a time.
    let asked = sap.asked();
    let at_once: Vec<_> = asked[before..].iter().map(|asked| asked.at_once).collect();
    assert_eq!(at_once[..2], [1, 1], "{at_once:?}");
    assert_eq!(unproven.jtel().ask("5000001").await.outcome(), "403 sap_unavailable");
    assert_eq!(never_proven.requests(), 1, "never proven: not tried again so soon");
}

#[tokio::test]
async fn memory_goes_on_answering_and_the_gateway_stays_ready_while_the_secret_is_refused() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    sap.does(Does::Status(401));
    assert_eq!(jtel.ask("5000002").await.outcome(), "403 sap_unavailable");

    let (status, told) = gateway.admin("/readyz?verbose").await;

    assert_eq!(status, 200, "{told}");
    assert!(told.contains("refuses our credentials"), "{told}");
    assert_eq!(jtel.ask("5000001").await.source(), "memory");
}

#[tokio::test]
async fn a_late_401_for_the_old_password_does_not_bar_the_new_one() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    // SAP still takes the old one, but for a request that it will refuse late.
    let old = authorization(SAP_PASSWORD);
    sap.decides(move |asked| match asked.partner.as_str() {
        "5000001" if asked.authorization == old => Does::Held(Does::Status(401).into()),
        _ => Does::Answer,
    });
    let late = tokio::spawn({
        let jtel = gateway.jtel();
        async move { jtel.ask("5000001").await.outcome() }
    });
    eventually("SAP has it", || async { sap.requests_for("5000001") == 1 }).await;

    fs::write(gateway.folder.path().join("sap-password"), "new-password").unwrap();
    let mut n = 100;
    eventually("the new password is shown", || {
        n += 1;
        let (jtel, sap) = (&jtel, &sap);
        async move {
            jtel.ask(&partner(n)).await;
            with_password(&sap.asked(), "new-password") > 0
        }
    })
    .await;
    sap.release();
    drop(late.await);

    eventually("the late refusal has arrived", || async { sap.done() == sap.requests() }).await;
    for n in 1000..1010 {
        assert_eq!(jtel.ask(&partner(n)).await.outcome(), "200");
    }
    assert_eq!(value_of(&gateway.metrics().await, "dialgate_sap_credentials_refused"), 0);
}

#[tokio::test]
async fn an_unproven_password_goes_out_once_and_not_five_times_at_a_time() {
    let (gateway, sap) = start(&[]).await;
    let old = authorization(SAP_PASSWORD);
    sap.takes(Duration::from_millis(250));
    sap.decides(
        move |asked| {
            if asked.authorization == old { Does::Answer } else { Does::Status(401) }
        },
    );
    fs::write(gateway.folder.path().join("sap-password"), "wrong-password").unwrap();

    // More than SAP can do all the time, so that some wait when the password changes.
    let load = tokio::spawn({
        let jtel = gateway.jtel();
        async move { at_pace(&jtel, 30, (0..130).map(partner)).await }
    });
    refused(&gateway).await;
    drop(load.await);

    assert_eq!(with_password(&sap.asked(), "wrong-password"), 1);
}

#[tokio::test]
async fn without_a_login_nothing_is_barred() {
    let (gateway, sap) = start(&[("sap.login", "none")]).await;
    let jtel = gateway.jtel();
    sap.does(Does::Status(401));
    assert_eq!(jtel.ask("5000001").await.outcome(), "403 sap_unavailable");
    sap.does(Does::Answer);

    within(Duration::from_secs(3), "answered again", || async {
        jtel.ask("5000002").await.outcome() == "200"
    })
    .await;
}

#[tokio::test]
async fn a_token_server_that_is_ill_for_a_moment_ends_no_login() {
    for (status, body) in [
        ("429 Too Many Requests", r#"{"error":"invalid_client"}"#),
        ("500 Ill", r#"{"error":"invalid_client"}"#),
    ] {
        let sap = ScriptedSap::start().await;
        let tokens = Server::start(json(status, body)).await;
        let login = format!(
            "{{ oauth2: {{ token_url: \"http://{}/token\", client_id: gw, client_secret: {{ file: sap-password }} }} }}",
            tokens.address
        );
        let url = sap.url();
        let changes = [("sap.login", login.as_str()), ("sap.url", url.as_str())];
        let gateway = Gateway::start_unready(&changes).await;
        let jtel = gateway.jtel();
        assert_eq!(jtel.ask("5000001").await.outcome(), "403 sap_unavailable", "{status}");

        tokens.answers_with(json("200 OK", r#"{"access_token":"t","expires_in":3600}"#));

        within(Duration::from_secs(8), "a token is taken again", || async {
            jtel.ask("5000002").await.outcome() == "200"
        })
        .await;
    }
}

#[tokio::test]
async fn retry_login_respects_the_pause_that_sap_asked_for() {
    let (gateway, sap) = start(&[]).await;
    let jtel = gateway.jtel();
    sap.decides(|asked| {
        Does::Held(match asked.partner.as_str() {
            "5000001" => Does::RetryAfter("60".to_owned()).into(),
            _ => Does::Status(401).into(),
        })
    });
    let calls = tokio::spawn(async move { at_once(&jtel, [partner(1), partner(2)]).await });
    eventually("SAP has both", || async {
        sap.requests_for(&partner(1)) == 1 && sap.requests_for(&partner(2)) == 1
    })
    .await;
    sap.release();
    drop(calls.await);
    refused(&gateway).await;
    let before = sap.requests();

    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let url = format!("http://{}/sap/retry-login", gateway.admin);
    admin.send(Method::POST, &url).await;
    let outcome = gateway.jtel().ask("5000003").await.outcome();

    assert_eq!(outcome, "403 sap_unavailable");
    assert_eq!(sap.requests(), before);
}

#[tokio::test]
async fn a_reload_shows_no_refused_password_again_and_a_corrected_one_at_once() {
    let (gateway, sap) = start(&[]).await;
    sap.does(Does::Status(401));
    let jtel = gateway.jtel();
    jtel.ask("5000001").await;
    refused(&gateway).await;
    let asked = sap.requests();
    let url = sap.url();
    let reload = async |changes: &[(&str, &str)]| {
        let changes: Vec<_> = [("sap.url", url.as_str())].iter().chain(changes).copied().collect();
        rewrite_config(gateway.folder.path(), &url, &changes);
        gateway.control.reload().await.unwrap();
    };

    for changes in
        [[("deadline", "2400ms")], [("sap.total_timeout", "4s")], [("sap.language", "DE")]]
    {
        reload(&changes).await;
        assert_eq!(jtel.ask("5000002").await.outcome(), "403 sap_unavailable");
    }
    assert_eq!(sap.requests(), asked, "shown again");

    sap.does(Does::Answer);
    fs::write(gateway.folder.path().join("sap-password"), "another-password").unwrap();
    reload(&[("sap.total_timeout", "3s")]).await;
    assert_eq!(jtel.ask("5000003").await.outcome(), "200");
}
