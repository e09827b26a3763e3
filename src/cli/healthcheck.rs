//! `dialgate healthcheck`: asks the running gateway whether it lives.

use clap::Args;

use super::{Failure, block_on, output::print, reach::Reach};

#[derive(Args, Debug)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    reach: Reach,
    /// Ask whether calls can be sent here, not only whether the process lives.
    #[arg(long)]
    ready: bool,
}

impl Healthcheck {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let gateway = self.reach.gateway()?;
        let path = if self.ready { "/readyz?verbose" } else { "/livez" };
        let answer = block_on(gateway.get(path))??;
        print(&format!("{}\n", answer.body.trim_end()))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(anyhow::anyhow!("{} answers {}", gateway.url(path), answer.status).into())
        }
    }
}
