//! A SAP that costs little: Cloud for Customer's answer for any partner, over HTTP/1.1, plain and with TLS.
//!
//! `sap HTTP_ADDRESS HTTPS_ADDRESS CERTIFICATE KEY`
//!
//! `/__delay?200` has it wait so many milliseconds with each answer from now on; `/__requests` tells how many it got.

use std::{
    cell::Cell, convert::Infallible, env, net::SocketAddr, rc::Rc, sync::Arc, time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{LocalSet, spawn_local},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

const BEFORE_THE_ID: &str = include_str!("before-the-id.json");
const BEHIND_THE_ID: &str = include_str!("behind-the-id.json");

#[derive(Default)]
struct Sap {
    delay_ms: Cell<u64>,
    requests: Cell<u64>,
}

impl Sap {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let query = request.uri().query().unwrap_or_default();
        let body = match request.uri().path() {
            "/__delay" => {
                self.delay_ms.set(query.parse().expect("milliseconds"));
                String::new()
            }
            "/__requests" => self.requests.get().to_string(),
            _ => {
                self.requests.set(self.requests.get() + 1);
                if self.delay_ms.get() > 0 {
                    sleep(Duration::from_millis(self.delay_ms.get())).await;
                }
                let id = id(query);
                let known = !id.is_empty();
                if known {
                    [BEFORE_THE_ID.trim_end(), id, BEHIND_THE_ID.trim_end()].concat()
                } else {
                    r#"{"d":{"results":[]}}"#.to_owned()
                }
            }
        };
        Response::builder()
            .header("content-type", "application/json; charset=utf-8")
            .header("cache-control", "max-age=3600")
            .header("dataserviceversion", "2.0")
            .body(Full::new(body.into()))
            .expect("the answer is sound")
    }
}

/// The first five or more digits that stand together, escapes left out.
fn id(query: &str) -> &str {
    let bytes = query.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            at += 3;
            continue;
        }
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits >= 5 {
            return &query[at..at + digits];
        }
        at += digits.max(1);
    }
    ""
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, sap: Rc<Sap>) {
    let answer = service_fn(move |request| {
        let sap = Rc::clone(&sap);
        async move { Ok::<_, Infallible>(sap.answer(request).await) }
    });
    // Whoever hangs up has what it wanted.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn listen(address: SocketAddr, tls: Option<TlsAcceptor>, sap: Rc<Sap>) {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("a fresh socket takes options");
    socket.bind(&address.into()).expect("the address is free");
    socket.listen(4096).expect("a bound socket listens");
    socket.set_nonblocking(true).expect("a socket takes options");
    let listener = TcpListener::from_std(socket.into()).expect("inside a runtime");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).expect("a socket takes options");
        let (tls, sap) = (tls.clone(), Rc::clone(&sap));
        spawn_local(async move {
            match tls {
                None => serve(stream, sap).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, sap).await;
                    }
                }
            }
        });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [http, https, certificate, key] = words.as_slice() else {
        panic!("sap HTTP_ADDRESS HTTPS_ADDRESS CERTIFICATE KEY");
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).expect("a certificate").collect();
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.expect("a certificate"), key)
        .expect("the key is the certificate's");
    let tls = TlsAcceptor::from(Arc::new(tls));
    let sap = Rc::new(Sap::default());
    let [http, https] = [http, https].map(|address| address.parse().expect("an address"));
    LocalSet::new()
        .run_until(async move {
            tokio::join!(listen(http, None, Rc::clone(&sap)), listen(https, Some(tls), sap));
        })
        .await;
}
