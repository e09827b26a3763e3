//! A process that runs out of file descriptors, for real: it runs in a child with 64 of them.

use std::net::TcpStream as BlockingStream;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::Instant;

use super::clients::{GET, answer};
use super::server::{Server, eventually, generous, within};

/// Set in the child.
const IN_CHILD: &str = "DIALGATE_TEST_64_DESCRIPTORS";

#[tokio::test]
async fn running_out_of_descriptors_neither_spins_nor_lasts() {
    if std::env::var_os(IN_CHILD).is_some() {
        return with_64_descriptors().await;
    }
    let this = std::env::current_exe().unwrap();
    let own_name = "net::tests::descriptors::running_out_of_descriptors_neither_spins_nor_lasts";
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact --test-threads=1 \"$1\""])
        .arg(this)
        .arg(own_name)
        .env(IN_CHILD, "1")
        .output();

    let output = within(child).await.unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Takes every descriptor of its process.
async fn with_64_descriptors() {
    let server = Server::with_plaintext(generous());
    let failures = || server.metric("dialgate_connections_refused_total", &["descriptors"]);
    // They all fit into the backlog; accepting them needs descriptors that are not there.
    let mut clients: Vec<_> =
        std::iter::from_fn(|| BlockingStream::connect(server.address).ok()).collect();
    eventually(|| failures() >= 1).await;
    let began = Instant::now();
    eventually(|| failures() >= 4).await;
    assert!(began.elapsed() >= Duration::from_millis(150), "spins: {:?}", began.elapsed());

    let first = clients.remove(0);
    clients.truncate(1);

    first.set_nonblocking(true).unwrap();
    let mut first = TcpStream::from_std(first).unwrap();
    first.write_all(GET.as_bytes()).await.unwrap();
    assert!(answer(&mut first).await.ends_with("served"));
}
