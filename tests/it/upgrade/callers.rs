//! jtel, calling without a pause: some callers open a connection for each call, others keep theirs.

use std::{
    error::Error,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::interval};
use tokio_util::sync::CancellationToken;

use crate::support::{
    Client, eventually,
    gateway::CLIENT_PASSWORD,
    load::{contract_number, partner},
};

/// How long each of them waits between two calls.
const PAUSE: Duration = Duration::from_millis(100);

/// Together they make two hundred calls a second.
const WITH_KEPT_CONNECTIONS: usize = 10;
const WITH_HTTP2: usize = 4;
const WITH_NEW_CONNECTIONS: usize = 6;

/// So few that most answers come from memory.
const PARTNERS: u32 = 20;

/// They call until they are told to end.
pub(crate) struct Callers {
    stop: CancellationToken,
    answered: Arc<AtomicUsize>,
    tasks: JoinSet<Said>,
}

/// What they have to say in the end.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) answered: usize,
    /// Answers that were their connection's last.
    pub(crate) sent_elsewhere: usize,
    pub(crate) failed: Vec<String>,
}

#[derive(Clone, Copy)]
enum Connections {
    Kept { h2: bool },
    New,
}

impl Callers {
    /// They begin.
    pub(crate) fn of(address: SocketAddr, ca: &Path) -> Self {
        let all = [
            (WITH_KEPT_CONNECTIONS, Connections::Kept { h2: false }),
            (WITH_HTTP2, Connections::Kept { h2: true }),
            (WITH_NEW_CONNECTIONS, Connections::New),
        ];
        let (stop, answered, mut tasks) =
            (CancellationToken::new(), Arc::default(), JoinSet::new());
        let callers = all.iter().flat_map(|(many, kind)| std::iter::repeat_n(*kind, *many));
        for (n, connections) in callers.enumerate() {
            let caller = Caller {
                n: u32::try_from(n).unwrap(),
                address,
                ca: ca.to_owned(),
                connections,
                answered: Arc::clone(&answered),
            };
            tasks.spawn(caller.call_until(stop.clone()));
        }
        Self { stop, answered, tasks }
    }

    /// Waits until so many more calls are answered.
    pub(crate) async fn until_answered(&self, more: usize) {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        eventually("calls are answered", || async {
            self.answered.load(Ordering::Relaxed) >= wanted
        })
        .await;
    }

    /// They finish the calls that they are at.
    pub(crate) async fn end(mut self) -> Said {
        self.stop.cancel();
        let mut all = Said::default();
        while let Some(said) = self.tasks.join_next().await {
            let said = said.unwrap();
            all.answered += said.answered;
            all.sent_elsewhere += said.sent_elsewhere;
            all.failed.extend(said.failed);
        }
        all
    }
}

/// GOAWAY says that a request was not looked at, so that it is to be asked again (RFC 9113 8.7). Java's
/// client and Go's do so by themselves; hyper's leaves it to whoever uses it.
fn was_not_looked_at(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<h2::Error>() {
        Some(error) => {
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        }
        None => error.source().is_some_and(was_not_looked_at),
    }
}

struct Caller {
    n: u32,
    address: SocketAddr,
    ca: PathBuf,
    connections: Connections,
    answered: Arc<AtomicUsize>,
}

impl Caller {
    async fn call_until(self, stop: CancellationToken) -> Said {
        let (mut said, mut kept, mut calls) = (Said::default(), None, self.n);
        let mut pace = interval(PAUSE);
        loop {
            tokio::select! {
                _ = pace.tick() => {}
                () = stop.cancelled() => return said,
            }
            calls += 1;
            let jtel = match self.connections {
                Connections::Kept { h2 } => kept.get_or_insert_with(|| self.client(h2)),
                Connections::New => kept.insert(self.client(false)),
            };
            let partner = partner(calls % PARTNERS);
            let mut asked = jtel.try_ask(&partner).await;
            if asked.as_ref().is_err_and(|error| was_not_looked_at(&**error)) {
                asked = jtel.try_ask(&partner).await;
            }
            match asked {
                Ok(answer)
                    if answer.status == 200
                        && answer.json()["contractNumber"] == contract_number(&partner) =>
                {
                    said.answered += 1;
                    said.sent_elsewhere += usize::from(answer.headers.contains_key("connection"));
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(other) => said.failed.push(format!("{} {}", other.status, other.text)),
                Err(error) => said.failed.push(format!("{error:?}")),
            }
        }
    }

    fn client(&self, h2: bool) -> Client {
        Client::new(self.address, "/onClickToDial", &self.ca, h2)
            .with_password("jtel", CLIENT_PASSWORD)
    }
}
