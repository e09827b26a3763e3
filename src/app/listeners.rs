//! The two listeners: on ports of this process, or on sockets that it was given.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

use super::{StartError, build, certificate::CertificateWatch, snapshot::Snapshot};
use crate::{
    net::{
        Limits, Listener, ListenerOptions, NetMetrics, TrustedInForce, given,
        hand_over::Predecessor,
        tls::{ServerTls, TlsInForce},
    },
    telemetry::metrics::CertificateRole,
};

/// Sockets that listen already.
#[derive(Debug, Default)]
pub struct Sockets {
    sockets: given::Sockets,
    by: Giver,
}

/// Who has given them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Giver {
    #[default]
    Systemd,
    ProcessBefore,
}

/// A socket listens elsewhere than the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum Elsewhere {
    /// systemd's.
    #[error(
        "the socket that systemd gives for {key} listens on {given}, and the configuration says {wanted}; \
         write the same address into ListenStream= of the socket unit and into {key}"
    )]
    Systemd {
        /// The key.
        key: &'static str,
        /// Where it listens.
        given: SocketAddr,
        /// Where it should.
        wanted: SocketAddr,
    },
    /// The process before this one.
    #[error(
        "the running process listens on {given}, and {key} says {wanted}; its sockets can only be taken over \
         where they are: stop it, then start this one"
    )]
    ProcessBefore {
        /// The key.
        key: &'static str,
        /// Where it listens.
        given: SocketAddr,
        /// Where it should.
        wanted: SocketAddr,
    },
}

impl Sockets {
    /// Those that systemd has given to this process. To be called before there are threads.
    ///
    /// # Errors
    ///
    /// They are not two, or no sockets that listen.
    pub fn of_the_environment() -> Result<Self, given::GivenError> {
        Ok(Self { sockets: given::Sockets::of_the_environment()?, by: Giver::Systemd })
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// These, or those of the process that hands over at `path`, if there is one.
    pub(super) fn or_of_the_process_before(
        self,
        path: Option<&Path>,
    ) -> Result<(Option<Predecessor>, Self), StartError> {
        let Some(path) = path else { return Ok((None, self)) };
        let Some((predecessor, sockets)) = Predecessor::find(path)? else {
            return Ok((None, self));
        };
        tracing::info!("takes the listening sockets over from the process that runs");
        Ok((Some(predecessor), Self { sockets, by: Giver::ProcessBefore }))
    }
}

impl Giver {
    /// Port 0 stands for whichever port it is.
    fn check(
        self,
        key: &'static str,
        wanted: SocketAddr,
        socket: &TcpListener,
    ) -> Result<(), StartError> {
        // One that has no address does not listen, which is told by whoever takes it.
        let Ok(given) = socket.local_addr() else { return Ok(()) };
        if given.ip() == wanted.ip() && (wanted.port() == 0 || given.port() == wanted.port()) {
            return Ok(());
        }
        Err(StartError::Elsewhere(match self {
            Self::Systemd => Elsewhere::Systemd { key, given, wanted },
            Self::ProcessBefore => Elsewhere::ProcessBefore { key, given, wanted },
        }))
    }
}

/// The TLS of a listener, and whose certificate it shows.
pub(super) fn in_force(
    tls: Option<&ServerTls>,
    role: CertificateRole,
    certificate: &CertificateWatch,
) -> Option<Arc<TlsInForce>> {
    let tls = tls?;
    certificate.shows(role, tls);
    Some(TlsInForce::new(tls))
}

/// Has both listen, and notes where.
pub(super) fn listen(
    snapshot: &mut Snapshot,
    Sockets { sockets, by }: Sockets,
    (tls, admin_tls): (Option<Arc<TlsInForce>>, Option<Arc<TlsInForce>>),
    trusted: &Arc<TrustedInForce>,
    metrics: &NetMetrics,
) -> Result<(Listener, Listener), StartError> {
    let config = Arc::make_mut(&mut snapshot.config);
    let limits = build::with_descriptors_left(&config.listen.limits, &config.systems);
    metrics.may_be_open(limits.connections);
    let on = |key, socket: Option<TcpListener>, options: ListenerOptions| {
        let Some(socket) = socket else { return Ok(Listener::bind(options)?) };
        by.check(key, options.address, &socket)?;
        Ok::<_, StartError>(Listener::on(socket, options)?)
    };
    let (address, trusted) = (config.listen.address, Arc::clone(trusted));
    let options = ListenerOptions { address, tls, limits, trusted };
    let calls = on("listen.address", sockets.calls, options)?;
    let (address, trusted) = (config.admin.address, TrustedInForce::nobody());
    let options = ListenerOptions { address, tls: admin_tls, limits: Limits::default(), trusted };
    let admin = on("admin.address", sockets.admin, options)?;
    config.listen.address = calls.local_address();
    config.admin.address = admin.local_address();
    Ok((calls, admin))
}
