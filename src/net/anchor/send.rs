//! How each kind of place is given a checkpoint.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UdpSocket},
    task::spawn_blocking,
};

use super::http;
use crate::{config::Anchor, telemetry::clock::Moment};

/// Facility 13 (log audit) and severity 6 (informational), RFC 5424 section 6.2.1.
const PRIORITY: u8 = 13 * 8 + 6;

/// Gives it one; done when the place has it, as far as its protocol tells.
pub(super) async fn to(anchor: &Anchor, line: &str) -> io::Result<()> {
    match anchor {
        Anchor::File(path) => {
            let (path, line) = (path.clone(), format!("{line}\n"));
            // It may stand on a network that hangs.
            spawn_blocking(move || append(&path, &line)).await?
        }
        Anchor::Syslog { address, tcp: false } => datagram(*address, &message(line)).await,
        Anchor::Syslog { address, tcp: true } => framed(*address, &message(line)).await,
        Anchor::Http { url, ca_file } => http::post(url, ca_file.as_deref(), line).await,
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

async fn datagram(address: SocketAddr, message: &str) -> io::Result<()> {
    let any = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    socket.send(message.as_bytes()).await.map(drop)
}

/// With its length before it (RFC 6587 section 3.4.1).
async fn framed(address: SocketAddr, message: &str) -> io::Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
    connection.shutdown().await
}

/// RFC 5424, without what we do not know.
fn message(line: &str) -> String {
    let process = std::process::id();
    format!("<{PRIORITY}>1 {} - dialgate {process} checkpoint - {line}", Moment::now())
}
