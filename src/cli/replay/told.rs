//! What was found, for people and for programs.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use super::{
    super::{
        live::harmless,
        output::{BAD, DOUBTFUL, GOOD, HEADING, painted},
    },
    tally::{Answer, Kind, Tally, Told},
};

/// Where there is no decision, or none with facts.
pub(super) const NOTHING_TOLD: &str = "no decision could be made again: records have what they were decided on where \
    log.facts is true in the configuration of the gateway that writes them";

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            Answer::Dial { contract_number, service_number } => {
                let shown = service_number.as_deref().unwrap_or("without number");
                write!(f, "dial {} ({})", harmless(shown), harmless(contract_number))?;
            }
            Answer::Refuse(reason) => write!(f, "refuse {}", harmless(reason))?,
        }
        write!(f, " by {}", harmless(&self.rule))
    }
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

pub(super) fn text(tally: &Tally, top: usize) -> String {
    write_text(tally, top).unwrap_or_default()
}

fn write_text(tally: &Tally, top: usize) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let decisions = counted(tally.decisions(), "decision", "decisions");
    let changed = format!("{} would change", grouped(tally.changed));
    let style = if tally.changed == 0 { GOOD } else { DOUBTFUL };
    write!(text, "{decisions}: {}", painted(style, changed))?;
    let lost = counted(tally.lost, "loses its number", "lose their number");
    write!(text, "; {}", if tally.lost == 0 { lost } else { painted(BAD, lost) })?;
    writeln!(text, ", {}", counted(tally.gained, "gets one", "get one"))?;
    writeln!(
        text,
        "{} as before, {} cannot be told; {} of no decision, {} cannot be read",
        grouped(tally.same),
        grouped(tally.cannot_be_told()),
        counted(tally.not_decided, "line", "lines"),
        grouped(tally.unreadable),
    )?;
    let kinds = tally.changes();
    if !kinds.is_empty() {
        writeln!(text, "\n{}", painted(HEADING, "What would change"))?;
    }
    for ((before, after), kind) in kinds.iter().take(top) {
        writeln!(text, "{:>9}  {before}", grouped(kind.count))?;
        writeln!(text, "        -> {after}{}", examples(kind))?;
    }
    let more: u64 = kinds.iter().skip(top).map(|(_, kind)| kind.count).sum();
    let more = more + tally.of_other_kinds;
    if more > 0 {
        writeln!(text, "{:>9}  in other ways (--top, --json)", grouped(more))?;
    }
    let untold = tally.untold_kinds();
    if !untold.is_empty() {
        writeln!(text, "\n{}", painted(HEADING, "What cannot be told"))?;
    }
    for (why, kind) in untold {
        writeln!(text, "{:>9}  {}{}", grouped(kind.count), harmless(&why), examples(kind))?;
    }
    if !tally.named.is_empty() {
        writeln!(text, "\n{}", painted(HEADING, "What cannot be read"))?;
    }
    for line in &tally.named {
        writeln!(text, "{}:{}: {}", harmless(&line.file), line.line, line.why)?;
    }
    let more = tally.unreadable - tally.named.len() as u64;
    if more > 0 {
        writeln!(text, "and {} more", grouped(more))?;
    }
    Ok(text)
}

fn examples(kind: &Kind) -> String {
    if kind.examples.is_empty() {
        return String::new();
    }
    format!("\n           e.g. {}", harmless(&kind.examples.join(", ")))
}

pub(super) fn json(tally: &Tally) -> Value {
    let told = |told: &Told| {
        let (decision, reason, contract, number) = match &told.answer {
            Answer::Dial { contract_number, service_number } => {
                ("dial", None, Some(contract_number), service_number.as_ref())
            }
            Answer::Refuse(reason) => ("refuse", Some(reason), None, None),
        };
        json!({
            "decision": decision,
            "reason": reason,
            "rule": told.rule,
            "contractNumber": contract,
            "serviceNumber": number,
        })
    };
    let changes = tally.changes().into_iter().map(|((before, after), kind)| {
        json!({
            "count": kind.count,
            "before": told(before),
            "after": told(after),
            "calls": kind.examples,
        })
    });
    let untold = tally.untold_kinds().into_iter();
    let untold =
        untold.map(|(why, kind)| json!({"count": kind.count, "why": why, "calls": kind.examples}));
    let named = tally.named.iter();
    let named = named.map(|at| json!({"file": at.file, "line": at.line, "why": at.why}));
    json!({
        "decisions": tally.decisions(),
        "changed": tally.changed,
        "loseTheirNumber": tally.lost,
        "getANumber": tally.gained,
        "same": tally.same,
        "cannotBeTold": tally.cannot_be_told(),
        "notDecided": tally.not_decided,
        "unreadable": tally.unreadable,
        "changes": changes.collect::<Vec<_>>(),
        "changedInOtherWays": tally.of_other_kinds,
        "untold": untold.collect::<Vec<_>>(),
        "unreadableLines": named.collect::<Vec<_>>(),
    })
}
