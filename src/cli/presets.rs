//! `dialgate presets`: the built-in dialects, to read and to copy.

use clap::{Subcommand, builder::PossibleValuesParser};

use super::{Failure, output::print};
use crate::sap::{preset_as_custom, preset_names, preset_summary};

#[derive(Debug, Subcommand)]
pub(super) enum PresetsCommand {
    /// Print the names of the presets and what each is for.
    List,
    /// Print a preset in the form that `sap.custom` takes; `custom` prints an example of every key.
    Show {
        /// The preset.
        #[arg(value_parser = PossibleValuesParser::new(preset_names().chain(["custom"])))]
        name: String,
    },
}

impl PresetsCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::List => {
                let mut lines = String::new();
                for name in preset_names().chain(["custom"]) {
                    let summary = preset_summary(name).unwrap_or_default();
                    lines.extend([&format!("{name:<16}"), summary, "\n"]);
                }
                print(&lines)
            }
            // clap has let only known names through.
            Self::Show { name } => print(&preset_as_custom(&name).unwrap_or_default()),
        }
    }
}
