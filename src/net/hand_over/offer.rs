//! The side of the process that serves.

use std::{
    fs::{self, Permissions},
    future::Future,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Interest},
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};

use super::{
    GIVES, HELLO, HandOverError, LONGEST_LINE, SAYS_WITHIN, SERVES, WAITS, cannot, this_user,
};
use crate::net::{SharedSocket, accept::PAUSE, drain::Successor, given::NAMES};

/// The longest that a new process takes from its sockets to its word: reading its files, asking nobody.
const STARTS_WITHIN: Duration = Duration::from_mins(2);

/// The longest that something is waited for before the sockets are given: the other one waits for them no longer
/// than [`SAYS_WITHIN`].
const FIRST_WITHIN: Duration = Duration::from_secs(5);

/// A place where the sockets can be asked for. It is gone when this is dropped.
#[derive(Debug)]
pub struct Offer {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file: another process may put its own in its place.
    file: (u64, u64),
    /// Who is given something.
    pub(super) user: u32,
}

/// Another process has taken over.
#[derive(Debug)]
pub struct Taken {
    /// Whether it accepts already.
    pub successor: Successor,
    /// It waits for the end of this connection, if it waits.
    pub connection: UnixStream,
}

impl Offer {
    /// Listens there, for this user only, in the place of whoever did before. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The folder or the name cannot be used.
    pub fn open(path: &Path) -> Result<Self, HandOverError> {
        let open = || {
            // Under another name first: at its own it is there at once, and for nobody else.
            let new = path.with_added_extension(format!("{}.new", std::process::id()));
            let _of_a_process_with_this_number = fs::remove_file(&new);
            let listener = UnixListener::bind(&new)?;
            fs::set_permissions(&new, Permissions::from_mode(0o600))?;
            fs::rename(&new, path)?;
            Ok((listener, identity(path)?))
        };
        let (listener, file) = open().map_err(cannot(path))?;
        Ok(Self { listener, path: path.to_owned(), file, user: this_user() })
    }

    /// Waits until another process has taken `sockets`, and says whether it accepts. `within`: how long
    /// this process takes to leave, at most.
    pub async fn taken(&self, sockets: &[SharedSocket; 2], within: Duration) -> Taken {
        self.taken_after(|| std::future::ready(()), sockets, within).await
    }

    /// The same; `first` is waited for before the sockets are given, a few seconds at most.
    pub async fn taken_after<F: Future<Output = ()>>(
        &self,
        first: impl Fn() -> F,
        sockets: &[SharedSocket; 2],
        within: Duration,
    ) -> Taken {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "nobody can take over just now");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            match self.exchange(stream, &first, sockets, within).await {
                Ok(Some(taken)) => return taken,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "another process wanted to take over and did not; this one goes on"
                    );
                }
            }
        }
    }

    /// `None`: nothing was given.
    async fn exchange<F: Future<Output = ()>>(
        &self,
        stream: UnixStream,
        first: impl Fn() -> F,
        sockets: &[SharedSocket; 2],
        within: Duration,
    ) -> io::Result<Option<Taken>> {
        let peer = stream.peer_cred()?;
        if peer.uid() != self.user {
            tracing::warn!(
                user = peer.uid(),
                "user {} wanted to take over and is given nothing: this process runs as {}",
                peer.uid(),
                self.user
            );
            return Ok(None);
        }
        let mut stream = BufReader::new(stream);
        if said(&mut stream, SAYS_WITHIN).await? != HELLO {
            return Err(io::Error::other("it speaks another version of this"));
        }
        if timeout(FIRST_WITHIN, first()).await.is_err() {
            tracing::warn!(
                "what was to be done before the sockets are handed over goes on beside it"
            );
        }
        let [calls, admin] = sockets;
        give(stream.get_ref(), [calls.duplicate()?, admin.duplicate()?], within).await?;
        let pid = peer.pid().unwrap_or_default();
        tracing::info!(
            pid,
            "process {pid} has the listening sockets and starts; this one still serves"
        );
        let successor = match said(&mut stream, STARTS_WITHIN).await?.as_str() {
            SERVES => Successor::Accepts,
            WAITS => Successor::Waits,
            "" => return Err(io::Error::other("its start failed")),
            _ => return Err(io::Error::other("its word is unknown")),
        };
        tracing::info!(pid, "process {pid} takes over; finishing the calls in flight");
        Ok(Some(Taken { successor, connection: stream.into_inner() }))
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            let _somebody_else_was_faster = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The next line, without its end; an empty one when the other side has left.
async fn said(stream: &mut BufReader<UnixStream>, within: Duration) -> io::Result<String> {
    let mut line = String::new();
    timeout(within, stream.take(LONGEST_LINE as u64).read_line(&mut line)).await??;
    Ok(line.trim_end().to_owned())
}

async fn give(stream: &UnixStream, sockets: [OwnedFd; 2], within: Duration) -> io::Result<()> {
    let line = format!("{GIVES}{}\n", within.as_millis());
    let descriptors = sockets.each_ref().map(AsFd::as_fd);
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(NAMES.len()))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let bytes = [IoSlice::new(line.as_bytes())];
        Ok(sendmsg(stream, &bytes, &mut ancillary, SendFlags::NOSIGNAL)?)
    };
    stream.async_io(Interest::WRITABLE, send).await.map(drop)
}
