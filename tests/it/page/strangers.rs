//! Pages that are not ours, in the browser of somebody who may press our buttons.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{page_of, url};
use crate::support::{Gateway, Process};

/// A page on a port of its own, which is an origin of its own.
async fn page_elsewhere(html: String) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        loop {
            let (tcp, _peer) = listener.accept().await.unwrap();
            let html = html.clone();
            let service = service_fn(move |_request| {
                let page = Response::builder().header(CONTENT_TYPE, "text/html; charset=utf-8");
                let page = page.body(Full::new(Bytes::from(html.clone()))).unwrap();
                std::future::ready(Ok::<_, Infallible>(page))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    };
    (address, AbortOnDropHandle::new(tokio::spawn(serve)))
}

async fn token_of(gateway: &Gateway) -> String {
    let page = gateway.admin("/").await.1;
    page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_of_another_origin_presses_no_button_even_with_our_token() {
    let gateway = Gateway::start().await;
    let token = token_of(&gateway).await;
    let drain = url(gateway.admin, "/drain");
    let (address, _server) = page_elsewhere(format!(
        "<!doctype html><form method=post action='{drain}'><input name=token value='{token}'><button>x</button></form>"
    ))
    .await;
    let (_browser, tab) = page_of(&gateway).await;
    tab.open(&url(address, "/")).await;

    // By a script: the answer is hidden from it, and what it wanted is not done.
    let body = json!(format!("token={token}"));
    let sent = format!(
        "fetch('{drain}', {{ method: 'POST', mode: 'no-cors', body: new URLSearchParams({body}) }})
           .then(() => 'sent', () => 'blocked')"
    );
    tab.value(&sent).await;
    // By a form that somebody is lured into sending.
    tab.click("button").await;
    tab.until_text("body", "this is answered to programs on this machine").await;

    assert_eq!(gateway.admin("/readyz").await.0, 200);
    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn a_page_of_another_origin_reads_nothing_and_frames_nothing() {
    let gateway = Gateway::start().await;
    let admin = url(gateway.admin, "/");
    let (address, _server) = page_elsewhere("<!doctype html><p>elsewhere".to_owned()).await;
    let (_browser, tab) = page_of(&gateway).await;
    tab.open(&url(address, "/")).await;

    for path in ["", "status.json", "decisions.json", "metrics", "readyz?verbose"] {
        for mode in ["cors", "no-cors"] {
            let read = format!(
                "fetch('{admin}{path}', {{ mode: '{mode}' }}).then((a) => a.text(), () => 'blocked')"
            );
            assert_eq!(tab.value(&read).await, "blocked", "{path} {mode}");
        }
    }
    let listened = format!(
        "new Promise((over) => {{ const events = new EventSource('{admin}events');
           events.onopen = () => over('open'); events.onerror = () => over('blocked') }})"
    );
    assert_eq!(tab.value(&listened).await, "blocked");
    let script = format!(
        "new Promise((over) => {{ const script = document.createElement('script');
           script.onload = () => over('loaded'); script.onerror = () => over('blocked');
           script.src = '{admin}page.js'; document.body.append(script) }})"
    );
    assert_eq!(tab.value(&script).await, "blocked");
    let framed = format!(
        "new Promise((over) => {{ const frame = document.createElement('iframe');
           frame.onload = () => over('over'); frame.src = '{admin}'; document.body.append(frame) }})"
    );
    tab.value(&framed).await;
    let tree = tab.send("Page.getFrameTree", json!({})).await.to_string();
    assert!(
        tree.contains("chrome-error://") && tab.complaints().join("\n").contains("frame"),
        "{tree}"
    );
}

#[tokio::test]
async fn the_token_of_another_process_is_refused() {
    let gateway = Gateway::start().await;
    let other = Process::start(&gateway.sap_url, &[]).await;
    let foreign = token_of(&gateway).await;
    let browser = super::Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&url(other.admin_address(), "/")).await;

    tab.value(&format!(
        "document.querySelector('form[action=\"/reload\"] [name=token]').value = '{foreign}'"
    ))
    .await;
    tab.click("form[action='/reload'] button").await;

    tab.until_text("#told", "loaded again").await;
    assert_eq!(tab.value("document.getElementById('told').className").await, "bad");
}
