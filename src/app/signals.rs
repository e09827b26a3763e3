//! SIGTERM and SIGINT: the first one asks the process to leave in order, the second one at once.
//! SIGHUP, by which a closing terminal would end the process, has the configuration read again.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// What a signal wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// The process shall end; by its name.
    End(&'static str),
    /// The configuration shall be read again.
    Reload,
}

/// The signals, caught from the moment this exists.
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Starts to catch them.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End("SIGTERM"),
            _ = self.interrupt.recv() => Signal::End("SIGINT"),
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    /// Waits for the next one that ends the process; `reload` is called for those before it.
    pub async fn end(&mut self, reload: impl Fn()) -> &'static str {
        loop {
            match self.next().await {
                Signal::End(name) => return name,
                Signal::Reload => reload(),
            }
        }
    }
}
