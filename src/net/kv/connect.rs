//! How a connection is made: with TLS or over loopback only, to the server, to whoever the Sentinels say
//! is the master, or to a cluster. Files and passwords are read anew each time: what was renewed counts.

use std::{fs, io, net::SocketAddr, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, Pipeline, RedisConnectionInfo, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, TlsCertificates, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    io::{AsyncDNSResolver, tcp::TcpSettings},
};
use tokio::{task::spawn_blocking, time::timeout};

use super::{script::Call, trouble::Trouble};
use crate::{
    config::{SharedAddress, SharedLogin, SharedMemory, SharedServers, SharedTls},
    net::tls::{pem, roots},
    telemetry::logging::with_causes,
};

/// The longest wait for a connection, greeting and login included. Nobody's call waits for it.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The longest wait for one Sentinel: the next may know.
const SENTINEL_WITHIN: Duration = Duration::from_millis(700);

/// The longest wait inside the crate for an answer; those who ask wait less.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// So many questions may wait for being written.
const QUEUE: usize = 1024;

/// A way to the servers. Its clones are the same way.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server.
    One(MultiplexedConnection),
    /// To a cluster.
    Cluster(ClusterConnection),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Files(String),
    #[error(transparent)]
    Server(#[from] RedisError),
    #[error("no Sentinel knows a master of this name")]
    NoMaster,
    #[error("the server that the Sentinels name is no master (yet)")]
    NotMaster,
    #[error("no connection within 2 s")]
    Timeout,
}

impl ConnectError {
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Server(error) => Trouble::of(error),
            Self::Timeout => Trouble::Timeout,
            Self::NotMaster => Trouble::ReadOnly,
            Self::Files(_) | Self::NoMaster => Trouble::Lost,
        }
    }
}

impl Connection {
    pub(super) async fn command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    pub(super) async fn script(&mut self, call: &Call) -> RedisResult<Value> {
        let answer = self.command(&call.named()).await;
        let is_unknown = |error: &RedisError| {
            error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript)
        };
        match answer {
            // A server that was started anew, or that took over.
            Err(error) if is_unknown(&error) => self.command(&call.in_full()).await,
            answer => answer,
        }
    }

    pub(super) async fn together(&mut self, commands: &Pipeline) -> RedisResult<Value> {
        match self {
            Self::One(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }
}

/// What the files have.
#[derive(Clone)]
struct Papers {
    tls: Option<TlsCertificates>,
    login: RedisConnectionInfo,
    at_sentinels: RedisConnectionInfo,
}

/// What is wrong with the files of the section, each with its key.
pub fn check(section: &SharedMemory) -> Vec<(&'static str, String)> {
    let Some(tls) = &section.tls else { return Vec::new() };
    let ca = match &tls.ca_file {
        Some(file) => roots::of_file(file),
        None => roots::of_system(),
    };
    let ca = ca.err().map(|told| ("cache.shared.tls.ca_file", told));
    let identity = identity(tls).err().map(|told| ("cache.shared.tls.certificate", told));
    ca.into_iter().chain(identity).collect()
}

fn identity(tls: &SharedTls) -> Result<Option<ClientTlsConfig>, String> {
    let Some(files) = &tls.identity else { return Ok(None) };
    let told = |error| with_causes(&error);
    pem::certificates(&files.certificate).map_err(told)?;
    pem::private_key(&files.key).map_err(told)?;
    let read = |file| fs::read(file).map_err(|error: io::Error| error.to_string());
    let (client_cert, client_key) = (read(&files.certificate)?, read(&files.key)?);
    Ok(Some(ClientTlsConfig { client_cert, client_key }))
}

/// Reads what the section names.
fn papers(section: &SharedMemory) -> Result<Papers, String> {
    let tls = match &section.tls {
        None => None,
        Some(tls) => {
            if let Some((key, told)) = check(section).into_iter().next() {
                return Err(format!("{key}: {told}"));
            }
            let read = |file| fs::read(file).map_err(|error: io::Error| error.to_string());
            let root_cert = tls.ca_file.as_ref().map(read).transpose()?;
            Some(TlsCertificates { client_tls: identity(tls)?, root_cert })
        }
    };
    let at_sentinels = match &section.servers {
        SharedServers::Sentinel { login, .. } => login.as_ref(),
        SharedServers::Single(_) | SharedServers::Cluster(_) => None,
    };
    let (login, at_sentinels) = (login_of(section.login.as_ref())?, login_of(at_sentinels)?);
    Ok(Papers { tls, login, at_sentinels })
}

fn login_of(login: Option<&SharedLogin>) -> Result<RedisConnectionInfo, String> {
    let shown = RedisConnectionInfo::default().set_skip_set_lib_name();
    let Some(login) = login else { return Ok(shown) };
    let renewed = login.password.reread()?;
    let shown = shown.set_password(renewed.as_ref().unwrap_or(&login.password).expose());
    Ok(match &login.user {
        Some(user) => shown.set_username(user),
        None => shown,
    })
}

/// Connects and logs in.
pub(super) async fn connect(section: &SharedMemory) -> Result<Connection, ConnectError> {
    let connecting = async {
        let files = section.clone();
        let papers = spawn_blocking(move || papers(&files)).await;
        let papers = papers
            .map_err(|error| error.to_string())
            .and_then(|papers| papers)
            .map_err(ConnectError::Files)?;
        match &section.servers {
            SharedServers::Single(address) => {
                let connection = to_one(address, &papers, papers.login.clone()).await?;
                Ok(Connection::One(connection))
            }
            SharedServers::Sentinel { master, sentinels, .. } => {
                to_master(master, sentinels, &papers).await.map(Connection::One)
            }
            SharedServers::Cluster(nodes) => to_cluster(nodes, &papers).await,
        }
    };
    timeout(CONNECT_WITHIN, connecting).await.unwrap_or(Err(ConnectError::Timeout))
}

fn settings(is_tls: bool) -> AsyncConnectionConfig {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_pipeline_buffer_size(QUEUE);
    if is_tls { settings } else { settings.set_dns_resolver(OnlyHere) }
}

async fn to_one(
    address: &SharedAddress,
    papers: &Papers,
    login: RedisConnectionInfo,
) -> Result<MultiplexedConnection, ConnectError> {
    let info = info_of(address, papers, login)?;
    let client = match &papers.tls {
        Some(tls) => Client::build_with_tls(info, tls.clone())?,
        None => Client::open(info)?,
    };
    let settings = settings(papers.tls.is_some());
    Ok(client.get_multiplexed_async_connection_with_config(&settings).await?)
}

fn info_of(
    address: &SharedAddress,
    papers: &Papers,
    login: RedisConnectionInfo,
) -> RedisResult<ConnectionInfo> {
    let (host, port) = (address.host.clone(), address.port);
    let address = match papers.tls {
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        None => ConnectionAddr::Tcp(host, port),
    };
    let tcp = TcpSettings::default().set_nodelay(true);
    Ok(address.into_connection_info()?.set_redis_settings(login).set_tcp_settings(tcp))
}

/// Asks one Sentinel after the other. The crate could, too, but would show the password to any address
/// that a Sentinel names, in plain text where there is no TLS.
async fn to_master(
    master: &str,
    sentinels: &[SharedAddress],
    papers: &Papers,
) -> Result<MultiplexedConnection, ConnectError> {
    let mut failed = ConnectError::NoMaster;
    for sentinel in sentinels {
        let asking = async {
            let mut sentinel = to_one(sentinel, papers, papers.at_sentinels.clone()).await?;
            let mut question = redis::cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
            let address: Option<(String, u16)> = question.query_async(&mut sentinel).await?;
            address.ok_or(ConnectError::NoMaster)
        };
        match timeout(SENTINEL_WITHIN, asking).await {
            Ok(Ok((host, port))) => {
                let address = SharedAddress { host, port };
                let mut connection = to_one(&address, papers, papers.login.clone()).await?;
                // A Sentinel may not know yet that another one is it.
                let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
                let is_master =
                    matches!(role.first(), Some(Value::BulkString(role)) if role == b"master");
                return is_master.then_some(connection).ok_or(ConnectError::NotMaster);
            }
            Ok(Err(error)) => failed = error,
            Err(_elapsed) => failed = ConnectError::Timeout,
        }
    }
    Err(failed)
}

async fn to_cluster(nodes: &[SharedAddress], papers: &Papers) -> Result<Connection, ConnectError> {
    let nodes = nodes.iter().map(|node| info_of(node, papers, papers.login.clone()));
    let nodes = nodes.collect::<RedisResult<Vec<_>>>()?;
    let builder = ClusterClientBuilder::new(nodes)
        .connection_timeout(CONNECT_WITHIN)
        .response_timeout(ANSWER_WITHIN)
        // Whoever asks waits for milliseconds: time for one turn to another node, at once.
        .retries(1)
        .min_retry_wait(1)
        .max_retry_wait(5)
        .tcp_settings(TcpSettings::default().set_nodelay(true));
    let builder = match &papers.tls {
        Some(tls) => builder.certs(tls.clone()),
        None => builder.async_dns_resolver(OnlyHere),
    };
    Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
}

/// Without TLS nothing is sent to another machine, whatever a Sentinel or a node of the cluster says.
struct OnlyHere;

impl AsyncDNSResolver for OnlyHere {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            let here: Vec<_> = found.filter(|address| address.ip().is_loopback()).collect();
            if here.is_empty() {
                let told = "is on another machine, where passwords would be sent in plain text";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, told).into());
            }
            Ok(Box::new(here.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}
