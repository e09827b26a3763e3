//! `listen.trusted_proxies:` whose word about where a call comes from counts.

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{addresses, resolve::Reading};

/// Proxies and load balancers in front of this listener.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustedProxies {
    /// Where they are; nobody else is believed.
    pub addresses: Vec<IpNet>,
    /// Each connection of theirs begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// `Forwarded` and `X-Forwarded-For` of theirs are read.
    pub forwarded: bool,
}

impl TrustedProxies {
    /// Whether it is one of them.
    pub fn have(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|range| range.contains(&address))
    }
}

/// `listen.trusted_proxies:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct TrustedProxiesFile {
    /// Addresses and ranges (192.0.2.0/24) of the load balancers in front.
    #[schemars(with = "Vec<String>")]
    addresses: Vec<Option<String>>,
    /// True: each connection from there begins with a header of the PROXY protocol, version 1 or 2.
    proxy_protocol: bool,
    /// True: Forwarded and X-Forwarded-For from there say where a call comes from.
    forwarded: bool,
}

impl TrustedProxiesFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> TrustedProxies {
        let key = "listen.trusted_proxies.addresses";
        let (proxy_protocol, forwarded) = (self.proxy_protocol, self.forwarded);
        match (self.addresses.is_empty(), proxy_protocol || forwarded) {
            (true, true) => reading.at(
                key,
                "is empty, so that nobody is believed; write the addresses of the load balancer",
            ),
            (false, false) => reading.at(
                key,
                "has no effect while proxy_protocol and forwarded are both false; say by which of them \
                 the load balancer names its clients",
            ),
            _ => {}
        }
        let addresses = addresses::resolve(key, &self.addresses, reading);
        TrustedProxies { addresses, proxy_protocol, forwarded }
    }
}
