//! The way to SAP, step by step: name, TCP, TLS, login, one lookup. For `dialgate check --connect`:
//! a person reads it, so each failure says what to do about it.

use std::{io, net::SocketAddr, time::Duration};

use rustls::{CertificateError, pki_types::CertificateDer};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::sap::{
    client::SapClient,
    error::LookupError,
    link::proxy,
    link::tls::{TlsFiles, TlsSlot},
};
use crate::{
    config,
    telemetry::{clock, logging::with_causes, rounded},
};

/// A certificate that ends within so many days is worth a word: three weeks leave time to order.
const SOON_DAYS: i64 = 21;

/// One step of the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Station {
    /// `DNS`, `TCP`, `TLS`, `login`, `lookup`.
    pub name: &'static str,
    /// How it went.
    pub went: Went,
    /// What was found, or what is wrong and what to do about it.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

/// How a step went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Went {
    /// Nothing to do.
    Well,
    /// It works, yet not for long.
    SoonOver,
    /// The way ends here.
    Wrong,
}

/// Goes the way until it ends. Asks SAP once, for a partner that nobody has.
pub async fn walk(sap: &config::Sap, client: &SapClient) -> Vec<Station> {
    let mut stations = Vec::new();
    let Some(addresses) = note(&mut stations, "DNS", name(sap)).await else { return stations };
    let Some(mut tcp) = note(&mut stations, "TCP", tcp(sap, &addresses)).await else {
        return stations;
    };
    if let Some(proxy) = proxy_of(sap) {
        let tunnel = tunnel(sap, proxy, &mut tcp);
        let Some(()) = note(&mut stations, "proxy", tunnel).await else { return stations };
    }
    if sap.url.scheme_str() == Some("https") {
        let Some(()) = note(&mut stations, "TLS", tls(sap, tcp)).await else { return stations };
    }
    let asked = Instant::now();
    let result = client.probe().await;
    let took = asked.elapsed();
    let mut station = |name, went, text: &str| {
        stations.push(Station { name, went, text: text.to_owned(), took });
    };
    match &result {
        Ok(()) => {
            station("login", Went::Well, "SAP accepts the credentials");
            station("lookup", Went::Well, "SAP answers in the form that the preset reads");
        }
        Err(error @ LookupError::Credentials { .. }) => {
            station(
                "login",
                Went::Wrong,
                &format!(
                    "{error}. Compare user and password of sap.login with the technical user in SAP, see whether it is locked there, and try once, not often"
                ),
            );
        }
        Err(error) if error.proves_credentials() => {
            station("login", Went::Well, "SAP accepts the credentials");
            station("lookup", Went::Wrong, &with_causes(error));
        }
        Err(error) => station("lookup", Went::Wrong, &with_causes(error)),
    }
    stations
}

/// What a step found besides its text.
type Found<T> = Result<(T, Went, String), String>;

async fn note<T>(
    stations: &mut Vec<Station>,
    name: &'static str,
    step: impl Future<Output = Found<T>>,
) -> Option<T> {
    let started = Instant::now();
    let result = step.await;
    let took = started.elapsed();
    let (found, went, text) = match result {
        Ok((found, went, text)) => (Some(found), went, text),
        Err(text) => (None, Went::Wrong, text),
    };
    stations.push(Station { name, went, text, took });
    found
}

fn place(sap: &config::Sap) -> (String, u16) {
    let host = sap.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_https = sap.url.scheme_str() == Some("https");
    (host, sap.url.port_u16().unwrap_or(if is_https { 443 } else { 80 }))
}

/// The proxy on the way to SAP, unless SAP is one of its exceptions.
fn proxy_of(sap: &config::Sap) -> Option<&config::Proxy> {
    let (host, _) = place(sap);
    sap.proxy.as_ref().filter(|proxy| !proxy::is_exempt(&host, &proxy.except))
}

async fn tunnel(sap: &config::Sap, proxy: &config::Proxy, tcp: &mut TcpStream) -> Found<()> {
    let (host, port) = place(sap);
    let until = Instant::now() + sap.connect_timeout;
    match timeout_at(until, proxy::tunnel(tcp, &host, port, proxy)).await {
        Ok(Ok(())) => Ok(((), Went::Well, format!("lets us through to {host}:{port}"))),
        Ok(Err(error)) => Err(format!("does not let us through: {error}; see sap.proxy")),
        Err(_elapsed) => Err("does not answer; see sap.proxy".to_owned()),
    }
}

async fn name(sap: &config::Sap) -> Found<Vec<SocketAddr>> {
    let (host, port) = match proxy_of(sap) {
        Some(proxy) => (proxy.host.clone(), proxy.port),
        None => place(sap),
    };
    let until = Instant::now() + sap.total_timeout;
    let advice = "check the spelling of sap.url and this machine's name servers (/etc/resolv.conf)";
    match timeout_at(until, tokio::net::lookup_host((host.as_str(), port))).await {
        Err(_elapsed) => Err(format!("no name server answered about {host}; {advice}")),
        Ok(Err(error)) => Err(format!("{host} has no address: {error}; {advice}")),
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.collect();
            let texts: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let text = format!("{host} is {}", texts.join(", "));
            Ok((addresses, Went::Well, text))
        }
    }
}

async fn tcp(sap: &config::Sap, addresses: &[SocketAddr]) -> Found<TcpStream> {
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match timeout_at(Instant::now() + sap.connect_timeout, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok((tcp, Went::Well, format!("{address} accepts connections"))),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                last = format!(
                    "{address} refuses connections; check the port of sap.url and whether SAP is up"
                );
            }
            Ok(Err(error)) => {
                last = format!("{address}: {error}; check routes and firewalls on the way");
            }
            Err(_elapsed) => {
                last = format!(
                    "{address} does not answer within {}; a firewall on the way drops it, or \
                     sap.connect_timeout is too short",
                    rounded(sap.connect_timeout)
                );
            }
        }
    }
    Err(last)
}

async fn tls(sap: &config::Sap, tcp: TcpStream) -> Found<()> {
    let tls = TlsSlot::new(TlsFiles {
        key: "sap.url".to_owned(),
        name: sap.server_name.clone().unwrap_or_else(|| place(sap).0),
        ca_key: "sap.ca_file",
        ca_file: sap.ca_file.clone(),
        identity_key: "sap.login.certificate",
        identity: match &sap.login {
            config::Login::Certificate(files) => Some(files.clone()),
            _ => None,
        },
    })
    .map_err(|problem| format!("{}: {}", problem.key, problem.message))?
    .current();
    let until = Instant::now() + sap.connect_timeout;
    let stream = match timeout_at(until, tls.connector.connect(tls.name.clone(), tcp)).await {
        Err(_elapsed) => {
            return Err(
                "the handshake does not end; is this the port of an HTTPS server?".to_owned()
            );
        }
        Ok(Err(error)) => return Err(tls_advice(&error)),
        Ok(Ok(stream)) => stream,
    };
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().map(|version| format!("{version:?}"));
    let chain = session.peer_certificates().unwrap_or_default();
    let (went, certificate) = chain.first().map_or((Went::Well, String::new()), describe);
    let version = version.unwrap_or_default();
    Ok(((), went, format!("{version}, chain of {}, {certificate}", chain.len())))
}

/// Who signed a certificate, and how long it lasts.
fn describe(certificate: &CertificateDer<'_>) -> (Went, String) {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return (Went::Well, "a certificate that cannot be described".to_owned());
    };
    let left = certificate.validity().not_after.timestamp() - clock::unix_seconds();
    let days = left.div_euclid(24 * 60 * 60);
    let went = if days < SOON_DAYS { Went::SoonOver } else { Went::Well };
    let end = clock::day_of(certificate.validity().not_after.timestamp());
    (went, format!("signed by {}, ends on {end}, {days} days left", certificate.issuer()))
}

/// What to do about a handshake that failed.
fn tls_advice(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let told = match inner {
        Some(rustls::Error::InvalidCertificate(fault)) => match fault {
            CertificateError::UnknownIssuer => {
                "SAP's certificate is signed by a CA that is not trusted here; get the PEM of that CA \
                 (of the proxy, where one looks into TLS) and name it in sap.ca_file"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "SAP's certificate has expired; it has to be renewed there (or this clock is wrong)"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "SAP's certificate is for another name; write the name it is for in sap.url"
            }
            _ => "SAP's certificate cannot be used",
        },
        Some(rustls::Error::AlertReceived(_)) => {
            "SAP ended the handshake; it may want a client certificate or another TLS version"
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers there is not TLS; check scheme and port of sap.url"
        }
        _ => "the handshake failed; look for a firewall or proxy in between",
    };
    format!("{told} ({error})")
}
