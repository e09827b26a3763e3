//! `dialgate run`: answers jtel's calls until it is told to stop.

use anyhow::Context;
use clap::Args;

use super::{ConfigFile, Failure, runtime};
use crate::{
    app::{self, App, Control, Signals},
    config::{Config, Environment, LogFormat},
    telemetry::logging,
};

#[derive(Args, Debug)]
pub(super) struct Run {
    #[command(flatten)]
    file: ConfigFile,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.file.config, &Environment::process())?;
        start_log(&config)?;
        runtime()?.block_on(async {
            let mut signals = Signals::catch().context("signals cannot be caught")?;
            let app = App::new(config).context("cannot start")?;
            tracing::info!(
                address = %app.address(),
                admin = %app.admin_address(),
                config = %self.file.config.display(),
                "dialgate {} answers calls on {}", env!("CARGO_PKG_VERSION"), app.address(),
            );
            serve_until_told(app, &mut signals).await;
            Ok(())
        })
    }
}

/// Starts the log as the configuration wants it.
pub(super) fn start_log(config: &Config) -> Result<(), Failure> {
    let format = match config.log.format {
        LogFormat::Auto => logging::Format::Auto,
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    };
    Ok(logging::start(&config.log.level, format).map_err(anyhow::Error::from)?)
}

/// Serves until a signal comes and calls in flight are over; a second signal ends it at once.
pub(super) async fn serve_until_told(app: App, signals: &mut Signals) {
    let control = app.control();
    let served = tokio::spawn(app.serve());
    let told = signals.next().await;
    tracing::info!("{told}: not ready any more, finishing the calls in flight");
    tokio::select! {
        served = leave(&control, served) => match served {
            Ok(()) => tracing::info!("all calls are over"),
            Err(error) => tracing::error!(%error, "the server task failed"),
        },
        told = signals.next() => {
            tracing::warn!("{told} again: ending at once");
            control.force();
        }
    }
}

async fn leave(
    control: &Control,
    served: tokio::task::JoinHandle<()>,
) -> Result<(), tokio::task::JoinError> {
    control.leave().await;
    served.await
}
