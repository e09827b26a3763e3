//! `dialgate coverage`: the contract numbers that SAP's answers have led to, those configured and
//! those in jtel's own list, side by side.
//!
//! jtel finds a number by its contract number and dials with another one, silently, where the two
//! lists differ; so whatever is missing on one side is named.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    net::SocketAddr,
    path::PathBuf,
};

use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{ConfigFile, Failure, block_on, healthcheck::reachable, http, output::print};
use crate::{
    app::{self, AllMetrics},
    config::{self, Config, Environment},
    domain::DistributionChannel,
    sap::{SapChannel, SapClient},
};

#[derive(Args, Debug)]
pub(super) struct Coverage {
    #[command(flatten)]
    file: ConfigFile,
    /// jtel's list of service numbers: CSV whose first line is `contract_number;service_number`.
    #[arg(long, value_name = "FILE")]
    jtel: Option<PathBuf>,
    /// The admin listener of the running gateway; without it, admin.address of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What the running gateway answers at `/coverage.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    seen: Vec<SeenContract>,
    without_contract_number: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeenContract {
    contract_number: String,
    answers: u64,
}

/// One contract number, and where it is.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    contract_number: String,
    /// `None`: not in `rules.service_numbers`.
    configured: Option<String>,
    /// `None`: not in jtel's list, or there is no list.
    jtel: Option<String>,
    /// In how many answers of SAP it was.
    answers: u64,
    /// What is wrong; empty where nothing is.
    missing: Vec<&'static str>,
}

impl Coverage {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.file.config, &Environment::process())?;
        let listed = self.jtel.as_deref().map(config::read_list).transpose()?;
        let admin = self.admin.unwrap_or(config.admin.address);
        let seen = block_on(ask(admin))?;
        let has_list = listed.is_some();
        let configured = config
            .rules
            .service_numbers
            .iter()
            .map(|(contract, number)| (contract.as_str().to_owned(), number.to_string()));
        let answered = seen.as_ref().ok().into_iter().flat_map(|seen| &seen.seen);
        let rows = compare(configured, listed, answered);
        let could = block_on(Could::ask(&config))?;
        let missing = rows.iter().filter(|row| !row.missing.is_empty()).count();
        if self.json {
            let told = serde_json::json!({
                "rows": rows,
                "missing": missing,
                "gatewayAnswered": seen.is_ok(),
                "couldProduce": could.json(),
                "withoutContractNumber": seen.as_ref().ok().map(|seen| seen.without_contract_number),
            });
            print(&format!("{told}\n"))?;
        } else {
            print(&(text(&rows, has_list, &seen) + &could.text()))?;
        }
        match missing {
            0 => Ok(()),
            _ => Err(anyhow::anyhow!("{missing} contract numbers are missing on one side").into()),
        }
    }
}

async fn ask(admin: SocketAddr) -> Result<Seen, anyhow::Error> {
    let url = format!("http://{}/coverage.json", reachable(admin));
    let reply = http::get(&url, None, None).await?;
    anyhow::ensure!(reply.status == 200, "{url} answers {}", reply.status);
    Ok(serde_json::from_str(&reply.body)?)
}

fn compare<'a>(
    configured: impl Iterator<Item = (String, String)>,
    listed: Option<Vec<(String, String)>>,
    answered: impl Iterator<Item = &'a SeenContract>,
) -> Vec<Row> {
    let configured: BTreeMap<_, _> = configured.collect();
    let has_list = listed.is_some();
    let listed: BTreeMap<_, _> = listed.into_iter().flatten().collect();
    let answers: BTreeMap<_, _> =
        answered.map(|seen| (seen.contract_number.clone(), seen.answers)).collect();
    let all: BTreeSet<&String> =
        configured.keys().chain(listed.keys()).chain(answers.keys()).collect();
    let rows = all.into_iter().map(|contract_number| {
        let mut row = Row {
            contract_number: contract_number.clone(),
            configured: configured.get(contract_number).cloned(),
            jtel: listed.get(contract_number).cloned(),
            answers: answers.get(contract_number).copied().unwrap_or_default(),
            missing: Vec::new(),
        };
        if row.configured.is_none() {
            row.missing.push("rules.service_numbers");
        }
        if has_list && row.jtel.is_none() {
            row.missing.push("jtel");
        }
        if let (Some(one), Some(other)) = (&row.configured, &row.jtel)
            && one != other
        {
            row.missing.push("the same number on both sides");
        }
        row
    });
    rows.collect()
}

fn text(rows: &[Row], has_list: bool, seen: &Result<Seen, anyhow::Error>) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.contract_number.chars().count()).max().unwrap_or(0);
    for row in rows {
        let mark = if row.missing.is_empty() { "OK" } else { "MISS" };
        let jtel = if has_list { row.jtel.as_deref().unwrap_or("-") } else { "?" };
        let missing = match row.missing.as_slice() {
            [] => String::new(),
            missing => format!("  missing: {}", missing.join(", ")),
        };
        // Writing to a String cannot fail.
        writeln!(
            text,
            "{mark:<5} {:<width$}  here {:<15}  jtel {jtel:<15}  {} answers of SAP{missing}",
            row.contract_number,
            row.configured.as_deref().unwrap_or("-"),
            row.answers,
        )
        .unwrap_or_default();
    }
    let told = match seen {
        Ok(seen) if seen.without_contract_number > 0 => format!(
            "{} answers of SAP had no channel or no country, so no contract number\n",
            seen.without_contract_number
        ),
        Ok(_) => String::new(),
        Err(error) => format!(
            "the running gateway was not reached ({error:#}): what SAP has answered is not known\n"
        ),
    };
    let hint = if has_list { "" } else { "jtel's list was not compared: --jtel FILE\n" };
    text + &told + hint
}

/// What SAP's answers could lead to: every channel of its value help in every country of the
/// configured contract numbers. A hint, and no failure: not every channel is in use everywhere.
enum Could {
    Known {
        /// Could come, and has no service number.
        unconfigured: Vec<String>,
        /// Has a service number, and no channel of SAP leads there.
        unreachable: Vec<String>,
    },
    Unknown(String),
}

impl Could {
    async fn ask(config: &Config) -> Self {
        match channels(config).await {
            Ok(Some(channels)) => Self::of(config, &channels),
            Ok(None) => Self::Unknown(format!("`{}` has no value help", config.sap.preset)),
            Err(error) => Self::Unknown(format!("{error:#}")),
        }
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

    fn text(&self) -> String {
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

    fn json(&self) -> serde_json::Value {
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
async fn channels(config: &Config) -> anyhow::Result<Option<Vec<DistributionChannel>>> {
    let sap = SapClient::new(&config.sap, AllMetrics::new()?.sap)
        .map_err(|_problems| anyhow::anyhow!("the SAP section cannot be used"))?;
    let deadline = Instant::now() + config.sap.total_timeout;
    let Some(channels) = sap.value_help(deadline).await? else { return Ok(None) };
    let texts = &config.sap.channel_texts;
    let channel_of = |channel: SapChannel| {
        if texts.is_empty() {
            DistributionChannel::parse(&channel.text).ok()
        } else {
            texts.get(&channel.code).cloned()
        }
    };
    Ok(Some(channels.into_iter().filter_map(channel_of).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned())).collect()
    }

    #[test]
    fn what_is_missing_on_either_side_is_named() {
        let seen = [SeenContract { contract_number: "PartnerCH".to_owned(), answers: 3 }];
        let configured = pairs(&[("PartnerDE", "4930"), ("PartnerAT", "431"), ("PartnerIT", "39")]);
        let jtel = pairs(&[("PartnerDE", "4930"), ("PartnerAT", "432"), ("PartnerFR", "33")]);

        let rows = compare(configured.into_iter(), Some(jtel), seen.iter());

        let told: Vec<_> =
            rows.iter().map(|row| (row.contract_number.as_str(), row.missing.join("+"))).collect();
        assert_eq!(
            told,
            [
                ("PartnerAT", "the same number on both sides".to_owned()),
                ("PartnerCH", "rules.service_numbers+jtel".to_owned()),
                ("PartnerDE", String::new()),
                ("PartnerFR", "rules.service_numbers".to_owned()),
                ("PartnerIT", "jtel".to_owned()),
            ]
        );
    }

    #[test]
    fn without_jtels_list_nothing_is_missing_there() {
        let rows = compare(pairs(&[("PartnerDE", "4930")]).into_iter(), None, [].into_iter());

        assert!(rows.iter().all(|row| row.missing.is_empty()));
    }
}
