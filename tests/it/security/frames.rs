//! Frames of HTTP/2 that say too much, or the wrong thing at the wrong time.

use super::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, Raw,
    SETTINGS, ask, frame, question,
};
use super::{OTHERS, SILENT, attacked, others_are_answered, until_closed};
use crate::support::{Process, eventually, value_of};

/// The largest frame.
const MOST: usize = 16 * 1024;

async fn answered_next(raw: &mut Raw, stream: u32) -> Vec<Frame> {
    raw.send(&ask(stream, OTHERS)).await;
    raw.until("the next one is answered", |frame| frame.stream == stream && frame.has_status(200))
        .await
}

#[tokio::test]
async fn a_request_before_the_settings_ends_the_connection_unanswered() {
    let (process, _sap) = attacked(&[]).await;
    let mut raw = Raw::connected(&process, "h2").await;

    raw.send(&[PREFACE, &ask(1, OTHERS), &frame(SETTINGS, 0, 0, &[])].concat()).await;

    let seen = raw.rest().await;
    assert!(seen.iter().all(|frame| frame.kind != HEADERS && frame.kind != DATA), "{seen:?}");
    until_closed(&process, "protocol_error", 1).await;
}

#[tokio::test]
async fn fields_that_a_table_makes_of_one_byte_each_are_too_large_all_the_same() {
    let (process, _sap) = attacked(&[]).await;
    let before = process.resident_mib().await;
    // A field of 4000 bytes goes into the table and is then referred to; or one is in it from the start.
    let mut large = question("GET", OTHERS);
    large.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    large.resize(large.len() + 4000, b'v');
    for (block, reference) in [(large, 0xbe), (question("GET", OTHERS), 0x90)] {
        let mut raw = Raw::open(&process, &[]).await;
        let mut block = block;
        block.resize(MOST, reference);
        let more = vec![reference; MOST];
        raw.send(&frame(HEADERS, END_STREAM, 1, &block)).await;
        raw.send(&frame(CONTINUATION, 0, 1, &more)).await;
        raw.send(&frame(CONTINUATION, END_HEADERS, 1, &more)).await;

        let seen = raw.until("it is refused", |frame| {
            frame.has_status(431) || frame.kind == GOAWAY || frame.kind == RST_STREAM
        });

        let seen = seen.await;
        assert!(!seen.iter().any(|frame| frame.has_status(200)), "{seen:?}");
    }
    let more = process.resident_mib().await - before;
    assert!(more < 16, "{more} MiB more");
    others_are_answered(&process).await;
}

#[tokio::test]
async fn many_small_fields_are_too_many_though_they_are_not_too_large() {
    let (process, _sap) = attacked(&[]).await;
    let mut raw = Raw::open(&process, &[]).await;
    let mut block = question("GET", OTHERS);
    for _ in 0..80 {
        block.extend(b"\0\x01a\x01b");
    }

    raw.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await;

    raw.until("it is refused", |frame| frame.has_status(400)).await;
    answered_next(&mut raw, 3).await;
}

#[tokio::test]
async fn data_after_a_reset_is_no_part_of_anything() {
    let (process, sap) = attacked(&[]).await;
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let late = frame(DATA, END_STREAM, 1, b"late");

    // A head that says that more is to come is refused at once. Here the reset comes along with it.
    let mut open = Raw::open(&process, &[]).await;
    let head = frame(HEADERS, END_HEADERS, 1, &question("GET", SILENT));
    open.send(&[&head[..], &reset, &late].concat()).await;
    the_first_is_never_answered(&process, &mut open).await;

    let mut waiting = Raw::open(&process, &[]).await;
    waiting.send(&ask(1, SILENT)).await;
    eventually("SAP is asked", || async { sap.requests_for(SILENT) == 1 }).await;
    waiting.send(&[reset, late].concat()).await;
    the_first_is_never_answered(&process, &mut waiting).await;
}

/// Others are, on the same connection, and also when nobody waits any more.
async fn the_first_is_never_answered(process: &Process, raw: &mut Raw) {
    let mut seen = answered_next(raw, 3).await;
    eventually("nobody waits any more", || async {
        value_of(&process.metrics().await, "dialgate_calls_in_flight") == 0
    })
    .await;
    // An answer to the first would have been written before this one.
    seen.extend(answered_next(raw, 5).await);

    let first: Vec<_> = seen.iter().filter(|frame| frame.stream == 1).collect();
    assert!(first.iter().all(|frame| frame.kind == RST_STREAM), "{first:?}");
}

#[tokio::test]
async fn data_to_a_question_is_refused_and_the_rest_of_it_not_awaited() {
    let (process, _sap) = attacked(&[]).await;
    let mut raw = Raw::open(&process, &[]).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &question("GET", OTHERS))).await;
    raw.send(&frame(DATA, 0, 1, b"x")).await;

    raw.until("it is refused", |frame| frame.stream == 1 && frame.has_status(400)).await;
    answered_next(&mut raw, 3).await;
}
