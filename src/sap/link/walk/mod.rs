//! The way to SAP, step by step: name, TCP, TLS, login, one lookup. For `dialgate check --connect`:
//! a person reads it, so each failure says what to do about it.

mod tls;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use http::Uri;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::sap::{client::SapClient, error::LookupError, link::proxy};
use crate::{
    config::{self, ClientAuthentication, Fingerprint, KeyFiles},
    domain::{Lookup, PartnerId},
    telemetry::{logging::with_causes, rounded},
};

/// One step of the route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Station {
    /// Whose way it is: nothing for SAP at `sap.url`, else for example `second SAP: `.
    pub of: &'static str,
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

/// Goes the ways until they end: to the token server, to the second SAP, and to SAP. Asks SAP once,
/// for a partner, or for one that nobody has: then there is no record to compare the paths with.
pub async fn walk(
    sap: &config::Sap,
    client: &SapClient,
    partner: Option<PartnerId>,
) -> Vec<Station> {
    let mut stations = Vec::new();
    if let config::Login::OAuth(oauth) = &sap.login {
        go(&Route::to_tokens(oauth), &mut stations).await;
    }
    if let Some(second) = &sap.second_url {
        go(&Route::to_sap(sap, second, "second SAP: ", "sap.second_url"), &mut stations).await;
    }
    if go(&Route::to_sap(sap, &sap.url, "", "sap.url"), &mut stations).await.is_none() {
        return stations;
    }
    let asked = Instant::now();
    let result = match partner {
        None => client.probe().await.map(|()| {
            "SAP answers in the form that the preset reads; with --partner ID its paths are compared \
             with a record, too"
        }),
        Some(partner) => {
            let deadline = asked + client.total_timeout();
            let lookup = client.look_up(partner, None, deadline).await;
            lookup.map(|lookup| match lookup {
                Lookup::Found(_) => "the partner's record has every path that the rules need",
                Lookup::Unknown => "SAP knows no such partner; take the ID of one that it has",
                Lookup::Ambiguous(_) => {
                    "the partner's record can be read, and is ambiguous; `dialgate explain` says why"
                }
            })
        }
    };
    let took = asked.elapsed();
    let mut station = |name, went, text: &str| {
        stations.push(Station { of: "", name, went, text: text.to_owned(), took });
    };
    match &result {
        Ok(told) => {
            station("login", Went::Well, "SAP accepts the credentials");
            station("lookup", Went::Well, told);
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

/// One server and how it is reached.
struct Route<'s> {
    of: &'static str,
    /// The key that names it.
    key: &'static str,
    /// Where its other keys stand.
    section: &'static str,
    url: &'s Uri,
    proxy: Option<&'s config::Proxy>,
    server_name: Option<&'s str>,
    ca_file: Option<&'s PathBuf>,
    pins: &'s [Fingerprint],
    identity: Option<&'s KeyFiles>,
    connect_timeout: Duration,
}

impl<'s> Route<'s> {
    fn to_sap(sap: &'s config::Sap, url: &'s Uri, of: &'static str, key: &'static str) -> Self {
        let identity = match &sap.login {
            config::Login::Certificate(files) => Some(files),
            _ => None,
        };
        Self {
            of,
            key,
            section: "sap",
            url,
            proxy: sap.proxy.as_ref(),
            server_name: sap.server_name.as_deref(),
            ca_file: sap.ca_file.as_ref(),
            pins: &sap.pinned_certificates,
            identity,
            connect_timeout: sap.connect_timeout,
        }
    }

    fn to_tokens(oauth: &'s config::OAuth) -> Self {
        let identity = match &oauth.authentication {
            ClientAuthentication::Certificate(files) => Some(files),
            _ => None,
        };
        Self {
            of: "token server: ",
            key: "sap.login.oauth2.token_url",
            section: "sap.login.oauth2",
            url: &oauth.token_url,
            proxy: oauth.proxy.as_ref(),
            server_name: None,
            ca_file: oauth.ca_file.as_ref(),
            pins: &oauth.pinned_certificates,
            identity,
            connect_timeout: oauth.timeout,
        }
    }

    fn place(&self) -> (String, u16) {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = if self.is_https() { 443 } else { 80 };
        (host, self.url.port_u16().unwrap_or(port))
    }

    fn is_https(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }

    /// The proxy on the route, unless the server is one of its exceptions.
    fn proxy(&self) -> Option<&'s config::Proxy> {
        let (host, _) = self.place();
        self.proxy.filter(|proxy| !proxy::is_exempt(&host, &proxy.except))
    }

    /// What is looked up and connected to, and the key that names it.
    fn first_hop(&self) -> (String, u16, &'static str) {
        if let Some(proxy) = self.proxy() {
            return (proxy.host.clone(), proxy.port, "sap.proxy");
        }
        let (host, port) = self.place();
        (host, port, self.key)
    }
}

/// Goes one way until TLS; `None`: it ended before.
async fn go(route: &Route<'_>, stations: &mut Vec<Station>) -> Option<()> {
    let addresses = note(stations, route, "DNS", name(route)).await?;
    let mut tcp = note(stations, route, "TCP", tcp(route, &addresses)).await?;
    if let Some(proxy) = route.proxy() {
        note(stations, route, "proxy", tunnel(route, proxy, &mut tcp)).await?;
    }
    if route.is_https() {
        note(stations, route, "TLS", tls::station(route, tcp, &addresses)).await?;
    }
    Some(())
}

async fn note<T>(
    stations: &mut Vec<Station>,
    route: &Route<'_>,
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
    stations.push(Station { of: route.of, name, went, text, took });
    found
}

async fn tunnel(route: &Route<'_>, proxy: &config::Proxy, tcp: &mut TcpStream) -> Found<()> {
    let (host, port) = route.place();
    let until = Instant::now() + route.connect_timeout;
    match timeout_at(until, proxy::tunnel(tcp, &host, port, proxy)).await {
        Ok(Ok(())) => Ok(((), Went::Well, format!("lets us through to {host}:{port}"))),
        Ok(Err(error)) => Err(format!("does not let us through: {error}; see sap.proxy")),
        Err(_elapsed) => Err("does not answer; see sap.proxy".to_owned()),
    }
}

async fn name(route: &Route<'_>) -> Found<Vec<SocketAddr>> {
    let (host, port, key) = route.first_hop();
    let until = Instant::now() + route.connect_timeout;
    let advice =
        format!("check the spelling of {key} and this machine's name servers (/etc/resolv.conf)");
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

async fn tcp(route: &Route<'_>, addresses: &[SocketAddr]) -> Found<TcpStream> {
    let (_, _, key) = route.first_hop();
    let who = if route.proxy().is_some() { "the proxy " } else { "" };
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match timeout_at(Instant::now() + route.connect_timeout, TcpStream::connect(address)).await
        {
            Ok(Ok(tcp)) => {
                return Ok((tcp, Went::Well, format!("{who}{address} accepts connections")));
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                last = format!(
                    "{who}{address} refuses connections; check the port of {key} and whether \
                     somebody listens there"
                );
            }
            Ok(Err(error)) => {
                last = format!("{who}{address}: {error}; check routes and firewalls on the way");
            }
            Err(_elapsed) => {
                last = format!(
                    "{who}{address} does not answer within {}; a firewall on the way drops it, or the \
                     time is too short",
                    rounded(route.connect_timeout)
                );
            }
        }
    }
    Err(last)
}
