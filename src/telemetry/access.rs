//! Access records: one line of JSON per call, for the auditor.
//!
//! A call only hands a small struct over; a thread of its own turns it into text and writes it.
//! Where the writer cannot keep up, records are dropped and counted, and the call goes on. No
//! record has a query string or a telephone number.

use std::{
    io::{self, Write},
    net::IpAddr,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::clock::{CallId, Moment};

/// Records waiting for the writer; about 2 MiB. At 10,000 calls a second it bridges 0.8 s.
const QUEUE: usize = 8192;

/// While records come, the writer looks for them this often, so that a call need not wake it.
const BATCH_EVERY: Duration = Duration::from_millis(20);

/// Text written at once, in bytes.
const BATCH_BYTES: usize = 48 * 1024;

/// Without a record for this many looks the writer sleeps until one comes.
const LOOKS_UNTIL_SLEEP: u32 = 50;

/// The longest wait for the writer at shutdown: a blocked pipe must not keep the process.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// What is recorded of one call. All texts come from our own lists or from the configuration.
pub struct AccessRecord {
    /// When the request was read.
    pub at: Moment,
    /// The call's name, also in the answer.
    pub call: CallId,
    /// The configured name of who asked; `None` where nobody was recognised.
    pub client: Option<Arc<str>>,
    /// The peer's address: jtel's, or the load balancer's.
    pub peer: IpAddr,
    /// TLS version and cipher suite; `None` on a plaintext listener.
    pub tls: Option<(&'static str, &'static str)>,
    /// HTTP version.
    pub http: &'static str,
    /// Method, or `other`.
    pub method: &'static str,
    /// Status of the answer; 499 where there was none: the caller hung up, or was cut off.
    pub status: u16,
    /// `dial`, `refuse` or `none`.
    pub decision: &'static str,
    /// Why it was refused; `none` where it was not.
    pub reason: &'static str,
    /// Where the facts came from.
    pub source: &'static str,
    /// How the number shown fitted the number dialled; `none` where nothing was dialled.
    pub caller_id: &'static str,
    /// What went wrong with SAP: a label, `none` where nothing did.
    pub sap: &'static str,
    /// From the read request to the answer, in microseconds.
    pub took_us: u64,
    /// Spent waiting for SAP, in microseconds; `None` where nobody waited.
    pub sap_us: Option<u64>,
}

impl AccessRecord {
    fn write(&self, line: &mut Vec<u8>) -> io::Result<()> {
        write!(line, r#"{{"at":"{}","call":"{}","client":"#, self.at, self.call)?;
        match &self.client {
            // Names are lower-case letters, digits and dashes (the configuration sees to it).
            Some(client) => write!(line, r#""{client}""#)?,
            None => line.extend_from_slice(b"null"),
        }
        write!(line, r#","peer":"{}""#, self.peer)?;
        match self.tls {
            Some((version, cipher)) => {
                write!(line, r#","tls_version":"{version}","tls_cipher":"{cipher}""#)?;
            }
            None => line.extend_from_slice(br#","tls_version":null,"tls_cipher":null"#),
        }
        write!(
            line,
            r#","http":"{}","method":"{}","status":{},"decision":"{}","reason":"{}","source":"{}","caller_id":"{}","sap":"{}","took_us":{}"#,
            self.http,
            self.method,
            self.status,
            self.decision,
            self.reason,
            self.source,
            self.caller_id,
            self.sap,
            self.took_us
        )?;
        match self.sap_us {
            Some(waited) => writeln!(line, r#","sap_us":{waited}}}"#),
            None => writeln!(line, r#","sap_us":null}}"#),
        }
    }
}

/// The way to the writer. Cloning it is cheap.
#[derive(Clone)]
pub struct AccessLog {
    /// `None` ends the writer.
    queue: SyncSender<Option<AccessRecord>>,
    lost: Arc<Lost>,
    writer: Arc<Mutex<Option<Writer>>>,
}

struct Writer {
    thread: JoinHandle<()>,
    done: Receiver<()>,
}

struct Lost {
    queue_full: IntCounter,
    write_failed: IntCounter,
}

impl AccessLog {
    /// Starts the writer.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or the metric exists already.
    pub fn start(registry: &Registry, output: impl Write + Send + 'static) -> io::Result<Self> {
        let lost = IntCounterVec::new(
            Opts::new(
                "dialgate_access_records_lost_total",
                "Access records that were not written.",
            ),
            &["reason"],
        )
        .and_then(|lost| registry.register(Box::new(lost.clone())).map(|()| lost))
        .map_err(io::Error::other)?;
        let lost = Arc::new(Lost {
            queue_full: lost.with_label_values(&["queue_full"]),
            write_failed: lost.with_label_values(&["write_failed"]),
        });
        let (queue, records) = sync_channel(QUEUE);
        let (finished, done) = sync_channel(1);
        let counted = Arc::clone(&lost);
        let thread = thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            write_until_closed(&records, output, &counted);
            finished.send(()).unwrap_or_default(); // the shutdown may not have waited
        })?;
        Ok(Self { queue, lost, writer: Arc::new(Mutex::new(Some(Writer { thread, done }))) })
    }

    /// Hands a record over. Never waits.
    pub fn record(&self, record: AccessRecord) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(Some(record))
        {
            self.lost.queue_full.inc();
        }
    }

    /// Writes what is left and ends the writer; later records are lost and counted. Blocks up to
    /// two seconds.
    pub fn close(&self) {
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if let Some(writer) = writer
            && self.queue.try_send(None).is_ok()
            && writer.done.recv_timeout(CLOSE_WITHIN) != Err(RecvTimeoutError::Timeout)
        {
            drop(writer.thread.join());
        }
    }
}

fn write_until_closed(
    records: &Receiver<Option<AccessRecord>>,
    mut output: impl Write,
    lost: &Lost,
) {
    let mut batch = Vec::with_capacity(BATCH_BYTES + 1024);
    let mut empty_looks = LOOKS_UNTIL_SLEEP;
    loop {
        let message = if empty_looks < LOOKS_UNTIL_SLEEP {
            records.try_recv()
        } else {
            records.recv().map_err(TryRecvError::from)
        };
        match message {
            Ok(Some(record)) => {
                empty_looks = 0;
                if record.write(&mut batch).is_err() {
                    lost.write_failed.inc();
                }
                if batch.len() >= BATCH_BYTES {
                    flush(&mut batch, &mut output, lost);
                }
            }
            Err(TryRecvError::Empty) => {
                flush(&mut batch, &mut output, lost);
                empty_looks += 1;
                thread::park_timeout(BATCH_EVERY);
            }
            Ok(None) | Err(TryRecvError::Disconnected) => {
                return flush(&mut batch, &mut output, lost);
            }
        }
    }
}

fn flush(batch: &mut Vec<u8>, output: &mut impl Write, lost: &Lost) {
    if batch.is_empty() {
        return;
    }
    if output.write_all(batch).and_then(|()| output.flush()).is_err() {
        let lines = batch.split(|byte| *byte == b'\n').count() - 1;
        lost.write_failed.inc_by(lines as u64);
    }
    batch.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that tests can look into.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that takes nothing until it is told to.
    struct Blocked(Receiver<()>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or_default();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn record() -> AccessRecord {
        let at = Moment::now();
        AccessRecord {
            at,
            call: CallId::new(at),
            client: Some("jtel".into()),
            peer: [192, 0, 2, 7].into(),
            tls: Some(("TLSv1.3", "TLS13_AES_128_GCM_SHA256")),
            http: "1.1",
            method: "GET",
            status: 200,
            decision: "dial",
            reason: "none",
            source: "sap",
            caller_id: "fits",
            sap: "none",
            took_us: 1234,
            sap_us: Some(1200),
        }
    }

    #[test]
    fn a_record_is_one_line_of_json_with_who_how_and_what() {
        let output = Shared::default();
        let log = AccessLog::start(&Registry::new(), output.clone()).unwrap();

        log.record(record());
        log.record(AccessRecord { client: None, tls: None, sap_us: None, ..record() });
        log.close();

        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["client"], "jtel");
        assert_eq!(lines[0]["peer"], "192.0.2.7");
        assert_eq!(lines[0]["tls_version"], "TLSv1.3");
        assert_eq!(lines[0]["tls_cipher"], "TLS13_AES_128_GCM_SHA256");
        assert_eq!(lines[0]["took_us"], 1234);
        assert_eq!(lines[0]["sap_us"], 1200);
        assert!(lines[1]["client"].is_null());
        assert!(lines[1]["tls_version"].is_null());
    }

    #[test]
    fn a_writer_that_is_stuck_costs_records_and_not_calls() {
        let (unblock, blocked) = sync_channel(1);
        let log = AccessLog::start(&Registry::new(), Blocked(blocked)).unwrap();

        // What fits into the queue, into one batch of the writer, and a few more.
        let sent = QUEUE + 2 * BATCH_BYTES / 100;
        for _ in 0..sent {
            log.record(record());
        }

        assert!(log.lost.queue_full.get() > 0);
        drop(unblock);
        log.close();
    }

    #[test]
    fn a_full_disk_is_counted() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let log = AccessLog::start(&Registry::new(), full).unwrap();

        log.record(record());
        log.close();

        assert_eq!(log.lost.write_failed.get(), 1);
    }
}
