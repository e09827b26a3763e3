//! A checkpoint by POST: one connection for each, because there are few.

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::spawn_blocking,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::net::tls::roots;

/// Sends it; done where the answer is 2xx.
pub(super) async fn post(url: &Uri, ca_file: Option<&Path>, line: &str) -> io::Result<()> {
    let is_https = url.scheme_str() == Some("https");
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let tcp = TcpStream::connect((host, port)).await?;
    if !is_https {
        return over(tcp, url, line).await;
    }
    let ca_file = ca_file.map(Path::to_owned);
    let read = move || ca_file.as_deref().map_or_else(roots::of_system, roots::of_file);
    let roots = spawn_blocking(read).await?.map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    over(tls, url, line).await
}

async fn over<S>(stream: S, url: &Uri, line: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // How it ends is told to whoever waits for the answer.
        let _ended = connection.await;
    }));
    let mut request = Request::new(Full::new(Bytes::from(format!("{line}\n"))));
    *request.method_mut() = Method::POST;
    if let Some(target) = url.path_and_query() {
        *request.uri_mut() = target.clone().into();
    }
    let host = url.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(host).map_err(io::Error::other)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("dialgate/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    Err(io::Error::other(format!("it answers with {status}")))
}
