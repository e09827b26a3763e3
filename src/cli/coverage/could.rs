//! The contract numbers that SAP could answer with, by its value help.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::{
    app::AllMetrics,
    config::{Config, Sap},
    domain::DistributionChannel,
    sap::{SapChannel, SapClient},
};

/// What SAP's answers could lead to: every channel of its value help in every country of the
/// configured contract numbers. A hint, and no failure: not every channel is in use everywhere.
pub(super) enum Could {
    Known {
        /// Could come, and has no service number.
        unconfigured: Vec<String>,
        /// Has a service number, and no channel of SAP leads there.
        unreachable: Vec<String>,
    },
    Unknown(String),
}

impl Could {
    pub(super) async fn ask(config: &Config) -> Self {
        let mut all = Vec::new();
        for sap in config.systems.iter() {
            match channels(sap).await {
                Ok(Some(channels)) => all.extend(channels),
                Ok(None) => return Self::Unknown(format!("`{}` has no value help", sap.preset)),
                Err(error) => return Self::Unknown(format!("{error:#}")),
            }
        }
        Self::of(config, &all)
    }

    fn of(config: &Config, channels: &[DistributionChannel]) -> Self {
        let configured: BTreeSet<String> = config
            .rules
            .service_numbers
            .iter()
            .map(|(contract, _)| contract.as_str().to_owned())
            .collect();
        let countries: BTreeSet<&str> = configured
            .iter()
            .filter_map(|contract| contract.get(contract.len().checked_sub(2)?..))
            .collect();
        let possible: BTreeSet<String> = channels
            .iter()
            .flat_map(|channel| {
                countries.iter().map(|country| [channel.as_str(), *country].concat())
            })
            .collect();
        Self::Known {
            unconfigured: possible.difference(&configured).cloned().collect(),
            unreachable: configured.difference(&possible).cloned().collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Unknown(why) => format!("what SAP could answer is not known: {why}\n"),
            Self::Known { unconfigured, unreachable } => {
                let line = |what: &str, contracts: &[String]| match contracts {
                    [] => String::new(),
                    contracts => format!("{what}: {}\n", contracts.join(", ")),
                };
                line("SAP could answer, no service number here", unconfigured)
                    + &line("service number here, no channel of SAP leads to it", unreachable)
            }
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Unknown(why) => serde_json::json!({ "known": false, "because": why }),
            Self::Known { unconfigured, unreachable } => serde_json::json!({
                "known": true,
                "unconfigured": unconfigured,
                "unreachable": unreachable,
            }),
        }
    }
}

/// SAP's channels as contract numbers have them: by `sap.channel_texts` where that is used.
async fn channels(sap: &Sap) -> anyhow::Result<Option<Vec<DistributionChannel>>> {
    let client = SapClient::new(sap, AllMetrics::new()?.sap.of(&sap.name)?)
        .map_err(|_problems| anyhow::anyhow!("the SAP section cannot be used"))?;
    let deadline = Instant::now() + sap.total_timeout;
    let Some(channels) = client.value_help(deadline).await? else { return Ok(None) };
    let texts = &sap.channel_texts;
    let channel_of = |channel: SapChannel| {
        if texts.is_empty() {
            DistributionChannel::parse(&channel.text).ok()
        } else {
            texts.get(&channel.code).cloned()
        }
    };
    Ok(Some(channels.into_iter().filter_map(channel_of).collect()))
}
