//! What a start would need of this machine: ports, and descriptors for connections.

use std::{fs, io, net::SocketAddr};

use super::{Line, fail, ok, warn};
use crate::{
    app,
    cli::reach::Gateway,
    config::{Admin, Config, MemorySnapshot},
    net::{BindError, Limits, Listener, ListenerOptions, TrustedInForce},
    telemetry::{process, rounded},
};

/// Whether `run` would get what it needs.
pub(super) async fn lines(config: &Config) -> Vec<Line> {
    let admin = &config.admin;
    let mut lines = Vec::new();
    for (key, address) in
        [("listen.address", config.listen.address), ("admin.address", admin.address)]
    {
        lines.push(port(key, address, admin).await);
    }
    lines.push(descriptors(config));
    lines.extend(snapshot(config));
    lines
}

/// Takes a port for a moment.
async fn port(key: &str, address: SocketAddr, admin: &Admin) -> Line {
    let options = ListenerOptions {
        address,
        tls: None,
        limits: Limits::default(),
        trusted: TrustedInForce::nobody(),
    };
    match Listener::bind(options) {
        Ok(_for_a_moment) => ok(format!("{key}: {address} is free")),
        Err(BindError::Taken { .. }) if is_ours(admin).await => {
            ok(format!("{key}: {address} is taken by a dialgate that runs"))
        }
        Err(error) => fail(format!("{key}: {error}")),
    }
}

/// Whether a dialgate answers where health is asked for.
async fn is_ours(admin: &Admin) -> bool {
    match Gateway::here(admin) {
        Ok(gateway) => gateway.is_a_dialgate().await,
        Err(_) => false,
    }
}

/// That it can be written there, the configuration's own check has said.
fn snapshot(config: &Config) -> Option<Line> {
    let MemorySnapshot { path, every } = config.cache.snapshot.as_ref()?;
    let told = format!("the memory is written to {} every {}", path.display(), rounded(*every));
    Some(match fs::metadata(path) {
        Ok(there) => ok(format!("{told}; {} bytes are there", there.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ok(told + "; there is none yet, so the first start begins with nothing")
        }
        Err(error) => warn(format!("{told}; what is there cannot be looked at: {error}")),
    })
}

fn descriptors(config: &Config) -> Line {
    let available = process::raise_descriptors().now;
    let wanted = config.listen.limits.connections;
    let most = app::most_connections(available, &config.systems);
    if wanted <= most {
        return ok(format!("{available} file descriptors for {wanted} connections"));
    }
    warn(format!(
        "{available} file descriptors: no more than {most} of listen.limits.connections ({wanted}) will be \
         taken; raise `ulimit -Hn` (LimitNOFILE) or lower the key"
    ))
}
