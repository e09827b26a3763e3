//! The way to SAP as a record tells it: to which address, and over which TLS. Once per connection.

use std::net::SocketAddr;

use crate::{
    net::{Negotiated, TlsNames},
    telemetry::lines::Fragment,
};

/// A connection to SAP, as records tell it.
#[derive(Debug)]
pub struct Leg {
    /// The address we are connected with: SAP's, or the proxy's.
    pub address: SocketAddr,
    /// What TLS agreed on; `None`: SAP is asked in plain text.
    pub tls: Option<Negotiated>,
    /// Both as members of a record.
    pub record: Fragment,
}

impl Leg {
    /// Of a connection that is ready.
    pub(in crate::sap) fn new(address: SocketAddr, tls: Option<Negotiated>) -> Self {
        let record = Fragment::of(|record| {
            record.shown("sap.network.peer.address", Some(address.ip().to_canonical()));
            match &tls {
                Some(tls) => tls.tell(&TlsNames::SAP, record),
                None => record.text("sap.tls.protocol.version", None),
            }
        });
        Self { address, tls, record }
    }
}
