//! `dialgate config`: the schema, the configuration that is in force, and what is asked and answered
//! under it.

use clap::Subcommand;

use super::{ConfigFile, Failure, output::print};
use crate::{
    admin::{self, Sites},
    app,
    config::{self, Environment},
};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the JSON Schema of config.yaml, for editors.
    Schema,
    /// Print the configuration with every key; secrets as references, never as values.
    Show {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Print what jtel's endpoint and the admin listener take and answer under this configuration, as
    /// OpenAPI 3.1; a running gateway has it at /openapi.json.
    Openapi {
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
            Self::Openapi { file } => {
                let config = app::load(&file.config, &Environment::process())?;
                print(&format!("{:#}\n", admin::openapi(&config, &Sites::default())))
            }
            Self::Show { file } => {
                let name = file.config.display().to_string();
                print(&config::show(&config::read(&file.config)?, &name)?)
            }
        }
    }
}
