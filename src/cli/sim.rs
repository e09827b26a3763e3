//! `dialgate sim`: only the SAP simulator, to point a gateway or a browser at.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::Args;

use super::{Failure, block_on, output::print};
use crate::{
    app::Signals,
    config::Secret,
    simulator::{Simulator, SimulatorOptions},
};

#[derive(Args, Debug)]
pub(super) struct Sim {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 9480)]
    port: u16,
    /// User that the simulator wants to see.
    #[arg(long, default_value = "JTEL_GW")]
    user: String,
    /// Name of an environment variable with the user's password; without it anybody may ask.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// How long each answer takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
}

impl Sim {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let password = self
            .password_env
            .map(|name| std::env::var(&name).with_context(|| format!("{name} is not set")))
            .transpose()?
            .map(Secret::new);
        block_on(async {
            let mut signals = Signals::catch().context("signals cannot be caught")?;
            let simulator = Simulator::start(SimulatorOptions {
                address: SocketAddr::from(([127, 0, 0, 1], self.port)),
                user: self.user,
                password,
                delay: Duration::from_millis(self.delay),
            })
            .await
            .context("the simulator does not start")?;
            let address = simulator.local_address();
            print(&format!(
                "SAP simulator (Cloud for Customer) on http://{address}\n\
                 what it knows and was asked:  curl http://{address}/_sim\n\
                 a fault, three times:         curl -X PUT 'http://{address}/_sim/fault?kind=hang&times=3'\n\
                 no more faults:               curl -X DELETE http://{address}/_sim/fault\n",
            ))?;
            signals.next().await;
            simulator.shut_down().await;
            Ok(())
        })?
    }
}
