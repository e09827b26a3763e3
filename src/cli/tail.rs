//! `dialgate tail`: the decisions of a running gateway, as they are made.

use clap::Args;
use serde_json::Value;

use super::{
    Failure, block_on,
    live::{Live, harmless},
    output::{BAD, DOUBTFUL, GOOD, complain, painted, print},
    reach::Reach,
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
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// Only decisions for this reason, such as `partner_unknown`.
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// Only answers from there: memory, refreshing, sap, stale, `last_good`, default, none.
    #[arg(long, value_name = "WORD")]
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
            let mut live = Live::to(&gateway, "decisions").await?;
            let mut left = self.most;
            while left != Some(0) {
                let event = live.next().await?;
                match event.name.as_str() {
                    "decision" if self.wants(&event.data) => {
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

    fn wants(&self, decision: &Value) -> bool {
        let is = |field: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| text(decision, field) == wanted)
        };
        let kind = text(decision, "decision");
        (!self.refused || kind == "refuse")
            && (!self.dialled || kind == "dial")
            && is("client", &self.client)
            && is("reason", &self.reason)
            && is("source", &self.source)
    }
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
