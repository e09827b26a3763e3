//! The socket under a simulated SAP: what a well-behaved server library would not send.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What one connection is told to do besides HTTP.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    reset: bool,
    /// Sent when the answer is out.
    extra: Vec<u8>,
}

impl Orders {
    /// The next write resets the connection.
    pub(super) fn reset(&self) {
        self.with(|order| order.reset = true);
    }

    /// These bytes follow the answer.
    pub(super) fn send_after_answer(&self, bytes: Vec<u8>) {
        self.with(|order| order.extra = bytes);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Order) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A TCP connection under orders.
pub(super) struct Wire {
    tcp: TcpStream,
    orders: Arc<Orders>,
}

impl Wire {
    pub(super) fn new(tcp: TcpStream, orders: Arc<Orders>) -> Self {
        Self { tcp, orders }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.orders.with(|order| order.reset) {
            // Closing without lingering is what sends RST instead of FIN.
            self.tcp.set_zero_linger()?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let extra = self.orders.with(|order| std::mem::take(&mut order.extra));
            if extra.is_empty() {
                return Pin::new(&mut self.tcp).poll_flush(context);
            }
            match Pin::new(&mut self.tcp).poll_write(context, &extra) {
                Poll::Pending => {
                    self.orders.with(|order| order.extra = extra);
                    return Poll::Pending;
                }
                written @ Poll::Ready(_) => {
                    let written = ready!(written)?;
                    let rest = extra.get(written..).unwrap_or_default().to_vec();
                    self.orders.with(|order| order.extra = rest);
                }
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
