//! Signs of life for the service manager, for as long as what answers calls really lives.
//!
//! A task of the runtime that answers calls gives them, so that its timers and its socket events work. That
//! is not enough: with two workers, one that hangs leaves half of the connections without an answer, while
//! the other one goes on. So each worker is looked at, too. One that rests is well, and so is one that has
//! gone on to another task since the last look; one that is still at the same task hangs, and there is no
//! sign of life until it goes on. No task here takes longer than a few milliseconds at a time.

use std::time::Duration;

use tokio::{
    runtime::{Handle, RuntimeMetrics},
    time::{MissedTickBehavior, interval},
};

use super::Service;

/// Looks after the workers of the runtime in which it was made.
pub(in crate::app) struct Watchdog {
    service: Service,
    runtime: RuntimeMetrics,
    seen: Vec<Seen>,
}

/// How far a worker had come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Seen {
    /// Even while it works: it has rested and been woken so often, together.
    rests: u64,
    worked: Duration,
}

impl Watchdog {
    /// Needs a tokio runtime.
    pub(in crate::app) fn new(service: &Service) -> Self {
        let runtime = Handle::current().metrics();
        Self { service: service.clone(), runtime, seen: Vec::new() }
    }

    /// Gives signs of life twice as often as they are wanted, for as long as it is awaited.
    pub(in crate::app) async fn keep(mut self) {
        let Some(wanted) = self.service.watchdog() else { return };
        let mut every = interval((wanted / 2).max(Duration::from_millis(1)));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hung = false;
        loop {
            every.tick().await;
            let hangs = self.hangs();
            if let (Some(worker), false) = (hangs, hung) {
                tracing::error!(
                    worker,
                    "worker {worker} has been at one task for {:?}: the service manager gets no sign of \
                     life until it goes on, and ends the process after {wanted:?}",
                    wanted / 2
                );
            }
            hung = hangs.is_some();
            if !hung {
                self.service.lives();
            }
        }
    }

    /// The first worker that is at the task it was at when this was asked last.
    fn hangs(&mut self) -> Option<usize> {
        let now: Vec<_> = (0..self.runtime.num_workers())
            .map(|worker| Seen {
                rests: self.runtime.worker_park_unpark_count(worker),
                worked: self.runtime.worker_total_busy_duration(worker),
            })
            .collect();
        let before = std::mem::replace(&mut self.seen, now);
        let mut both = self.seen.iter().zip(&before);
        both.position(|(now, before)| now == before && now.rests.is_multiple_of(2))
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixDatagram, sync::mpsc};

    use super::*;

    /// So often a sign of life is wanted: far longer than a worker that is well takes for anything.
    const WANTED: Duration = Duration::from_millis(1500);

    #[test]
    fn one_of_two_workers_that_hangs_ends_the_signs_of_life_until_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(WANTED * 2)).unwrap();
        let service = Service::at(path.as_os_str(), Some(WANTED)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let sign_of_life = || {
            let mut bytes = [0; 64];
            manager.recv(&mut bytes).map(|length| bytes[..length] == *b"WATCHDOG=1\n")
        };
        runtime.spawn(async move { Watchdog::new(&service).keep().await });
        for _ in 0..3 {
            assert!(sign_of_life().unwrap());
        }

        let (go_on, hangs) = mpsc::channel::<()>();
        runtime.spawn(async move { hangs.recv() });

        // One or two may have been on their way.
        let last = (0..3).find(|_| sign_of_life().is_err());
        assert!(last.is_some(), "a hung worker goes unnoticed");
        go_on.send(()).unwrap();
        assert!(sign_of_life().unwrap());
    }
}
