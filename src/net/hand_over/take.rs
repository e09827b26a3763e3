//! The side of the process that takes over.

use std::{
    io::{self, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt::socket_peercred,
};

use super::{
    GIVES, HELLO, HandOverError, LONGEST_LINE, SAYS_WITHIN, SERVES, WAITS, cannot, this_user,
};
use crate::net::given::{NAMES, Sockets};

/// The process whose place is taken. Where this is dropped before a word was said, it goes on as if nothing
/// had happened.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
    path: PathBuf,
    leaves_within: Duration,
    has_left: bool,
}

impl Predecessor {
    /// Asks whoever listens there for its sockets; `None`: nobody does. Blocks.
    ///
    /// # Errors
    ///
    /// Somebody is there, and see [`HandOverError`].
    pub fn find(path: &Path) -> Result<Option<(Self, Sockets)>, HandOverError> {
        Self::find_as(this_user(), path)
    }

    pub(super) fn find_as(
        ours: u32,
        path: &Path,
    ) -> Result<Option<(Self, Sockets)>, HandOverError> {
        let mut stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            // The second one: of a process that was killed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(error) => return Err(cannot(path)(error)),
        };
        let cannot = cannot(path);
        let theirs = socket_peercred(&stream).map_err(io::Error::from).map_err(&cannot)?;
        let theirs = theirs.uid.as_raw();
        if theirs != ours {
            return Err(HandOverError::Stranger { path: path.to_owned(), theirs, ours });
        }
        stream.set_read_timeout(Some(SAYS_WITHIN)).map_err(&cannot)?;
        stream.set_write_timeout(Some(SAYS_WITHIN)).map_err(&cannot)?;
        writeln!(stream, "{HELLO}").map_err(&cannot)?;
        let (line, descriptors) = receive(&stream).map_err(&cannot)?;
        let within = line.strip_prefix(GIVES).and_then(|rest| rest.trim_end().parse().ok());
        let (Some(within), true) = (within, descriptors.len() == NAMES.len()) else {
            return Err(HandOverError::Words(path.to_owned()));
        };
        let mut sockets = Sockets::default();
        for (name, descriptor) in NAMES.into_iter().zip(descriptors) {
            sockets.put(name, TcpListener::from(descriptor))?;
        }
        let leaves_within = Duration::from_millis(within);
        let path = path.to_owned();
        Ok(Some((Self { stream, path, leaves_within, has_left: false }, sockets)))
    }

    /// How long it takes to leave, at most.
    pub fn leaves_within(&self) -> Duration {
        self.leaves_within
    }

    /// Has it leave, and waits until it holds nothing any more that can only be held once. Until this
    /// process accepts, whoever connects waits. Blocks.
    ///
    /// # Errors
    ///
    /// It does not let go in its time.
    pub fn let_go(&mut self) -> Result<(), HandOverError> {
        let cannot = cannot(&self.path);
        self.stream.set_read_timeout(Some(self.leaves_within + SAYS_WITHIN)).map_err(&cannot)?;
        writeln!(self.stream, "{WAITS}").map_err(&cannot)?;
        self.has_left = true;
        // It says nothing more: this is the end of the connection.
        self.stream.read(&mut [0]).map_err(&cannot)?;
        Ok(())
    }

    /// Tells it that this process accepts now.
    ///
    /// # Errors
    ///
    /// It cannot be told. Then it has ended, or goes on beside this one.
    pub fn leave(mut self) -> Result<(), HandOverError> {
        if self.has_left {
            return Ok(());
        }
        writeln!(self.stream, "{SERVES}").map_err(cannot(&self.path))
    }
}

fn receive(stream: &UnixStream) -> io::Result<(String, Vec<OwnedFd>)> {
    let mut bytes = [0; LONGEST_LINE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(NAMES.len()))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(sent) = message {
            descriptors.extend(sent);
        }
    }
    let line = bytes.get(..received.bytes).unwrap_or_default();
    Ok((String::from_utf8_lossy(line).into_owned(), descriptors))
}
