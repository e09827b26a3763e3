//! `dialgate replay`: recorded calls, decided again by the rules of a changed configuration.
//!
//! The records are those of a gateway with `log.facts: true`. SAP is not asked and no gateway is needed.
//! However long a file is, of it are kept a line, the counts, and three calls as examples of each.

mod lines;
mod record;
mod tally;
mod told;

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::Args;

use super::{ConfigFile, Failure, output::complain, output::print};
use crate::{app, config::Environment, gateway::Ground};
use lines::Lines;
use tally::Tally;

#[derive(Args, Debug)]
pub(super) struct Replay {
    /// Access records, one JSON object a line; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
    /// So many kinds of changes are told, those with most calls first.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    top: usize,
    /// As one line of JSON, with all kinds of changes.
    #[arg(long)]
    json: bool,
    /// End with 1 if an answer would change, or if nobody can tell whether it would.
    #[arg(long)]
    fail_on_change: bool,
}

impl Replay {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.config.config, &Environment::process())?;
        let ground = Ground::of(&Arc::new(config));
        let mut tally = Tally::default();
        for file in &self.files {
            let name = file.display().to_string();
            if file == Path::new("-") {
                read(io::stdin().lock(), "standard input", &ground, &mut tally)?;
            } else {
                let open = File::open(file).with_context(|| format!("{name} cannot be opened"))?;
                read(BufReader::with_capacity(1 << 16, open), &name, &ground, &mut tally)?;
            }
        }
        if self.json {
            print(&format!("{}\n", told::json(&tally)))?;
        } else {
            print(&told::text(&tally, self.top))?;
        }
        if tally.told() == 0 {
            complain(&told::NOTHING_TOLD);
            return Err(Failure::Told);
        }
        if self.fail_on_change && (tally.changed > 0 || tally.cannot_be_told() > 0) {
            return Err(Failure::Told);
        }
        Ok(())
    }
}

fn read(
    input: impl BufRead,
    name: &str,
    ground: &Ground,
    tally: &mut Tally,
) -> Result<(), anyhow::Error> {
    let mut lines = Lines::of(input);
    while let Some(line) = lines.next().with_context(|| format!("{name} cannot be read"))? {
        match line.and_then(|text| record::read(text, ground, tally)) {
            Ok(()) => {}
            Err(why) => tally.unreadable(name, lines.number(), why),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
