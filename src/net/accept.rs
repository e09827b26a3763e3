//! Takes connections from the operating system, and what to do when it has none to give.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

/// The pause after a failed accept. Without one, a process that has run out of descriptors burns a
/// whole core asking again (measured with plain hyper: 1.01 cores).
pub(super) const PAUSE: Duration = Duration::from_millis(75);

/// An outage is over when nothing failed for this long, so that one that flickers is told once.
const QUIET: Duration = Duration::from_secs(10);

/// The process's own limit of file descriptors (`EMFILE`) and the machine's (`ENFILE`): the same
/// numbers on Linux, macOS and the BSDs. The standard library has no kind for them.
const OUT_OF_DESCRIPTORS: [i32; 2] = [24, 23];

/// What a failed accept means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AcceptFault {
    /// That one connection went away before it was taken; the next may be there already.
    Connection,
    /// No file descriptor is left; waiting helps, asking again at once does not.
    Descriptors,
    /// Anything else, such as no memory: pause as well, whatever it is.
    Other,
}

impl AcceptFault {
    pub(super) fn of(error: &io::Error) -> Self {
        if error.raw_os_error().is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code)) {
            return Self::Descriptors;
        }
        match error.kind() {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted => Self::Connection,
            _ => Self::Other,
        }
    }

    /// How long to wait before the next accept.
    pub(super) fn pause(self) -> Option<Duration> {
        match self {
            Self::Connection => None,
            Self::Descriptors | Self::Other => Some(PAUSE),
        }
    }
}

/// Remembers an outage so that it is logged once and not at every attempt.
#[derive(Debug, Default)]
pub(super) struct Outage {
    last_fault: Option<Instant>,
}

impl Outage {
    /// Notes a fault; whether it begins an outage.
    pub(super) fn begins(&mut self, now: Instant) -> bool {
        let begins = self.last_fault.is_none_or(|last| now.duration_since(last) >= QUIET);
        self.last_fault = Some(now);
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_pauses_and_never_spins() {
        for code in OUT_OF_DESCRIPTORS {
            let fault = AcceptFault::of(&io::Error::from_raw_os_error(code));

            assert_eq!(fault, AcceptFault::Descriptors);
            assert!(fault.pause().is_some_and(|pause| (50..=100).contains(&pause.as_millis())));
        }
    }

    #[test]
    fn a_connection_that_went_away_costs_no_pause_and_the_unknown_does() {
        for (kind, fault) in [
            (io::ErrorKind::ConnectionAborted, AcceptFault::Connection),
            (io::ErrorKind::OutOfMemory, AcceptFault::Other),
            (io::ErrorKind::PermissionDenied, AcceptFault::Other),
        ] {
            assert_eq!(AcceptFault::of(&io::Error::from(kind)), fault, "{kind}");
        }
        assert_eq!(AcceptFault::Connection.pause(), None);
        assert_eq!(AcceptFault::Other.pause(), Some(PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_that_flickers_is_told_once() {
        let mut outage = Outage::default();
        let told: Vec<_> = [0, 1, 5, 14, 40]
            .map(|second| outage.begins(Instant::now() + Duration::from_secs(second)))
            .into();

        assert_eq!(told, [true, false, false, false, true]);
    }
}
