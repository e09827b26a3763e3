//! `dialgate privacy`: what the audit trail has of a person, and how it is made to have nothing.
//!
//! The trail names persons by pseudonyms; with the keys they are made anew and looked for. Files are read as
//! they stand, whether the gateway runs or not.

use std::{
    collections::HashMap,
    io::{BufRead, Read},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Failure,
    audit::{failed, open},
    live::harmless,
    output::{complain, print},
};
use crate::telemetry::audit::{PersonalKind, drop_epoch, epochs_of, files_of};

/// A longer line is none of the trail, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum PrivacyCommand {
    /// List the records about a person.
    Find(Person),
    /// Print all records about a person as JSON, for whoever asks what is stored about him.
    Export(Person),
    /// Drop the key of an epoch: what it named can never be found again. The trail stays whole.
    Forget(Forget),
}

#[derive(Args, Debug)]
pub(super) struct Person {
    /// The business partner's ID, with or without zeros before it.
    #[arg(value_name = "PARTNER")]
    value: String,
    /// It is a telephone number, in digits with the country's code.
    #[arg(long)]
    number: bool,
    #[command(flatten)]
    folders: Folders,
}

#[derive(Args, Debug)]
struct Folders {
    /// The folder of the trail: audit.folder.
    #[arg(long, value_name = "FOLDER")]
    trail: PathBuf,
    /// The folder of the keys: audit.keys.
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Forget {
    /// The folder of the keys: audit.keys.
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
    /// The number before the colon of a pseudonym.
    #[arg(long, value_name = "NUMBER")]
    epoch: u64,
    /// Do it; without this it is only told what would be.
    #[arg(long)]
    yes: bool,
}

impl PrivacyCommand {
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Find(person) => {
                let mut found = 0_u64;
                person.records(|file, line, record| {
                    found += 1;
                    print(&told(file, line, &record))
                })?;
                complain(&format_args!("{found} records; {}", person.reach()?));
                Ok(())
            }
            Self::Export(person) => {
                print("[")?;
                let mut before = "\n";
                person.records(|_file, _line, record| {
                    print(&format!("{before}{record}"))?;
                    before = ",\n";
                    Ok(())
                })?;
                print("\n]\n")?;
                complain(&person.reach()?);
                Ok(())
            }
            Self::Forget(forget) => forget.execute(),
        }
    }
}

impl Person {
    /// What can be found at all.
    fn reach(&self) -> Result<String, Failure> {
        let (epochs, last) = epochs_of(&self.folders.keys).map_err(|error| failed(&error))?;
        let numbers: Vec<_> = epochs.iter().map(|epoch| epoch.number.to_string()).collect();
        Ok(format!(
            "looked for under the keys of epoch {}; {} of {last} keys are gone, and what they named can be found by \
             nobody",
            numbers.join(", "),
            last.saturating_sub(epochs.len() as u64),
        ))
    }

    fn records(
        &self,
        mut each: impl FnMut(&str, u64, Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (kind, member) = if self.number {
            (PersonalKind::Number, &br#","number":""#[..])
        } else {
            (PersonalKind::Partner, &br#","partner":""#[..])
        };
        let (epochs, _) = epochs_of(&self.folders.keys).map_err(|error| failed(&error))?;
        let names: HashMap<String, u64> = epochs
            .iter()
            .map(|epoch| (epoch.name(kind, self.value.trim()), epoch.number))
            .collect();
        let folder = &self.folders.trail;
        let files = files_of(folder);
        for file in files.with_context(|| format!("{} cannot be read", folder.display()))? {
            let (mut input, mut line, mut number) = (open(&file)?, Vec::new(), 0);
            let name = file.display().to_string();
            loop {
                line.clear();
                let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
                if read.with_context(|| format!("{name} cannot be read"))? == 0 {
                    break;
                }
                number += 1;
                // Quotes inside a text have a backslash before them: this is the member.
                let is_named = |pseudonym: &[u8]| {
                    let end = pseudonym.iter().position(|byte| *byte == b'"');
                    let pseudonym = end.and_then(|end| pseudonym.get(..end));
                    pseudonym
                        .and_then(|text| str::from_utf8(text).ok())
                        .is_some_and(|text| names.contains_key(text))
                };
                let place = line.windows(member.len()).position(|window| window == member);
                let rest = place.and_then(|place| line.get(place + member.len()..));
                if rest.is_some_and(is_named)
                    && let Ok(record) = serde_json::from_slice(&line)
                {
                    each(&name, number, record)?;
                }
            }
        }
        Ok(())
    }
}

fn told(file: &str, line: u64, record: &Value) -> String {
    let text = |field: &str| match record.get(field) {
        Some(Value::String(text)) if text != "none" => harmless(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => "–".to_owned(),
    };
    format!(
        "{}  {:<12} {:<8} {:<20} {:<15} {:<24} {}:{line}\n",
        text("at"),
        text("client"),
        text("decision"),
        text("reason"),
        text("service_number"),
        text("rule"),
        harmless(file),
    )
}

impl Forget {
    fn execute(self) -> Result<(), Failure> {
        let (epochs, _) = epochs_of(&self.keys).map_err(|error| failed(&error))?;
        let Some(epoch) = epochs.iter().find(|epoch| epoch.number == self.epoch) else {
            let has: Vec<_> = epochs.iter().map(|epoch| epoch.number.to_string()).collect();
            return Err(anyhow::anyhow!(
                "there is no key of epoch {}; there are those of {}",
                self.epoch,
                has.join(", ")
            )
            .into());
        };
        let began = crate::telemetry::clock::day_of(epoch.began);
        let until = epochs.iter().find(|next| next.number > self.epoch);
        let until = until.map_or("now".to_owned(), |next| {
            crate::telemetry::clock::day_of(next.began).to_string()
        });
        let number = self.epoch;
        let told = format!(
            "epoch {number} named persons from {began} to {until}: after its key is gone, nobody can find a person's \
             records of that time, or tell that two of them are about the same one as later ones"
        );
        if !self.yes {
            return print(&format!("{told}.\nNothing was done; say --yes to do it.\n"));
        }
        drop_epoch(&self.keys, number)
            .with_context(|| format!("the key of epoch {number} cannot be removed"))?;
        print(&format!(
            "{told}.\nThe key is gone from this folder; copies of it in backups are not. A gateway that runs notices \
             within 10 s, writes it into the trail, and begins a new epoch if it was the last.\n"
        ))
    }
}
