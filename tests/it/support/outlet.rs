//! What a program's output is connected to when a test decides whether anybody reads it.

use std::{
    fs::File,
    future::Future,
    io::{self, BufRead, BufReader, ErrorKind, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{fs::OpenOptionsExt, net::UnixStream},
    },
    process::Stdio,
};

use tokio::{task::spawn_blocking, time::timeout};

use super::PATIENCE;

/// `O_NONBLOCK` on Linux.
pub(crate) const NON_BLOCKING: i32 = 0o4000;

/// What a program's output is connected to; nobody reads unless a test does.
pub(crate) struct Outlet {
    input: OwnedFd,
    output: BufReader<File>,
    is_pipe: bool,
}

impl Outlet {
    /// As between a program and a shell's `|`.
    pub(crate) fn pipe() -> Self {
        let (output, input) = io::pipe().unwrap();
        let output = BufReader::new(File::from(OwnedFd::from(output)));
        Self { input: input.into(), output, is_pipe: true }
    }

    /// As between a service and systemd's journal.
    pub(crate) fn socket() -> Self {
        let (output, input) = UnixStream::pair().unwrap();
        let output = BufReader::new(File::from(OwnedFd::from(output)));
        Self { input: input.into(), output, is_pipe: false }
    }

    pub(crate) fn for_a_program(&self) -> Stdio {
        self.input.try_clone().unwrap().into()
    }

    /// Writes until nothing more can be written: from now on a writer waits.
    pub(crate) fn fill(&self) {
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
    pub(crate) fn read_until(mut self, text: &'static str) -> impl Future<Output = (Self, String)> {
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
