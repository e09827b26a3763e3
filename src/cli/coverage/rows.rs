//! Contract numbers side by side: here, in jtel, and in SAP's answers.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write,
};

use serde::Serialize;

use super::Seen;
use crate::{
    cli::output::{BAD, GOOD, painted},
    config::Listed,
    domain::ContractNumber,
    telemetry::visible,
};

/// One contract number, and where it is.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    contract_number: String,
    /// `None`: not in `rules.service_numbers`.
    configured: Option<String>,
    /// `None`: not in jtel's list, or there is no list.
    jtel: Option<String>,
    /// In how many answers of SAP it was.
    answers: u64,
    /// What is wrong; empty where nothing is.
    pub(super) missing: Vec<String>,
    /// Others that look the same: only letter case, blanks or the form of letters differ.
    alike: Vec<String>,
}

pub(super) fn compare(
    configured: impl Iterator<Item = (String, String)>,
    listed: Option<Vec<Listed>>,
    answered: impl Iterator<Item = (String, u64)>,
) -> Vec<Row> {
    let configured: BTreeMap<_, _> = configured.collect();
    let answers: BTreeMap<_, _> = answered.collect();
    let has_list = listed.is_some();
    let mut in_jtel: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for row in listed.into_iter().flatten() {
        in_jtel.entry(row.contract_number.clone()).or_default().push(row);
    }
    let all: BTreeSet<&String> =
        configured.keys().chain(in_jtel.keys()).chain(answers.keys()).collect();
    let mut likenesses: HashMap<String, Vec<&String>> = HashMap::new();
    for contract_number in &all {
        likenesses
            .entry(ContractNumber::likeness(contract_number))
            .or_default()
            .push(contract_number);
    }
    let rows = all.iter().copied().map(|contract_number| {
        let listed = in_jtel.get(contract_number).map_or(&[][..], Vec::as_slice);
        let alike = likenesses.get(&ContractNumber::likeness(contract_number));
        let alike = alike.into_iter().flatten().copied();
        let mut row = Row {
            contract_number: contract_number.clone(),
            configured: configured.get(contract_number).cloned(),
            jtel: listed.first().map(|row| row.service_number.clone()),
            answers: answers.get(contract_number).copied().unwrap_or_default(),
            missing: Vec::new(),
            alike: alike.filter(|other| *other != contract_number).cloned().collect(),
        };
        row.look(listed, has_list);
        row
    });
    rows.collect()
}

impl Row {
    fn look(&mut self, listed: &[Listed], has_list: bool) {
        if self.configured.is_none() {
            self.missing.push("rules.service_numbers".to_owned());
        }
        if has_list && self.jtel.is_none() {
            self.missing.push("jtel".to_owned());
        }
        if listed.len() > 1 {
            let lines: Vec<_> = listed.iter().map(|row| row.line.to_string()).collect();
            let lines = lines.join(", ");
            self.missing.push(format!("only one row in jtel's list (it is in the lines {lines})"));
        }
        if let Some(here) = &self.configured
            && listed.iter().any(|row| row.service_number != *here)
        {
            self.missing.push("the same number on both sides".to_owned());
        }
    }

    /// What nobody sees in it.
    fn unseen(&self) -> Option<String> {
        let (at, character) = ContractNumber::unseen(&self.contract_number)?;
        Some(format!("has U+{:04X} at position {at}", u32::from(character)))
    }
}

pub(super) fn text(rows: &[Row], has_list: bool, seen: &Result<Seen, anyhow::Error>) -> String {
    let mut text = String::new();
    let width = rows.iter().map(|row| row.contract_number.chars().count()).max().unwrap_or(0);
    for row in rows {
        let (mark, style) = if row.missing.is_empty() { ("OK   ", GOOD) } else { ("MISS ", BAD) };
        let mark = painted(style, mark);
        let jtel = if has_list { row.jtel.as_deref().unwrap_or("-") } else { "?" };
        let mut notes = Vec::new();
        if !row.missing.is_empty() {
            notes.push(format!("missing: {}", row.missing.join(", ")));
        }
        if !row.alike.is_empty() {
            notes.push(format!("looks like `{}`", visible(&row.alike.join("`, `"))));
        }
        notes.extend(row.unseen());
        let notes: Vec<_> = notes.into_iter().map(|note| format!("  {note}")).collect();
        let times = if row.answers == 1 { "1 answer" } else { &format!("{} answers", row.answers) };
        // Writing to a String cannot fail.
        writeln!(
            text,
            "{mark} {:<width$}  here {:<15}  jtel {jtel:<15}  {times} of SAP{}",
            visible(&row.contract_number),
            row.configured.as_deref().unwrap_or("-"),
            notes.concat(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        list.iter().map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
    }

    fn listed(list: &[(&str, &str)]) -> Vec<Listed> {
        let row = |(line, (contract_number, service_number))| Listed {
            contract_number,
            service_number,
            line,
        };
        (2..).zip(pairs(list)).map(row).collect()
    }

    #[test]
    fn what_is_missing_on_either_side_is_named() {
        let seen = [("PartnerCH".to_owned(), 3)];
        let configured = pairs(&[("PartnerDE", "4930"), ("PartnerAT", "431"), ("PartnerIT", "39")]);
        let jtel = listed(&[("PartnerDE", "4930"), ("PartnerAT", "432"), ("PartnerFR", "33")]);

        let rows = compare(configured, Some(jtel), seen.into_iter());

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
        let rows = compare(pairs(&[("PartnerDE", "4930")]), None, [].into_iter());

        assert!(rows.iter().all(|row| row.missing.is_empty()));
    }

    #[test]
    fn a_contract_number_that_jtel_has_twice_is_named_with_its_lines() {
        let jtel = listed(&[("PartnerDE", "4930"), ("PartnerAT", "431"), ("PartnerDE", "4931")]);

        let rows = compare(
            pairs(&[("PartnerDE", "4930"), ("PartnerAT", "431")]),
            Some(jtel),
            [].into_iter(),
        );

        let [at, de] = rows.as_slice() else { panic!() };
        assert!(at.missing.is_empty());
        assert_eq!(
            de.missing,
            [
                "only one row in jtel's list (it is in the lines 2, 4)",
                "the same number on both sides"
            ]
        );
    }

    #[test]
    fn what_only_looks_the_same_is_named_beside_it() {
        for (one, other) in [
            ("Direct salesDE", "direct salesDE"),
            ("Direct salesDE", "DIRECT SALESDE"),
            ("Direct salesDE", "Direct\u{a0}salesDE"),
            ("Direct salesDE", "Direct  salesDE"),
            ("Direct salesDE", "DirectsalesDE"),
            ("Direct salesDE", "Direct sales DE"),
            ("Direct salesDE", "Direct sales\u{200b}DE"),
            ("Direct salesDE", "\u{feff}Direct salesDE"),
            ("Direct salesDE", "Direct\u{2009}salesDE"),
            ("Direct salesDE", "Direct\tsalesDE"),
            ("HändlerDE", "Ha\u{308}ndlerDE"),
            ("HändlerDE", "HÄNDLERDE"),
            ("GrößeDE", "Gro\u{308}ßeDE"),
            ("Direct salesDE", "Direct sales\u{ad}DE"),
            ("Direct salesDE", "Ｄirect salesDE"),
            ("OfﬁceDE", "OfficeDE"),
        ] {
            let rows =
                compare(pairs(&[(one, "4930")]), Some(listed(&[(other, "4930")])), [].into_iter());
            let told = text(&rows, true, &Err(anyhow::anyhow!("x")));
            let (one, other) = (visible(one), visible(other));
            assert!(told.contains(&format!("looks like `{other}`")), "{one:?} {other:?}: {told}");
            assert!(told.contains(&format!("looks like `{one}`")), "{one:?} {other:?}: {told}");
        }
        for (one, other) in
            [("PartnerDE", "PartnerAT"), ("HändlerDE", "HandlerDE"), ("A1DE", "A2DE")]
        {
            let rows = compare(pairs(&[(one, "4930"), (other, "4931")]), None, [].into_iter());
            assert!(rows.iter().all(|row| row.alike.is_empty()), "{one} {other}");
        }
    }
}
