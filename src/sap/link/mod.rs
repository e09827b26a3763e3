//! The way to SAP and to token servers: sockets, TLS, proxies, kept connections, and what is packed.

pub(in crate::sap) mod encoding;
pub(in crate::sap) mod pool;
pub(in crate::sap) mod proxy;
pub(in crate::sap) mod tls;
pub(in crate::sap) mod transport;
pub(in crate::sap) mod upstreams;
pub(in crate::sap) mod walk;
