//! Floods of HTTP/2: each ends its connection, takes little memory, and keeps nobody else waiting.

use std::time::Duration;

use tokio::time::interval;

use super::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, Raw,
    SETTINGS, WINDOW_UPDATE, ask, frame, question, setting,
};
use super::{OTHERS, SHORT, SILENT, attacked, closed, others_are_answered, until_closed};
use crate::support::{Does, Process, eventually};

/// What a flood may add to the memory of the process, in MiB. None of them needs a tenth of it; the rest is
/// what an unoptimised program and its allocator may keep.
const MORE_MIB: i64 = 48;

/// Connections of one flood at once.
const AT_ONCE: usize = 8;

type Each = fn(u32) -> Vec<u8>;

/// Streams are odd and go up.
fn stream(n: u32) -> u32 {
    2 * n + 3
}

fn open_request() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &question("POST", SILENT))
}

/// Every kind of frame that asks for nothing, and what has to be sent before.
fn kinds() -> Vec<(&'static str, Vec<u8>, Each)> {
    vec![
        ("ping", vec![], |n| frame(PING, 0, 0, &u64::from(n).to_be_bytes())),
        ("ping that answers none", vec![], |_| frame(PING, 1, 0, &[7; 8])),
        ("settings", vec![], |_| frame(SETTINGS, 0, 0, &[])),
        ("settings that change the window", vec![], |n| {
            frame(SETTINGS, 0, 0, &setting(4, 60_000 + n % 1000))
        }),
        ("settings that change the table", vec![], |n| {
            frame(SETTINGS, 0, 0, &setting(1, n % 4096))
        }),
        ("priority", vec![], |n| frame(PRIORITY, 0, stream(n), &[0, 0, 0, 1, 9])),
        ("priority on one stream", ask(1, SILENT), |n| {
            frame(PRIORITY, 0, 1, &[0, 0, 0, 3, u8::try_from(n % 256).unwrap()])
        }),
        ("a window by one byte", vec![], |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("a stream's window by one byte", ask(1, SILENT), |_| {
            frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])
        }),
        ("an unknown kind", vec![], |_| frame(0x99, 0xff, 0, &[1; 40])),
        ("empty data", open_request(), |_| frame(DATA, 0, 1, &[])),
        ("data of one byte", open_request(), |_| frame(DATA, 0, 1, b"x")),
        ("padding only", open_request(), |_| frame(DATA, 8, 1, &[5, 0, 0, 0, 0, 0])),
        ("empty continuation", frame(HEADERS, END_STREAM, 1, &question("GET", SILENT)), |_| {
            frame(CONTINUATION, 0, 1, &[])
        }),
        ("continuation", frame(HEADERS, END_STREAM, 1, &question("GET", SILENT)), |_| {
            frame(CONTINUATION, 0, 1, b"\0\x01a\x01b")
        }),
        ("rapid reset", vec![], |n| {
            [ask(stream(n), SILENT), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])].concat()
        }),
        ("rapid reset of other partners", vec![], |n| {
            let partner = (5_100_000 + n % 800_000).to_string();
            [ask(stream(n), &partner), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])].concat()
        }),
        // The server is made to reset them (CVE-2025-8671).
        ("a window of zero on each stream", vec![], |n| {
            [ask(stream(n), SILENT), frame(WINDOW_UPDATE, 0, stream(n), &[0; 4])].concat()
        }),
        ("a window over its end on each stream", vec![], |n| {
            let most = 0x7fff_ffff_u32.to_be_bytes();
            [ask(stream(n), SILENT), frame(WINDOW_UPDATE, 0, stream(n), &most)].concat()
        }),
        ("more streams than there may be", vec![], |n| ask(stream(n), SILENT)),
        ("malformed requests", vec![], |n| {
            frame(HEADERS, END_STREAM | END_HEADERS, stream(n), b"\x82\x82")
        }),
    ]
}

async fn flooded(process: &Process, first: &[u8], each: Each) {
    let mut floods = Vec::new();
    for _ in 0..AT_ONCE {
        let raw = Raw::open(process, &[]).await;
        floods.push(tokio::spawn(raw.flood(first.to_vec(), each)));
    }
    others_are_answered(process).await;
    for flood in floods {
        flood.await.unwrap();
    }
}

#[tokio::test]
async fn every_flood_of_frames_ends_its_connections_and_takes_little_memory() {
    let (process, _sap) = attacked(&[]).await;
    let before = process.resident_mib().await;
    let mut ended = 0;
    for (kind, first, each) in kinds() {
        flooded(&process, &first, each).await;

        ended += i64::try_from(AT_ONCE).unwrap();
        eventually(&format!("{kind}: its connections end by our will"), || async {
            closed(&process, "flood").await + closed(&process, "protocol_error").await >= ended
        })
        .await;
        let more = process.resident_mib().await - before;
        assert!(more < MORE_MIB, "{kind}: {more} MiB more");
    }
    others_are_answered(&process).await;
}

/// Opens streams and gives each up once the other side has seen it, as long as it listens and so many at most.
/// How many there were.
async fn resets_what_was_seen(mut raw: Raw, most: u32, partner: impl Fn(u32) -> String) -> u32 {
    for n in 0..most {
        let seen = u64::from(n).to_be_bytes();
        raw.send(&[ask(stream(n), &partner(n)), frame(PING, 0, 0, &seen)].concat()).await;
        loop {
            match raw.next().await {
                Some(frame) if frame.kind == PING && frame.payload == seen => break,
                Some(_) => {}
                None => return n,
            }
        }
        raw.send(&frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])).await;
    }
    most
}

#[tokio::test]
async fn resets_with_pauses_end_the_connection() {
    let (process, _sap) = attacked(&[]).await;
    let mut floods = Vec::new();
    for _ in 0..AT_ONCE {
        let raw = Raw::open(&process, &[]).await;
        floods.push(tokio::spawn(resets_what_was_seen(raw, 5000, |_| SILENT.to_owned())));
    }
    others_are_answered(&process).await;

    for flood in floods {
        let streams = flood.await.unwrap();
        // Three frames each; twice the limit where the machine is so busy that it took ten seconds.
        assert!(streams < 700, "{streams}");
    }
    until_closed(&process, "flood", i64::try_from(AT_ONCE).unwrap()).await;
}

#[tokio::test]
async fn lookups_that_nobody_waits_for_any_more_take_little_memory() {
    let (process, sap) = attacked(&[]).await;
    sap.does(Does::Hang);
    let before = process.resident_mib().await;
    let mut floods = Vec::new();
    for connection in 0..AT_ONCE {
        let raw = Raw::open(&process, &[]).await;
        let first = 5_100_000 + 10_000 * u32::try_from(connection).unwrap();
        // Each partner is another one. Some are refused as overloaded, which is an answer that was taken.
        floods
            .push(tokio::spawn(resets_what_was_seen(raw, 1500, move |n| (first + n).to_string())));
    }
    for flood in floods {
        flood.await.unwrap();
    }

    let more = process.resident_mib().await - before;
    assert!(more < MORE_MIB, "{more} MiB more");
    // From memory.
    others_are_answered(&process).await;
}

#[tokio::test]
async fn a_window_of_zero_buys_no_time_with_streams_that_are_given_up() {
    let (process, _sap) = attacked(&SHORT).await;
    let mut raw = Raw::open(&process, &setting(4, 0)).await;
    let all: Vec<u8> = (0..50).flat_map(|n| ask(stream(n), OTHERS)).collect();
    raw.send(&all).await;

    let mut pace = interval(Duration::from_millis(100));
    for n in 50.. {
        pace.tick().await;
        let more = [ask(stream(n), OTHERS), frame(RST_STREAM, 0, stream(n), &[0, 0, 0, 8])];
        raw.send(&more.concat()).await;
        if closed(&process, "write_timeout").await == 1 {
            break;
        }
        // Some twenty times the limit.
        assert!(n < 150, "still open");
    }
    others_are_answered(&process).await;
}

#[tokio::test]
async fn a_hundred_streams_that_wait_are_all_there_are_and_others_have_theirs() {
    let (process, sap) = attacked(&[]).await;
    let mut raw = Raw::open(&process, &[]).await;
    let all: Vec<u8> = (0..101).flat_map(|n| ask(stream(n), SILENT)).collect();
    raw.send(&all).await;

    let seen = raw.until("the last one is refused", |frame| frame.kind == RST_STREAM).await;

    let refused = seen.last().unwrap();
    assert_eq!((refused.stream, &*refused.payload), (stream(100), &[0, 0, 0, 7][..]));
    others_are_answered(&process).await;
    // One question for one partner, however many ask.
    assert_eq!(sap.requests_for(SILENT), 1);
}
