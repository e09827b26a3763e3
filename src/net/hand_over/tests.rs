//! Both sides, in one process.

use std::{os::unix::fs::PermissionsExt, os::unix::net, path::PathBuf};

use tempfile::TempDir;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::net::{
    Limits, Listener, ListenerOptions, Successor, TrustedInForce,
    given::{GivenError, Sockets},
};

/// What an old process says of its end.
const WITHIN: Duration = Duration::from_secs(7);

struct Old {
    folder: TempDir,
    listeners: [Listener; 2],
}

impl Old {
    fn new() -> Self {
        let listener = || {
            let address = "127.0.0.1:0".parse().unwrap();
            let (limits, trusted) = (Limits::default(), TrustedInForce::nobody());
            Listener::bind(ListenerOptions { address, tls: None, limits, trusted }).unwrap()
        };
        Self { folder: tempfile::tempdir().unwrap(), listeners: [listener(), listener()] }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("hand-over.sock")
    }

    fn offers(&self, offer: Offer) -> JoinHandle<Taken> {
        let sockets = self.listeners.each_ref().map(Listener::shared);
        tokio::spawn(async move { offer.taken(&sockets, WITHIN).await })
    }

    async fn found_as(&self, user: u32) -> Result<Option<(Predecessor, Sockets)>, HandOverError> {
        let path = self.path();
        spawn_blocking(move || Predecessor::find_as(user, &path)).await.unwrap()
    }

    async fn found(&self) -> (Predecessor, Sockets) {
        self.found_as(this_user()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_same_sockets_are_given_each_under_its_name() {
    let old = Old::new();
    let taken = old.offers(Offer::open(&old.path()).unwrap());

    let (before, sockets) = old.found().await;

    let addresses = [&sockets.calls, &sockets.admin]
        .map(|socket| socket.as_ref().unwrap().local_addr().unwrap());
    assert_eq!(addresses, old.listeners.each_ref().map(Listener::local_address));
    assert_eq!(before.leaves_within(), WITHIN);
    assert!(!taken.is_finished());
    before.leave().unwrap();
    assert_eq!(taken.await.unwrap().successor, Successor::Accepts);
}

#[tokio::test]
async fn whoever_needs_what_only_one_can_hold_waits_until_it_is_let_go() {
    let old = Old::new();
    let taken = old.offers(Offer::open(&old.path()).unwrap());
    let (mut before, _sockets) = old.found().await;

    let waits = spawn_blocking(move || before.let_go().map(|()| before.leave()));
    let taken = taken.await.unwrap();

    assert_eq!(taken.successor, Successor::Waits);
    assert!(!waits.is_finished());
    drop(taken.connection);
    waits.await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_new_process_that_fails_changes_nothing_and_the_next_one_takes_over() {
    let old = Old::new();
    let taken = old.offers(Offer::open(&old.path()).unwrap());
    drop(old.found().await);
    // Another one speaks another language.
    let mut stranger = net::UnixStream::connect(old.path()).unwrap();
    io::Write::write_all(&mut stranger, b"GET / HTTP/1.1\r\n").unwrap();

    old.found().await.0.leave().unwrap();

    assert_eq!(taken.await.unwrap().successor, Successor::Accepts);
}

#[tokio::test]
async fn another_user_is_given_nothing() {
    let old = Old::new();
    let mut offer = Offer::open(&old.path()).unwrap();
    offer.user = this_user() + 1;
    let taken = old.offers(offer);

    let error = old.found_as(this_user()).await.unwrap_err();

    assert!(matches!(error, HandOverError::Io(..) | HandOverError::Words(_)), "{error}");
    assert!(!taken.is_finished());
    taken.abort();
}

#[tokio::test]
async fn nothing_is_taken_from_another_user() {
    let old = Old::new();
    let taken = old.offers(Offer::open(&old.path()).unwrap());

    let error = old.found_as(this_user() + 1).await.unwrap_err();

    assert!(matches!(error, HandOverError::Stranger { .. }), "{error}");
    taken.abort();
}

#[tokio::test]
async fn where_nobody_is_nothing_is_found() {
    let old = Old::new();
    assert!(old.found_as(this_user()).await.unwrap().is_none());

    // One that was killed leaves its file behind.
    drop(net::UnixListener::bind(old.path()).unwrap());
    assert!(old.found_as(this_user()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_hands_over_in_another_way_is_told() {
    let old = Old::new();
    let other = net::UnixListener::bind(old.path()).unwrap();
    let answers = spawn_blocking(move || {
        let (mut stream, _) = other.accept().unwrap();
        io::Write::write_all(&mut stream, b"220 ready\n").unwrap();
        stream
    });

    let error = old.found_as(this_user()).await.unwrap_err();

    assert!(matches!(error, HandOverError::Words(_)), "{error}");
    drop(answers.await);
}

#[tokio::test]
async fn the_file_is_for_this_user_and_goes_with_its_process_unless_it_is_anothers() {
    let old = Old::new();
    let file = |path: PathBuf| std::fs::symlink_metadata(path);
    let first = Offer::open(&old.path()).unwrap();
    assert_eq!(file(old.path()).unwrap().permissions().mode() & 0o777, 0o600);

    let second = Offer::open(&old.path()).unwrap();
    drop(first);
    assert!(file(old.path()).is_ok());
    drop(second);
    assert!(file(old.path()).is_err());
    assert_eq!(std::fs::read_dir(old.folder.path()).unwrap().count(), 0);
}

#[test]
fn each_listener_gets_one_socket_of_its_name() {
    let socket = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sockets = Sockets::default();

    sockets.put("calls", socket()).unwrap();

    assert!(matches!(sockets.put("calls", socket()), Err(GivenError::Twice(_))));
    assert!(matches!(sockets.put("http", socket()), Err(GivenError::Name(_))));
    assert!(sockets.admin.is_none() && !sockets.is_empty());
}
