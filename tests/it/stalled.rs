//! A reader of the log that stops reading costs lines, and nothing else: calls are answered, the
//! process can be told to end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{fs::OpenOptionsExt, net::UnixStream},
    },
    process::Stdio,
    time::Duration,
};

use tokio::{process::Child, task::spawn_blocking, time::timeout};

use crate::support::{
    Client, Gateway, PATIENCE,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{dialgate, terminate},
};

/// `O_NONBLOCK` on Linux.
const NON_BLOCKING: i32 = 0o4000;

/// An answer from memory, or of a process that is asked whether it lives.
const SOON: Duration = Duration::from_secs(5);

/// What a program's output is connected to; nobody reads unless a test does.
struct Outlet {
    input: OwnedFd,
    output: BufReader<File>,
    is_pipe: bool,
}

impl Outlet {
    /// As between a program and a shell's `|`.
    fn pipe() -> Self {
        let (output, input) = io::pipe().unwrap();
        let output = BufReader::new(File::from(OwnedFd::from(output)));
        Self { input: input.into(), output, is_pipe: true }
    }

    /// As between a service and systemd's journal.
    fn socket() -> Self {
        let (output, input) = UnixStream::pair().unwrap();
        let output = BufReader::new(File::from(OwnedFd::from(output)));
        Self { input: input.into(), output, is_pipe: false }
    }

    fn for_a_program(&self) -> Stdio {
        self.input.try_clone().unwrap().into()
    }

    /// Writes until nothing more can be written: from now on a writer waits.
    fn fill(&self) {
        if self.is_pipe {
            // The blocking mode is the opened file's, so the program's stays as it is.
            let path = format!("/proc/self/fd/{}", self.input.as_raw_fd());
            let mut open = File::options();
            fill(open.write(true).custom_flags(NON_BLOCKING).open(path).unwrap());
        } else {
            let socket = UnixStream::from(self.input.try_clone().unwrap());
            socket.set_nonblocking(true).unwrap();
            fill(socket.try_clone().unwrap());
            socket.set_nonblocking(false).unwrap();
        }
    }

    /// Reads until a line has `text`; what was filled in counts as a line.
    fn read_until(mut self, text: &'static str) -> impl Future<Output = (Self, String)> {
        let reading = spawn_blocking(move || {
            let mut line = String::new();
            while !line.contains(text) {
                line.clear();
                assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended before {text}");
            }
            (self, line)
        });
        async { timeout(PATIENCE, reading).await.unwrap().unwrap() }
    }
}

fn fill(mut sink: impl Write) {
    for chunk in [&[b' '; 4096][..], b" "] {
        let refused = loop {
            if let Err(error) = sink.write(chunk) {
                break error;
            }
        };
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    }
}

/// A `dialgate run` whose log is in `outlet`, and who asks it.
struct Running {
    process: Child,
    jtel: Client,
    admin: String,
}

impl Running {
    async fn start(
        sap: &Gateway,
        outlet: Outlet,
        stdout: Stdio,
        changes: &[(&str, &str)],
    ) -> (Self, Outlet) {
        let config = write_config(sap.folder.path(), &sap.sap_url, changes);
        let process = dialgate()
            .args(["run", "--config"])
            .arg(config)
            .stdout(stdout)
            .stderr(outlet.for_a_program())
            .spawn()
            .unwrap();
        let (outlet, line) = outlet.read_until("answers calls on").await;
        let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
        let address = fact("address").parse().unwrap();
        let jtel = Client::new(address, "/onClickToDial", &sap.ca(), false)
            .with_password("jtel", CLIENT_PASSWORD);
        (Self { process, jtel, admin: fact("admin") }, outlet)
    }

    async fn ask(&self, partner: &str) -> String {
        let answer = timeout(SOON, self.jtel.ask(partner)).await;
        answer.unwrap_or_else(|_| panic!("{partner}: no answer while nobody reads")).outcome()
    }

    async fn admin(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.admin);
        let answer = timeout(SOON, self.jtel.send(http::Method::GET, &url)).await;
        answer.unwrap_or_else(|_| panic!("{path}: no answer while nobody reads")).text
    }

    /// Calls from memory, calls that make log lines, and the end: all as if somebody read.
    async fn works_and_ends(mut self, sap: &Gateway) {
        for _ in 0..20 {
            assert_eq!(self.ask("1001910").await, "200");
        }
        sap.sap.set_fault(Some("status_500".parse().unwrap()), None);
        for partner in ["5000001", "5000002", "5000003"] {
            assert_eq!(self.ask(partner).await, "403 sap_unavailable");
            assert_eq!(self.ask("1001910").await, "200");
        }
        assert_eq!(self.admin("/livez").await, "ok");
        terminate(&self.process).await;
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn access_records_and_log_on_one_pipe_that_nobody_reads_stop_nothing() {
    let sap = Gateway::start().await;
    let changes = [("log.access", "stderr"), ("log.format", "json")];
    let (running, outlet) = Running::start(&sap, Outlet::pipe(), Stdio::null(), &changes).await;

    outlet.fill();

    running.works_and_ends(&sap).await;
}

#[tokio::test]
async fn a_journal_that_stalls_stops_nothing() {
    let sap = Gateway::start().await;
    // As systemd does it: both outputs are the same socket.
    let outlet = Outlet::socket();
    let stdout = outlet.for_a_program();
    let changes = [("log.access", "stdout"), ("log.format", "json")];
    let (running, outlet) = Running::start(&sap, outlet, stdout, &changes).await;

    outlet.fill();

    running.works_and_ends(&sap).await;
}
