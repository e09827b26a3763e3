//! `dialgate run`: answers jtel's calls until it is told to stop.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use tokio::time::timeout;

use super::{ConfigFile, Failure, block_on, output::broken_pipe};
use crate::{
    app::{self, App, Given, Service, Signals, Sockets},
    config::{Config, Environment, LogFormat},
    telemetry::logging::{Format, Log, LogControl},
};

/// The longest wait for the server after a second signal: the listener gives its tasks a second after
/// the cut, the writer of records takes another one. With the log's time and that of what blocks, the
/// process lives for less than four.
const AFTER_FORCE: Duration = Duration::from_millis(2500);

#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    file: ConfigFile,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Failure> {
        // First: it takes variables out of the environment, which only a process without threads may do.
        let sockets = Sockets::of_the_environment()
            .context("the listening sockets that were given cannot be used")?;
        without_core_dumps();
        let config = app::load(&self.file.config, &Environment::process())?;
        let log = start_log(&config)?;
        let service = Service::of_the_environment().context("NOTIFY_SOCKET is no address")?;
        let given = Given { service, sockets };
        let served = block_on(self.serve(config, log.control(), given))?;
        served.map_err(|error| told(&log, error))
    }

    async fn serve(self, config: Config, log: LogControl, given: Given) -> anyhow::Result<()> {
        let mut signals = Signals::catch().context("signals cannot be caught")?;
        // It reads files, and a file system that hangs must not hang the end.
        let starting = tokio::task::spawn_blocking(move || App::start(config, &log, given));
        let app = tokio::select! {
            app = starting => app.context("the start failed")?.context("cannot start")?,
            told = signals.end(|| ()) => bail!("{told} before the start was over"),
        };
        tracing::info!(
            address = %app.address(),
            admin = %app.admin_address(),
            config = %self.file.config.display(),
            "dialgate {} answers calls on {}", env!("CARGO_PKG_VERSION"), app.address(),
        );
        serve_until_told(app, &mut signals).await
    }
}

/// Has the log say why the process ends: stderr itself may be what hangs.
fn told(log: &Log, error: anyhow::Error) -> Failure {
    if broken_pipe(&error) {
        return Failure::Failed(error);
    }
    log.say(&format!("error: {error:#}"));
    Failure::Told
}

/// Keeps secrets out of core dumps, and out of the reach of debuggers of the same user. What the
/// system does not allow is left as it is: it makes nothing worse.
pub(super) fn without_core_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _left_as_it_is = setrlimit(Resource::Core, none);
    let _left_as_it_is = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Starts the log as the configuration wants it. What was logged is written when it is dropped.
pub(super) fn start_log(config: &Config) -> Result<Log, Failure> {
    let format = match config.log.format {
        LogFormat::Auto => Format::Auto,
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    Ok(Log::start(&config.log.level, format).map_err(anyhow::Error::from)?)
}

/// Serves until a signal comes and calls in flight are over; a second signal cuts them off, and
/// then only their records are written.
///
/// # Errors
///
/// The server ended without having been told to, or calls were cut off.
pub(super) async fn serve_until_told(app: App, signals: &mut Signals) -> anyhow::Result<()> {
    let control = app.control();
    let mut served = tokio::spawn(app.serve());
    let reload = || {
        tracing::info!("SIGHUP: reading the configuration again");
        control.reload_soon();
    };
    let told = tokio::select! {
        told = signals.end(reload) => told,
        ended = &mut served => return control.ended(ended.context("the server task failed")),
    };
    tracing::info!("{told}: not ready any more, finishing the calls in flight");
    let leave = async {
        control.leave().await;
        (&mut served).await
    };
    tokio::select! {
        served = leave => {
            served.context("the server task failed")?;
            tracing::info!("all calls are over");
            return Ok(());
        }
        told = signals.end(|| ()) => tracing::warn!("{told} again: ending at once"),
    }
    control.force();
    match timeout(AFTER_FORCE, served).await {
        Ok(served) => served.context("the server task failed")?,
        Err(_elapsed) => tracing::error!("something did not end; records may be lost"),
    }
    bail!("a second signal cut off what was in flight")
}
