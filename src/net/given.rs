//! Listening sockets that the process is given, so that it binds none itself: by systemd (socket
//! activation), or by the process whose place it takes ([`super::hand_over`]).
//!
//! Whoever gives them keeps them open while there is nobody who accepts: who connects then waits.

use std::{env, io, net::TcpListener};

use listenfd::ListenFd;

/// The names of the two listeners.
pub const NAMES: [&str; 2] = ["calls", "admin"];

/// What was given, for each listener.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Where jtel asks.
    pub calls: Option<TcpListener>,
    /// Where operators look.
    pub admin: Option<TcpListener>,
}

/// Why they cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// There is no such listener.
    #[error(
        "a socket is called `{0}`, and the listeners are `calls` and `admin`; write one of these as \
         FileDescriptorName= into the socket unit"
    )]
    Name(String),
    /// There are two for one listener.
    #[error(
        "two sockets are called `{0}`; give each listener one: ListenStream= once in each socket unit, \
         and FileDescriptorName=calls or admin"
    )]
    Twice(String),
    /// It is something else.
    #[error(
        "the socket `{name}` is no TCP socket that listens; write ListenStream= with an address and a \
         port into the socket unit, and no Accept=yes"
    )]
    NoListener {
        /// What it is called.
        name: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl Sockets {
    /// What systemd has given to this process. To be called first of all: it takes the variables out of
    /// the environment, which only a process without threads may do.
    ///
    /// # Errors
    ///
    /// See [`GivenError`].
    pub fn of_the_environment() -> Result<Self, GivenError> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut given = ListenFd::from_env();
        let mut names = names.split(':');
        let mut sockets = Self::default();
        for place in 0..given.len() {
            let name = names.next().unwrap_or_default();
            // A socket unit that gives no name is called by its own; where there is but one, it is clear.
            let name = if given.len() == 1 && !NAMES.contains(&name) { "calls" } else { name };
            let cannot = |source| GivenError::NoListener { name: name.to_owned(), source };
            if let Some(socket) = given.take_tcp_listener(place).map_err(cannot)? {
                sockets.put(name, socket)?;
            }
        }
        Ok(sockets)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_none() && self.admin.is_none()
    }

    pub(super) fn put(&mut self, name: &str, socket: TcpListener) -> Result<(), GivenError> {
        let place = match name {
            "calls" => &mut self.calls,
            "admin" => &mut self.admin,
            _ => return Err(GivenError::Name(name.to_owned())),
        };
        if place.replace(socket).is_some() {
            return Err(GivenError::Twice(name.to_owned()));
        }
        Ok(())
    }
}
