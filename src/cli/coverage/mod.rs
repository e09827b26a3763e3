//! `dialgate coverage`: the contract numbers that SAP's answers have led to, those configured and
//! those in jtel's own list, side by side.
//!
//! jtel finds a number by its contract number and dials with another one, silently, where the two
//! lists differ; so whatever is missing on one side is named.

mod could;
mod rows;

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{
    Failure, block_on,
    output::print,
    reach::{Gateway, Reach},
};
use crate::{
    app,
    config::{self, Environment},
};
use could::Could;

#[derive(Args, Debug)]
pub(super) struct Coverage {
    #[command(flatten)]
    reach: Reach,
    /// jtel's list of service numbers: CSV whose first line is `contract_number;service_number`.
    #[arg(long, value_name = "FILE")]
    jtel: Option<PathBuf>,
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

impl Coverage {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.reach.file.config, &Environment::process())?;
        let listed = self.jtel.as_deref().map(config::read_list).transpose()?;
        let gateway = self.reach.gateway()?;
        let seen = block_on(ask(&gateway))?;
        let has_list = listed.is_some();
        let configured = config
            .rules
            .service_numbers
            .iter()
            .map(|(contract, number)| (contract.as_str().to_owned(), number.to_string()));
        let answered = seen.as_ref().ok().into_iter().flat_map(|seen| &seen.seen);
        let answered = answered.map(|seen| (seen.contract_number.clone(), seen.answers));
        let rows = rows::compare(configured, listed, answered);
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
            print(&(rows::text(&rows, has_list, &seen) + &could.text()))?;
        }
        match missing {
            0 => Ok(()),
            _ => {
                Err(anyhow::anyhow!("{missing} contract numbers are not the same on all sides")
                    .into())
            }
        }
    }
}

async fn ask(gateway: &Gateway) -> Result<Seen, anyhow::Error> {
    const PATH: &str = "/coverage.json";
    let reply = gateway.get(PATH).await?;
    anyhow::ensure!(reply.status == 200, "{} answers {}", gateway.url(PATH), reply.status);
    Ok(serde_json::from_str(&reply.body)?)
}
