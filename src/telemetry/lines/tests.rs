//! Each record is written or counted, whatever the output does.

use std::sync::{
    atomic::{AtomicU64, Ordering},
    mpsc::{Receiver, SyncSender, sync_channel},
};

use super::*;

/// Far more than an output needs that is not stuck.
const WITHIN: Duration = Duration::from_secs(30);

static TOLD: AtomicU64 = AtomicU64::new(0);

struct Number(u64);

impl Record for Number {
    const THREAD: &'static str = "numbers";
    const QUEUE: usize = 1000;

    fn render(&self, batch: &mut Vec<u8>) {
        writeln!(batch, "{:09}", self.0).unwrap();
    }

    fn tell_lost(count: u64) {
        TOLD.fetch_add(count, Ordering::Relaxed);
    }
}

/// An output that tests can look into, and that takes nothing while it is blocked.
#[derive(Clone, Default)]
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    blocked: Option<Arc<Mutex<Receiver<()>>>>,
}

impl Output {
    fn blocked() -> (Self, SyncSender<()>) {
        let (unblock, blocked) = sync_channel(1);
        (Self { blocked: Some(Arc::new(Mutex::new(blocked))), ..Self::default() }, unblock)
    }

    fn lines(&self) -> Vec<u64> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(blocked) = &self.blocked {
            blocked.lock().unwrap().recv().unwrap_or_default();
        }
        self.text.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn losses() -> Losses {
    Losses::new("numbers_lost_total", "Numbers that were not written.").unwrap()
}

#[test]
fn what_was_handed_over_is_written_in_its_order() {
    let output = Output::default();
    let lines = Lines::start(losses(), output.clone()).unwrap();

    for number in 0..500 {
        lines.record(Number(number));
    }

    assert_eq!(lines.close(WITHIN), 0);
    assert_eq!(output.lines(), (0..500).collect::<Vec<_>>());
}

#[test]
fn the_last_way_to_go_closes_without_losing_anything() {
    let output = Output::default();
    let losses = losses();
    let lines = Lines::start(losses.clone(), output.clone()).unwrap();

    lines.record(Number(7));
    let weak = Arc::downgrade(&lines.0.0);
    drop(lines);
    while weak.upgrade().is_some() {
        thread::yield_now();
    }

    assert_eq!(output.lines(), [7]);
    assert_eq!(losses.total(), 0);
}

#[test]
fn an_output_that_is_stuck_costs_records_and_never_a_wait_and_is_told_about_when_it_goes_on() {
    let (output, unblock) = Output::blocked();
    let losses = losses();
    let lines = Lines::start(losses.clone(), output.clone()).unwrap();
    let sent = 3 * Number::QUEUE as u64;

    // What the writer has in hand, what fits into the queue, and more.
    for number in 0..sent {
        lines.record(Number(number));
    }

    let lost = losses.count(Loss::QueueFull);
    assert!(lost >= Number::QUEUE as u64, "{lost}");
    drop(unblock);
    assert_eq!(lines.close(WITHIN), 0);
    assert_eq!(output.lines().len() as u64 + lost, sent);
    assert_eq!(TOLD.load(Ordering::Relaxed), lost);
}

#[test]
fn what_a_stuck_writer_leaves_behind_at_the_end_is_counted_and_no_longer_written() {
    let (output, unblock) = Output::blocked();
    let losses = losses();
    let lines = Lines::start(losses.clone(), output.clone()).unwrap();
    let sent = 2 * Number::QUEUE as u64;
    for number in 0..sent {
        lines.record(Number(number));
    }

    let left = lines.close(Duration::from_millis(100));

    assert!(left >= Number::QUEUE as u64);
    assert_eq!(losses.count(Loss::Shutdown), left);
    assert_eq!(losses.total(), sent);
    lines.record(Number(0));
    assert_eq!(losses.total(), sent + 1);
    drop(unblock);
    assert_eq!(lines.close(WITHIN), 0);
    assert_eq!(losses.total(), sent + 1);
}

#[test]
fn records_that_come_while_it_closes_are_written_or_counted() {
    for _ in 0..20 {
        let output = Output::default();
        let losses = losses();
        let lines = Lines::start(losses.clone(), output.clone()).unwrap();
        let sent: u64 = 400;

        thread::scope(|scope| {
            let records = lines.clone();
            scope.spawn(move || (0..sent).for_each(|number| records.record(Number(number))));
            lines.close(WITHIN);
        });

        assert_eq!(output.lines().len() as u64 + losses.total(), sent);
    }
}

#[test]
fn a_full_disk_is_counted() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let losses = losses();
    let lines = Lines::start(losses.clone(), full).unwrap();

    lines.record(Number(1));
    lines.close(WITHIN);

    assert_eq!(losses.count(Loss::WriteFailed), 1);
}
