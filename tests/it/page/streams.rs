//! Those who listen to what goes on.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{Browser, url};
use crate::support::{Gateway, PATIENCE, Process, eventually};

/// The most that may listen at once.
const MOST: usize = 32;

struct Listening {
    status: u16,
    connection: BufReader<TcpStream>,
}

/// Starts to listen.
async fn listen(admin: SocketAddr, of: &str) -> Listening {
    let mut tcp = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET /events?of={of} HTTP/1.1\r\nhost: {admin}\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut connection = BufReader::new(tcp);
    let mut line = String::new();
    timeout(PATIENCE, connection.read_line(&mut line)).await.unwrap().unwrap();
    let status = line.split(' ').nth(1).unwrap().parse().unwrap();
    Listening { status, connection }
}

#[tokio::test]
async fn so_many_may_listen_at_once_and_whoever_leaves_makes_room() {
    let gateway = Gateway::start().await;
    let (browser, tab) = super::page_of(&gateway).await;
    tab.until("it listens", "events.readyState === 1").await;
    let mut all = Vec::new();
    for place in 1..MOST {
        let one = listen(gateway.admin, ["status", "decisions", "page"][place % 3]).await;
        assert_eq!(one.status, 200, "{place}");
        all.push(one);
    }
    assert_eq!(listen(gateway.admin, "status").await.status, 503);
    assert_eq!(listen(gateway.admin, "page&only=nonsense").await.status, 400);

    tab.close().await;
    eventually("the tab's place is free", || async {
        listen(gateway.admin, "page").await.status == 200
    })
    .await;

    // A page that finds no room is whole, says so, and comes in when there is some.
    // Those that were asked for just now may not have left yet.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let one = listen(gateway.admin, "status").await;
        let is_full = one.status == 503;
        all.push(one);
        if is_full && all.iter().filter(|one| one.status == 200).count() == MOST {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "not all places are taken");
    }
    let late = browser.tab().await;
    late.open(&url(gateway.admin, "/")).await;
    late.until_text("[role=alert]", "No connection").await;
    assert!(late.text("#state").await.contains("SAP"));
    all.clear();
    late.until("it listens", "events.readyState === 1").await;
    late.until("nothing is lost", "!document.querySelector('[role=alert]')").await;
}

#[tokio::test]
async fn streams_end_when_the_process_drains_and_do_not_hold_it_up() {
    let sap = Gateway::start().await;
    let mut process = Process::start(&sap.sap_url, &[]).await;
    let mut stream = listen(process.admin_address(), "decisions").await;
    let browser = Browser::start().await;
    let tab = browser.tab().await;
    tab.open(&url(process.admin_address(), "/")).await;
    tab.until("it listens", "events.readyState === 1").await;

    assert_eq!(process.end().await, Some(0));

    let mut rest = Vec::new();
    timeout(PATIENCE, stream.connection.read_to_end(&mut rest)).await.unwrap().unwrap();
    // The last chunk of an answer that was ended, not cut off.
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
}
