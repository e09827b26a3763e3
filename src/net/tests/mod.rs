//! The listener over real sockets, with real TLS: what a peer sees of each promise.

mod clients;
mod descriptors;
mod drained;
mod http1;
mod http2;
mod limited;
pub(in crate::net) mod pki;
mod proxied;
mod server;
mod tls;
