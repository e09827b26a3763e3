//! One connection: TCP, TLS 1.3, and one HTTP/1.1 question at a time.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use mio::{Interest, Registry, Token, net::TcpStream};
use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use socket2::{Domain, Socket, Type};

/// Who is asked.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) name: ServerName<'static>,
    pub(crate) tls: Arc<ClientConfig>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    Opening,
    Idle,
    Waiting,
    Closed,
}

/// What became of an event.
pub(crate) enum Went {
    Nothing,
    Opened,
    /// The whole answer is there; its status.
    Answered(u16),
    Failed(String),
}

pub(crate) struct Connection {
    socket: TcpStream,
    tls: ClientConnection,
    pub(crate) state: State,
    pub(crate) since: Instant,
    answer: Vec<u8>,
    /// Head and body, once the head is there.
    length: Option<usize>,
    status: u16,
}

impl Connection {
    pub(crate) fn open(
        target: &Target,
        registry: &Registry,
        token: usize,
        nth: u64,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if target.address.ip().is_loopback() {
            // From many addresses: one alone runs out of ports when connections are short.
            let own = [127, 0, 1 + (nth / 250 % 8) as u8, 1 + (nth % 250) as u8];
            socket.bind(&SocketAddr::from((own, 0)).into())?;
        }
        match socket.connect(&target.address.into()) {
            Err(e) if e.raw_os_error() != Some(115) && e.kind() != ErrorKind::WouldBlock => {
                return Err(e);
            } // 115: EINPROGRESS
            _ => {}
        }
        let mut socket = TcpStream::from_std(socket.into());
        registry.register(&mut socket, Token(token), Interest::READABLE | Interest::WRITABLE)?;
        let tls = ClientConnection::new(Arc::clone(&target.tls), target.name.clone())
            .map_err(io::Error::other)?;
        Ok(Self {
            socket,
            tls,
            state: State::Opening,
            since: Instant::now(),
            answer: Vec::with_capacity(8192),
            length: None,
            status: 0,
        })
    }

    pub(crate) fn ask(&mut self, request: &[u8], since: Instant) -> io::Result<()> {
        self.state = State::Waiting;
        self.since = since;
        self.answer.clear();
        self.length = None;
        self.tls.writer().write_all(request)?;
        self.write()
    }

    pub(crate) fn close(&mut self) {
        self.state = State::Closed;
        self.tls.send_close_notify();
        let _gone = self.write();
    }

    fn write(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    break;
                }
                other => other?,
            };
        }
        Ok(())
    }

    /// Reads what is there; no further than the end of an answer, because nothing follows it.
    pub(crate) fn ready(&mut self) -> Went {
        match self.read() {
            Ok(went) => went,
            Err(e) => {
                self.state = State::Closed;
                Went::Failed(e.to_string())
            }
        }
    }

    fn read(&mut self) -> io::Result<Went> {
        if self.state == State::Opening {
            self.write()?;
        }
        loop {
            match self.tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return Ok(Went::Nothing);
                }
                other => other?,
            };
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            let more = state.plaintext_bytes_to_read();
            if more > 0 {
                let old = self.answer.len();
                self.answer.resize(old + more, 0);
                self.tls.reader().read_exact(&mut self.answer[old..])?;
            }
            if self.state == State::Opening {
                self.write()?;
                if !self.tls.is_handshaking() {
                    self.state = State::Idle;
                    return Ok(Went::Opened);
                }
            }
            if self.state == State::Waiting && more > 0 && self.is_whole()? {
                self.state = State::Idle;
                return Ok(Went::Answered(self.status));
            }
        }
    }

    fn is_whole(&mut self) -> io::Result<bool> {
        if self.length.is_none()
            && let Some(head) = self.answer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let text = str::from_utf8(&self.answer[..head]).map_err(io::Error::other)?;
            let status = text.get(9..12).and_then(|digits| digits.parse().ok());
            self.status = status.ok_or(ErrorKind::InvalidData)?;
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            let body = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let body: Option<usize> = body.and_then(|(_, value)| value.trim().parse().ok());
            self.length = Some(
                head + 4
                    + body.ok_or_else(|| io::Error::other("an answer without Content-Length"))?,
            );
        }
        Ok(self.length.is_some_and(|length| self.answer.len() >= length))
    }

    pub(crate) fn forget(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.socket)
    }
}
