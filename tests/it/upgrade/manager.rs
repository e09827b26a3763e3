//! A service manager, as far as a process sees it: a socket that takes what it is told.

use std::{os::linux::net::SocketAddrExt, os::unix::net, time::Duration};

use tempfile::TempDir;
use tokio::{net::UnixDatagram, process::Command, time::timeout};

use crate::support::PATIENCE;

pub(super) struct Manager {
    socket: UnixDatagram,
    /// What `NOTIFY_SOCKET` says.
    named: String,
    _folder: TempDir,
}

impl Manager {
    /// With a socket in the file system.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, named: path.display().to_string(), _folder: folder }
    }

    /// With a socket that has a name and no place.
    pub(super) fn with_an_abstract_name() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("notify").display().to_string();
        let address = net::SocketAddr::from_abstract_name(&name).unwrap();
        let socket = net::UnixDatagram::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = UnixDatagram::from_std(socket).unwrap();
        Self { socket, named: format!("@{name}"), _folder: folder }
    }

    /// Has the command know of it, and of how often it wants to see a sign of life.
    pub(super) fn starts(&self, command: &mut Command, watchdog: Option<Duration>) {
        command.env("NOTIFY_SOCKET", &self.named);
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
    }

    /// The next message, signs of life left out.
    pub(super) async fn next(&self) -> String {
        loop {
            let told = self.any().await;
            if told != SIGN_OF_LIFE {
                return told;
            }
        }
    }

    /// Waits for a sign of life.
    pub(super) async fn sign_of_life(&self) {
        while self.any().await != SIGN_OF_LIFE {}
    }

    async fn any(&self) -> String {
        let mut bytes = [0; 4096];
        let length = timeout(PATIENCE, self.socket.recv(&mut bytes)).await.unwrap().unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }
}

const SIGN_OF_LIFE: &str = "WATCHDOG=1\n";
