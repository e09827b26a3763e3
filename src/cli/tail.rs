//! `dialgate tail`: the decisions of a running gateway, as they are made.

use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;

use super::{
    Failure, block_on,
    live::{Live, harmless},
    output::{BAD, DOUBTFUL, GOOD, complain, painted, print},
    reach::Reach,
};
use crate::{
    config::ClientName,
    domain::{Reason, Source},
};

#[derive(Args, Debug)]
pub(super) struct Tail {
    #[command(flatten)]
    reach: Reach,
    /// Only refusals.
    #[arg(long, conflicts_with = "dialled")]
    refused: bool,
    /// Only what is dialled.
    #[arg(long)]
    dialled: bool,
    /// Only calls of this client.
    #[arg(long, value_name = "NAME", value_parser = client)]
    client: Option<String>,
    /// Only refusals for this reason.
    #[arg(long, value_name = "WORD", conflicts_with = "dialled", value_parser = reasons())]
    reason: Option<String>,
    /// Only answers from there.
    #[arg(long, value_name = "WORD", value_parser = sources())]
    source: Option<String>,
    /// End after so many.
    #[arg(long, value_name = "NUMBER")]
    most: Option<u64>,
    /// Each as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Tail {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let gateway = self.reach.gateway()?;
        block_on(async {
            let mut live = Live::to(&gateway, "decisions", &self.wanted()).await?;
            let mut left = self.most;
            while left != Some(0) {
                let event = live.next().await?;
                match event.name.as_str() {
                    "decision" if !self.dialled || text(&event.data, "decision") == "dial" => {
                        let text =
                            if self.json { format!("{}\n", event.data) } else { line(&event.data) };
                        print(&text)?;
                        left = left.map(|left| left - 1);
                    }
                    "missed" => complain(&event.data.as_str().map(harmless).unwrap_or_default()),
                    _ => {}
                }
            }
            Ok(())
        })?
    }

    /// The gateway leaves out the others, of which there may be too many to be sent.
    fn wanted(&self) -> Vec<(&'static str, &str)> {
        let only = self.refused.then_some("refused");
        [("only", only), ("client", self.client.as_deref()), ("reason", self.reason.as_deref())]
            .into_iter()
            .chain([("source", self.source.as_deref())])
            .filter_map(|(name, word)| Some((name, word?)))
            .collect()
    }
}

fn client(name: &str) -> Result<String, String> {
    ClientName::parse(name).map(|_name| name.to_owned()).map_err(|error| error.to_string())
}

fn reasons() -> PossibleValuesParser {
    Reason::ALL.map(Reason::label).into()
}

fn sources() -> PossibleValuesParser {
    Source::ALL.map(Source::label).into()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// One decision for a person.
fn line(decision: &Value) -> String {
    let or_none = |field: &str| match text(decision, field) {
        "" => "–".to_owned(),
        text => harmless(text),
    };
    let status = decision.get("status").and_then(Value::as_u64).unwrap_or_default();
    let took = decision.get("tookMs").and_then(Value::as_f64).unwrap_or_default();
    let (style, told) = match (text(decision, "decision"), text(decision, "callerId")) {
        ("dial", "misfit") => (DOUBTFUL, format!("{status} dial (foreign there)")),
        ("dial", _) => (GOOD, format!("{status} dial")),
        _ => (BAD, format!("{status} {}", or_none("reason"))),
    };
    let time = text(decision, "at").get(11..23).unwrap_or_default();
    format!(
        "{time}  {:<12} {}{} {:<15} {:<24} {:<10} {took:>8.1} ms  {}\n",
        or_none("client"),
        painted(style, &told),
        " ".repeat(24_usize.saturating_sub(told.chars().count())),
        or_none("serviceNumber"),
        or_none("contractNumber"),
        or_none("source"),
        or_none("call"),
    )
}
