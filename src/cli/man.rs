//! `dialgate man`: the manual, for `man` and for those who make packages.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};

use super::{Cli, Failure, output::print};

#[derive(Args, Debug)]
pub(super) struct Man {
    /// Write a page for each command into this folder, which is made where it is not there.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Some(folder) = self.folder else {
            let mut page = Vec::new();
            let manual = clap_mangen::Man::new(Cli::command());
            manual.render(&mut page).map_err(anyhow::Error::from)?;
            return print(&String::from_utf8_lossy(&page));
        };
        fs::create_dir_all(&folder)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &folder))
            .with_context(|| format!("cannot write to {}", folder.display()))?;
        Ok(())
    }
}
