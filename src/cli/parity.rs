//! `dialgate parity`: whether calls would be told the same if another SAP system were asked, as a running
//! gateway has found out (`compare_with`).

use std::fmt::{self, Write};

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Failure, block_on,
    live::harmless,
    output::{BAD, DOUBTFUL, GOOD, HEADING, complain, painted, print},
    reach::{Gateway, Reach},
};

const PATH: &str = "/parity.json";

#[derive(Args, Debug)]
pub(super) struct Parity {
    #[command(flatten)]
    reach: Reach,
    /// End with 1 where fewer of a hundred lookups would be decided the same, or got an answer of the other system.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    at_least: Option<f64>,
    /// End with 1 where fewer lookups were compared, so that nobody trusts a handful.
    #[arg(long, value_name = "NUMBER")]
    compared: Option<u64>,
    /// So many kinds of differences are told, those with most calls first.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    top: usize,
    /// As one line of JSON, with all kinds.
    #[arg(long)]
    json: bool,
}

/// What the running gateway answers, as far as it is looked at here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    system: String,
    with: String,
    since: String,
    same: u64,
    differing: u64,
    same_percent: Option<f64>,
    unanswered: u64,
    skipped: u64,
    differences: Vec<Difference>,
    kinds: Vec<Kind>,
    of_other_kinds: u64,
}

#[derive(Deserialize)]
struct Difference {
    what: String,
    count: u64,
}

#[derive(Deserialize)]
struct Kind {
    count: u64,
    now: Told,
    then: Told,
    calls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    reason: Option<String>,
    contract_number: Option<String>,
    service_number: Option<String>,
}

impl Parity {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let gateway = self.reach.gateway()?;
        let body = block_on(ask(&gateway))??;
        let reports: Vec<Report> = serde_json::from_str(&body)
            .map_err(|error| anyhow::anyhow!("{}: {error}", gateway.url(PATH)))?;
        if self.json {
            let told: Value = serde_json::from_str(&body).map_err(anyhow::Error::from)?;
            print(&format!("{told}\n"))?;
        } else {
            print(&reports.iter().map(|report| report.text(self.top)).collect::<String>())?;
        }
        if reports.is_empty() {
            complain(
                &"nothing is compared: write compare_with to a system of the configuration (systems)",
            );
            return Err(Failure::Told);
        }
        match reports.iter().find_map(|report| self.falls_short(report)) {
            None => Ok(()),
            Some(why) => Err(anyhow::anyhow!(why).into()),
        }
    }

    fn falls_short(&self, report: &Report) -> Option<String> {
        let Report { system, with, same, differing, unanswered, .. } = report;
        let compared = same + differing;
        // Of nothing nobody can say how much is the same.
        let least = self.compared.unwrap_or(u64::from(self.at_least.is_some()));
        if compared < least {
            return Some(format!(
                "{with} beside {system}: {compared} lookups were compared, and {least} are wanted (--compared)"
            ));
        }
        let wanted = self.at_least?;
        let percent = report.same_percent.unwrap_or_default();
        if percent < wanted {
            let told = "would be decided the same";
            return Some(format!("{with} beside {system}: fewer than {wanted} % {told}"));
        }
        // Partners for whom the other system fails each time are lost with the move.
        #[expect(clippy::cast_precision_loss, reason = "far fewer calls than 2^52")]
        let answered = compared as f64 * 100.0 / (compared + unanswered).max(1) as f64;
        (answered < wanted).then(|| {
            format!(
                "{with} beside {system}: {unanswered} lookups got no answer there, more than {wanted} % allow; \
                 the log and dialgate_sap_requests_total say why"
            )
        })
    }
}

impl Report {
    fn text(&self, top: usize) -> String {
        // Writing to a text cannot fail.
        self.write(top).unwrap_or_default()
    }

    fn write(&self, top: usize) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let pair = format!("{} beside {}", harmless(&self.with), harmless(&self.system));
        writeln!(text, "{}, since {}", painted(HEADING, pair), harmless(&self.since))?;
        match self.same_percent {
            None => writeln!(text, "  nothing was compared yet")?,
            Some(percent) => {
                let style = if self.differing == 0 { GOOD } else { BAD };
                // Cut off and not rounded: never 100 where something differs.
                let percent = format!("{} % the same", (percent * 100.0).floor() / 100.0);
                let (same, differing) = (self.same, self.differing);
                let percent = painted(style, percent);
                writeln!(text, "  {percent}: {same} lookups, and {differing} that differ")?;
            }
        }
        let asked =
            format!("{} without an answer, {} over the budget", self.unanswered, self.skipped);
        let style = if self.unanswered > 0 { DOUBTFUL } else { GOOD };
        writeln!(text, "  {}", painted(style, asked))?;
        for Difference { what, count } in &self.differences {
            writeln!(text, "  {count:>9}  {}", harmless(what))?;
        }
        for kind in self.kinds.iter().take(top) {
            writeln!(text, "  {:>9}  {}", kind.count, kind.now)?;
            writeln!(text, "          -> {}", kind.then)?;
            if !kind.calls.is_empty() {
                writeln!(text, "             e.g. {}", harmless(&kind.calls.join(", ")))?;
            }
        }
        let more: u64 = self.kinds.iter().skip(top).map(|kind| kind.count).sum();
        let more = more + self.of_other_kinds;
        if more > 0 {
            writeln!(text, "  {more:>9}  in other ways (--top, --json)")?;
        }
        Ok(text)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.contract_number, &self.reason) {
            (Some(contract), _) => {
                let number = self.service_number.as_deref().unwrap_or("without number");
                write!(f, "dial {} ({})", harmless(number), harmless(contract))
            }
            (None, reason) => {
                write!(f, "refuse {}", harmless(reason.as_deref().unwrap_or_default()))
            }
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let told = || "write a number from 0 to 100".to_owned();
    let number: f64 = text.parse().map_err(|_not_a_number| told())?;
    (0.0..=100.0).contains(&number).then_some(number).ok_or_else(told)
}

async fn ask(gateway: &Gateway) -> Result<String, anyhow::Error> {
    let reply = gateway.get(PATH).await?;
    anyhow::ensure!(reply.status == 200, "{} answers {}", gateway.url(PATH), reply.status);
    Ok(reply.body)
}
