//! Takes a port, or a socket that was given, and says what is wrong where it cannot be had.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpListener;

use super::Limits;

/// Connections the operating system holds for us until they are accepted.
pub(super) const BACKLOG: i32 = 1024;

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{address} is taken by another process; stop that one or listen on another port")]
    Taken {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Ports below 1024 need a permission.
    #[error(
        "listening on {address} is not permitted; take a port from 1024 up or grant \
         CAP_NET_BIND_SERVICE"
    )]
    Forbidden {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The address belongs to another machine.
    #[error("this machine has no address {}; listen on one it has, or on 0.0.0.0 or [::]", .address.ip())]
    NotOurs {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("listening on {address} failed")]
    Other {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn of(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, source },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address, source },
            _ => Self::Other { address, source },
        }
    }
}

/// A socket that listens there.
pub(super) fn bound(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before it to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    set_limits(&socket, limits)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A socket that was given, which listens already.
pub(super) fn given(socket: std::net::TcpListener, limits: &Limits) -> io::Result<TcpListener> {
    let options = SockRef::from(&socket);
    if !options.is_listener()? {
        return Err(io::Error::other("the socket that was given does not listen"));
    }
    socket.set_nonblocking(true)?;
    set_limits(&options, limits)?;
    TcpListener::from_std(socket)
}

/// Accepted sockets have it from this one. A peer that reads nothing is closed by the write limit; the
/// operating system then keeps what it was not sent for many minutes, unless it is told not to.
fn set_limits(socket: &Socket, limits: &Limits) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limits.write_timeout * 2))?;
    #[cfg(not(target_os = "linux"))]
    let _only_on_linux = (socket, limits);
    Ok(())
}
