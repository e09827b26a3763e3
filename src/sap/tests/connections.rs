//! Connections: whose answer is on them, and what happens when they end.

use tokio::{io::AsyncWriteExt as _, sync::mpsc};

use super::{raw::Server, *};

/// A whole answer about an individual customer.
fn answer(partner: &str, channel: &str) -> String {
    let body = serde_json::json!({ "d": { "results": [{
        "CustomerID": partner, "CountryCode": "DE",
        "LifeCycleStatusCode": "2", "ContactPermissionCode": "1",
        "IndividualCustomerSalesData": [{ "DistributionChannelCodeText": channel }],
    }] } })
    .to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

fn native(channel: &str) -> String {
    let body = format!(r#"{{"distributionChannelCodeText":"{channel}","countryCode":"DE"}}"#);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_request_says_who_it_is_and_what_it_wants() {
    let (server, sap) = Server::start().await;
    let host = sap.url.authority().unwrap().to_string();
    let (client, _) = client(&Sap { language: "DE".to_owned(), ..sap });

    let (head, _) = tokio::join!(
        async {
            let mut peer = server.accept().await;
            let head = peer.request().await;
            peer.send(&answer("1001910", "Direktvertrieb")).await;
            head
        },
        look_up(&client, "1001910"),
    );

    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let expected = [
        "GET /sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection?\
         $filter=CustomerID%20eq%20%271001910%27&$expand=IndividualCustomerSalesData\
         &$format=json&$top=2&sap-language=DE HTTP/1.1",
        "accept-encoding: gzip, deflate",
        "accept-language: DE",
        "accept: application/json",
        // base64 of DIALGATE:simulated
        "authorization: Basic RElBTEdBVEU6c2ltdWxhdGVk",
        &format!("host: {host}"),
        concat!("user-agent: dialgate/", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_answer_nobody_asked_for_is_never_read() {
    // Straight after the first answer, or when the connection has been idle for a while.
    for late in [false, true] {
        let (server, sap) = Server::start().await;
        let (client, _) = client(&sap);
        let (go, mut may_send) = mpsc::channel::<()>(1);
        let (sent, mut is_sent) = mpsc::channel::<()>(1);
        let serving = tokio::spawn(async move {
            let mut first = server.accept().await;
            first.request().await;
            // About the partner that is asked for next, so that its ID would not give it away.
            let unasked = answer("1001911", "Of somebody else");
            if late {
                first.send(&answer("1001910", "Direct sales")).await;
                may_send.recv().await;
                first.send(&unasked).await;
            } else {
                first.send(&[answer("1001910", "Direct sales"), unasked].concat()).await;
            }
            sent.send(()).await.unwrap();
            let mut second = server.accept().await;
            second.request().await;
            second.send(&answer("1001911", "Indirect sales")).await;
            // What the client still says on the first connection.
            first.request().await
        });

        assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
        go.send(()).await.unwrap_or_default();
        is_sent.recv().await.unwrap();
        assert_eq!(look_up(&client, "1001911").await, "Indirect sales|DE", "late: {late}");

        assert_eq!(serving.await.unwrap(), "", "late: {late}");
    }
}

/// The runtime of this test sleeps while the bytes arrive: whether a connection is quiet is a
/// question to the kernel, not to what the runtime has noticed so far.
#[tokio::test]
async fn an_answer_nobody_asked_for_is_not_read_by_a_busy_runtime_either() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, _) = client(&sap(&format!("http://{}", listener.local_addr().unwrap())));
    let (go, may_send) = std::sync::mpsc::channel();
    let (sent, is_sent) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let mut request = [0; 4096];
        let mut first = listener.accept().unwrap().0;
        assert!(first.read(&mut request).unwrap() > 0);
        first.write_all(answer("1001910", "Direct sales").as_bytes()).unwrap();
        may_send.recv().unwrap();
        first.write_all(answer("1001911", "Of somebody else").as_bytes()).unwrap();
        sent.send(()).unwrap();
        let mut second = listener.accept().unwrap().0;
        assert!(second.read(&mut request).unwrap() > 0);
        second.write_all(answer("1001911", "Indirect sales").as_bytes()).unwrap();
    });
    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    go.send(()).unwrap();
    is_sent.recv().unwrap();

    assert_eq!(look_up(&client, "1001911").await, "Indirect sales|DE");

    serving.join().unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_after_its_deadline_is_never_read() {
    let (server, sap) = Server::start().await;
    let (client, _) = client(&sap);
    let serving = tokio::spawn(async move {
        let mut first = server.accept().await;
        first.request().await;
        let mut second = server.accept().await;
        second.request().await;
        // The client has closed the first one, so this may fail.
        let _sent = first.tcp.write_all(answer("1001911", "Of somebody else").as_bytes()).await;
        second.send(&answer("1001911", "Indirect sales")).await;
        first.request().await
    });

    let soon = Instant::now() + Duration::from_millis(100);
    let first = client.look_up(id("1001910"), None, soon).await;

    assert_eq!(first.unwrap_err().label(), "deadline");
    assert_eq!(look_up(&client, "1001911").await, "Indirect sales|DE");
    assert_eq!(serving.await.unwrap(), "");
}

#[tokio::test]
async fn a_kept_connection_that_closes_on_the_next_request_costs_one_more_try() {
    let (server, sap) = Server::start().await;
    let (client, _) = client(&sap);
    let serving = tokio::spawn(async move {
        let mut first = server.accept().await;
        first.request().await;
        first.send(&answer("1001910", "Direct sales")).await;
        let again = first.request().await;
        drop(first);
        let mut second = server.accept().await;
        let retried = second.request().await;
        second.send(&answer("1001911", "Indirect sales")).await;
        (again, retried)
    });

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    assert_eq!(look_up(&client, "1001911").await, "Indirect sales|DE");

    let (again, retried) = serving.await.unwrap();
    assert_eq!(again, retried);
}

#[tokio::test]
async fn a_fresh_connection_that_closes_costs_one_more_try_and_no_third() {
    let (server, sap) = Server::start().await;
    let (client, metrics) = client(&sap);
    let serving = tokio::spawn(async move {
        for _ in 0..2 {
            let mut peer = server.accept().await;
            peer.request().await;
        }
        server
    });

    assert_eq!(look_up(&client, "1001910").await, "cut");

    let server = serving.await.unwrap();
    let another = tokio::time::timeout(Duration::from_millis(50), server.accept()).await;
    assert!(another.is_err());
    assert_eq!(metrics.requests(SapOutcome::Cut), 2);
}

#[tokio::test]
async fn every_second_answer_that_is_503_or_cut_costs_nobody_his_call() {
    let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    for bad in [head, ""] {
        let (server, sap) = Server::start().await;
        let (client, _) = client(&sap);
        let serving = tokio::spawn(async move {
            for _ in 0..50 {
                for sent in [bad.to_owned(), answer("1001910", "Direct sales")] {
                    let mut peer = server.accept().await;
                    peer.request().await;
                    let close = sent.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                    peer.send(&close).await;
                }
            }
        });

        for call in 0..50 {
            assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE", "{call} {bad}");
        }

        serving.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_cannot_prove_whose_it_is_has_a_connection_of_its_own() {
    let (server, sap) = Server::start().await;
    let (client, _) = client(&Sap { preset: "native".to_owned(), ..sap });
    let serving = tokio::spawn(async move {
        for channel in ["Direct sales", "Indirect sales"] {
            let mut peer = server.accept().await;
            assert!(peer.request().await.contains("connection: close\r\n"));
            peer.send(&[native(channel), native("Of somebody else")].concat()).await;
        }
    });

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    assert_eq!(look_up(&client, "1001911").await, "Indirect sales|DE");

    assert_eq!(client.idle_connections(), 0);
    serving.await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let (server, sap) = Server::start().await;
    let (client, _) = client(&Sap { idle_timeout: Duration::from_millis(50), ..sap });
    let serving = tokio::spawn(async move {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.send(&answer("1001910", "Direct sales")).await;
        peer.request().await
    });

    assert_eq!(look_up(&client, "1001910").await, "Direct sales|DE");
    eventually(|| async { client.idle_connections() == 0 }).await;

    assert_eq!(serving.await.unwrap(), "");
}

#[tokio::test]
async fn a_lookup_that_is_given_up_closes_its_connection() {
    let (server, sap) = Server::start().await;
    let (client, _) = client(&sap);

    tokio::select! {
        _ = look_up(&client, "1001910") => panic!("there was no answer"),
        mut peer = async {
            let mut peer = server.accept().await;
            peer.request().await;
            peer
        } => {
            // `select!` drops the lookup before this line.
            tokio::spawn(async move { assert_eq!(peer.request().await, "") }).await.unwrap();
        }
    }
}
