//! systemd binds the sockets and keeps them (socket activation): whoever connects while there is no
//! process waits for the next one.

use std::{
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::Path,
    process::{Output, Stdio},
};

use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{BETWEEN, IDLE_GRACE, JSON, UPGRADES, callers::Callers, ended};
use crate::support::{
    Client, Gateway, PATIENCE, eventually,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{Log, run, stderr, terminate, until_it_serves},
};

const DIALGATE: &str = env!("CARGO_BIN_EXE_dialgate");

/// Descriptors from 3 on, as systemd gives them; `$$` is the process that dialgate becomes.
const AS_SYSTEMD: &str = r#"exec 3<&0 4<&1 </dev/null >/dev/null
LISTEN_PID=$$; LISTEN_FDS=2; export LISTEN_PID LISTEN_FDS LISTEN_FDNAMES
exec "$@""#;

/// The sockets of a service manager.
struct Sockets {
    calls: TcpListener,
    admin: TcpListener,
}

impl Sockets {
    fn new() -> Self {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        Self { calls: socket(), admin: socket() }
    }

    /// A process that is to serve them under these names.
    fn give(&self, names: &str, config: &Path) -> Command {
        let copy = |socket: &TcpListener| OwnedFd::from(socket.try_clone().unwrap());
        let mut command = Command::new("sh");
        command
            .args(["-c", AS_SYSTEMD, "sh", DIALGATE, "run", "--config"])
            .arg(config)
            .env("LISTEN_FDNAMES", names)
            .stdin(copy(&self.calls))
            .stdout(copy(&self.admin))
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// One that serves them.
    async fn served(&self, config: &Path) -> (Child, Log) {
        let mut process = self.give("calls:admin", config).spawn().unwrap();
        let log = until_it_serves(process.stderr.take().unwrap()).await;
        (process, log)
    }
}

/// What becomes of one that does not start; its standard output is a socket.
async fn failed(mut command: Command) -> Output {
    let ends = command.spawn().unwrap().wait_with_output();
    timeout(PATIENCE, ends).await.unwrap().unwrap()
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn systemd_starts_it_with_the_first_connection_which_is_answered() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let [calls, admin] = [free_address(), free_address()];
    let [calls_text, admin_text] = [calls, admin].map(|address| address.to_string());
    let changes =
        [JSON, ("listen.address", calls_text.as_str()), ("admin.address", admin_text.as_str())];
    let config = write_config(folder.path(), &sap.sap_url, &changes);
    let mut systemd = Command::new("systemd-socket-activate")
        .args([format!("--listen={calls}"), format!("--listen={admin}")])
        .args(["--fdname=calls:admin", DIALGATE, "run", "--config"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("systemd-socket-activate of Debian's package systemd");
    eventually("systemd listens", || async { tokio::net::TcpStream::connect(admin).await.is_ok() })
        .await;
    let jtel = Client::new(calls, "/onClickToDial", &folder.path().join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);

    let asked = jtel.ask("1001910").await;

    assert_eq!(asked.outcome(), "200");
    let log = until_it_serves(systemd.stderr.take().unwrap()).await;
    assert_eq!([log.address.clone(), log.admin.clone()], [calls_text, admin_text]);
    terminate(&systemd).await;
    assert_eq!(ended(&mut systemd).await, Some(0));
}

#[tokio::test]
async fn in_twenty_upgrades_on_the_sockets_of_systemd_no_call_is_lost() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let sockets = Sockets::new();
    let config = write_config(folder.path(), &sap.sap_url, &[JSON, IDLE_GRACE]);
    let (mut process, mut _log) = sockets.served(&config).await;
    let address = sockets.calls.local_addr().unwrap();
    let callers = Callers::of(address, &folder.path().join("ca.pem"));

    for _ in 0..UPGRADES {
        callers.until_answered(BETWEEN).await;
        terminate(&process).await;
        assert_eq!(ended(&mut process).await, Some(0));
        (process, _log) = sockets.served(&config).await;
    }
    callers.until_answered(BETWEEN).await;

    let said = callers.end().await;
    assert!(said.failed.is_empty(), "{} answered, {:#?}", said.answered, said.failed);
    assert!(said.sent_elsewhere > UPGRADES, "{said:?}");
    terminate(&process).await;
    assert_eq!(ended(&mut process).await, Some(0));
}

#[tokio::test]
async fn a_socket_that_is_not_where_the_configuration_says_is_told_with_both_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let sockets = Sockets::new();
    let wanted = free_address().to_string();
    let changes = [JSON, ("listen.address", wanted.as_str())];
    let config = write_config(folder.path(), "http://127.0.0.1:9", &changes);

    let failed = failed(sockets.give("calls:admin", &config)).await;

    assert_eq!(failed.status.code(), Some(1));
    let given = sockets.calls.local_addr().unwrap();
    let told = format!(
        "the socket that systemd gives for listen.address listens on {given}, and the configuration \
         says {wanted}; write the same address into ListenStream= of the socket unit and into \
         listen.address"
    );
    assert!(stderr(&failed).contains(&told), "{}", stderr(&failed));
}

#[tokio::test]
async fn sockets_without_the_names_of_the_listeners_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), "http://127.0.0.1:9", &[JSON]);
    for (names, told) in [
        ("http:admin", "a socket is called `http`, and the listeners are `calls` and `admin`"),
        ("calls:calls", "two sockets are called `calls`"),
    ] {
        let failed = failed(Sockets::new().give(names, &config)).await;

        assert_eq!(failed.status.code(), Some(1));
        assert!(stderr(&failed).contains(told), "{}", stderr(&failed));
    }
    // What is no socket at all.
    let mut command = Command::new("sh");
    command.args(["-c", AS_SYSTEMD, "sh", DIALGATE, "run", "--config"]).arg(&config);
    let failed = run(command.env("LISTEN_FDNAMES", "calls:admin")).await;
    assert!(stderr(&failed).contains("the socket `calls` is no TCP socket that listens"));
}
