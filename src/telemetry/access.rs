//! Access records: one line of JSON per call, for the auditor.
//!
//! A call only hands a small struct over; the thread of [`Lines`] turns it into text and writes it.
//! No record has a query string or a telephone number.

use std::{
    io::{self, Write},
    net::IpAddr,
    sync::Arc,
};

use prometheus::Registry;

use super::{
    clock::{CallId, Moment},
    lines::{Lines, Losses, Record},
};

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

impl Record for AccessRecord {
    const THREAD: &'static str = "access-log";

    /// About 2 MiB. At 10,000 calls a second it bridges 0.8 s.
    const QUEUE: usize = 8192;

    fn render(&self, batch: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        self.write(batch).unwrap_or_default();
    }

    fn tell_lost(count: u64) {
        tracing::warn!(
            lost = count,
            "{count} access records were lost, because their output did not take them in time"
        );
    }
}

/// Where calls leave their records.
pub type AccessLog = Lines<AccessRecord>;

/// Starts the writer of access records.
///
/// # Errors
///
/// The thread cannot be started, or the metric exists already.
pub fn start(registry: &Registry, output: impl Write + Send + 'static) -> io::Result<AccessLog> {
    let losses =
        Losses::new("dialgate_access_records_lost_total", "Access records that were not written.")
            .and_then(|losses| losses.register(registry).map(|()| losses))
            .map_err(io::Error::other)?;
    Lines::start(losses, output)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut text = Vec::new();

        record().render(&mut text);
        AccessRecord { client: None, tls: None, sap_us: None, ..record() }.render(&mut text);

        let text = String::from_utf8(text).unwrap();
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
}
