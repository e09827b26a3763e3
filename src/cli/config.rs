//! `dialgate config`: the schema, and the configuration that is in force.

use clap::Subcommand;

use super::{ConfigFile, Failure, output::print};
use crate::config;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the JSON Schema of config.yaml, for editors.
    Schema,
    /// Print the configuration with every key; secrets as references, never as values.
    Show {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Print the example configuration, every key with its default and a comment.
    Example,
}

impl ConfigCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Schema => print(&format!("{:#}\n", config::schema())),
            Self::Example => print(config::EXAMPLE),
            Self::Show { file } => {
                let name = file.config.display().to_string();
                print(&config::show(&config::read(&file.config)?, &name)?)
            }
        }
    }
}
