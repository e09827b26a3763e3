//! `dialgate presets`: the built-in dialects, to read and to copy.

use anyhow::anyhow;
use clap::Subcommand;

use super::{Failure, output::print};
use crate::sap::{preset_as_custom, preset_names, preset_summary};

#[derive(Debug, Subcommand)]
pub(super) enum PresetsCommand {
    /// Print the names of the presets and what each is for.
    List,
    /// Print a preset in the form that `sap.custom` takes; `custom` prints an example of every key.
    Show {
        /// The preset.
        name: String,
    },
}

impl PresetsCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::List => {
                let lines: String = preset_names()
                    .chain(["custom"])
                    .map(|name| format!("{name:<16}{}\n", preset_summary(name).unwrap_or_default()))
                    .collect();
                print(&lines)
            }
            Self::Show { name } => match preset_as_custom(&name) {
                Some(text) => print(&text),
                None => {
                    let names: Vec<_> = preset_names().chain(["custom"]).collect();
                    Err(anyhow!("there is no such preset; there are {}", names.join(", ")).into())
                }
            },
        }
    }
}
