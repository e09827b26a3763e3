//! How a process gives its listening sockets to the one that takes its place.
//!
//! Both speak over a Unix socket in the file system, in lines:
//!
//! ```text
//! new process ── connects, says HELLO ──────────────────► old process, which goes on serving
//! new process ◄─ the sockets (SCM_RIGHTS), and how long the old one takes to leave at most
//! new process ── "serves": it accepts already ───────────► old process accepts nothing more, finishes, ends
//!          or ── "waits": it needs what the old one holds ► old process finishes; the end of the connection
//!                                                          says that it holds nothing more
//! ```
//!
//! They are the same sockets, not others with the same address: there is one queue of connections, which is
//! never without somebody who has it. Two sockets with `SO_REUSEPORT` have a queue each, and what is in the
//! queue of the one that is closed is reset. A new process that fails before its word changes nothing.
//!
//! Only the same user is given anything, and nothing is taken from another one.

mod offer;
mod take;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::given::GivenError;

pub use offer::{Offer, Taken};
pub use take::Predecessor;

/// What the new process says first; another version of this has another number.
const HELLO: &str = "dialgate takes over 1";

/// How the old one begins its answer; its time in milliseconds follows.
const GIVES: &str = "dialgate gives calls admin within ";

const SERVES: &str = "serves";
const WAITS: &str = "waits";

/// The longest wait for a line that needs no work.
const SAYS_WITHIN: Duration = Duration::from_secs(10);

/// No line is longer, in bytes.
const LONGEST_LINE: usize = 100;

/// Why sockets cannot be handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The socket between the two cannot be used.
    #[error("{} (listen.hand_over) cannot be used", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// Somebody else's.
    #[error(
        "whoever listens on {} (listen.hand_over) is user {theirs}, and this process runs as {ours}; \
         nothing is taken from another user",
        path.display()
    )]
    Stranger {
        /// Where.
        path: PathBuf,
        /// Its user.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// It speaks otherwise.
    #[error(
        "the process that listens on {} (listen.hand_over) does not hand over as this version does; stop \
         it, then start this one",
        .0.display()
    )]
    Words(PathBuf),
    /// What it gives is not what was said.
    #[error(transparent)]
    Given(#[from] GivenError),
}

/// For [`HandOverError::Io`].
fn cannot(path: &Path) -> impl Fn(io::Error) -> HandOverError + use<> {
    let path = path.to_owned();
    move |error| HandOverError::Io(path.clone(), error)
}

/// The user that this process acts as.
fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
