//! What the service manager (systemd) is told: that calls are answered, that the configuration is read
//! again, that the process leaves, and that it lives (`watchdog`).
//!
//! By the protocol of `sd_notify(3)`: lines in a datagram to the socket that `NOTIFY_SOCKET` names. Without
//! one nobody is told anything.

mod watchdog;

use std::{
    env,
    ffi::OsStr,
    fmt::Write,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{ffi::OsStrExt, net::SocketAddr, net::UnixDatagram},
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sd_notify::NotifyState;

pub(super) use watchdog::Watchdog;

/// The longest that a service manager is waited for that takes no message: it must not keep calls.
const TELL_WITHIN: Duration = Duration::from_millis(200);

/// What is left, beyond the time that the drain may take, to write records and to end.
const TO_END: Duration = Duration::from_secs(10);

/// The service manager that started this process; its clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Service(Option<Arc<Manager>>);

#[derive(Debug)]
struct Manager {
    address: SocketAddr,
    /// Sign of life every so often, or it ends the process.
    watchdog: Option<Duration>,
    failed: AtomicBool,
}

impl Service {
    /// The one that the environment of this process names; none where it names none.
    ///
    /// # Errors
    ///
    /// `NOTIFY_SOCKET` is no address.
    pub fn of_the_environment() -> io::Result<Self> {
        match env::var_os("NOTIFY_SOCKET") {
            Some(socket) if !socket.is_empty() => Self::at(&socket, sd_notify::watchdog_enabled()),
            _ => Ok(Self(None)),
        }
    }

    /// The one behind this socket: a path or, with `@` for its first byte, an abstract name.
    fn at(socket: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match socket.as_bytes() {
            // sd-notify itself takes it for the name of a file.
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(socket)?,
        };
        Ok(Self(Some(Arc::new(Manager { address, watchdog, failed: AtomicBool::new(false) }))))
    }

    /// Calls are answered, as `status` says.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The configuration is being read again; [`Self::ready`] says what came of it.
    pub(super) fn reloading(&self) {
        // systemd compares the time with that of the signal it has sent.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[
                NotifyState::Reloading,
                now,
                NotifyState::Status("reads the configuration again"),
            ]),
            Err(error) => tracing::warn!(%error, "the service manager is not told of the reload"),
        }
    }

    /// The process leaves, and asks for so much time.
    pub(super) fn leaves(&self, within: Duration, status: &str) {
        let micros = u32::try_from((within + TO_END).as_micros()).unwrap_or(u32::MAX);
        let more_time = NotifyState::ExtendTimeoutUsec(micros);
        self.tell(&[NotifyState::Stopping, NotifyState::Status(status), more_time]);
    }

    /// The start takes longer than usual, by so much.
    pub(super) fn starts_later(&self, by: Duration, status: &str) {
        let micros = u32::try_from((by + TO_END).as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::Status(status), NotifyState::ExtendTimeoutUsec(micros)]);
    }

    fn lives(&self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// How often it wants to see a sign of life.
    fn watchdog(&self) -> Option<Duration> {
        self.0.as_ref()?.watchdog
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(manager) = &self.0 else { return };
        match manager.send(states) {
            Ok(()) => manager.failed.store(false, Ordering::Relaxed),
            Err(error) if !manager.failed.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "the service manager (NOTIFY_SOCKET) cannot be told");
            }
            Err(_said_already) => {}
        }
    }
}

impl Manager {
    fn send(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let lines = states.iter().fold(String::new(), |mut lines, state| {
            // A text takes whatever is written into it.
            let _always = writeln!(lines, "{state}");
            lines
        });
        // A new one each time: a service manager that starts anew binds its address again.
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(TELL_WITHIN))?;
        socket.send_to_addr(lines.as_bytes(), &self.address)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut bytes = [0; 1024];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn a_socket_in_the_file_system_is_told_and_so_is_an_abstract_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("dialgate-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (socket, named) in [
            (UnixDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{name}").into()),
        ] {
            Service::at(&named, None).unwrap().ready("answers calls");

            assert_eq!(received(&socket), "READY=1\nSTATUS=answers calls\n");
        }
    }

    #[test]
    fn a_reload_says_when_it_began_and_the_end_for_how_long_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let service = Service::at(path.as_os_str(), None).unwrap();

        service.reloading();
        service.leaves(Duration::from_secs(5), "leaves");

        let reloading = received(&socket);
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        assert_eq!(received(&socket), "STOPPING=1\nSTATUS=leaves\nEXTEND_TIMEOUT_USEC=15000000\n");
    }

    #[test]
    fn a_manager_that_takes_nothing_keeps_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _takes_nothing = UnixDatagram::bind(&path).unwrap();
        let service = Service::at(path.as_os_str(), None).unwrap();

        // More than the queue of a socket holds.
        let socket = UnixDatagram::unbound().unwrap();
        socket.set_nonblocking(true).unwrap();
        while socket.send_to(b"x", &path).is_ok() {}
        service.ready("answers calls");
    }
}
