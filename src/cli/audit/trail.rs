//! `dialgate audit keys` and `verify`: the keys of an audit trail, and whether a trail is what was written.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::{
    Failure,
    output::{BAD, GOOD, complain, painted, print},
};
use crate::telemetry::{
    audit::{Anchors, Finding, Keys, PublicKey, Report, Verifier, files_of, first_mac_key},
    logging::with_causes,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct NewKeys {
    /// The folder, which is made as well: audit.keys in config.yaml.
    folder: PathBuf,
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    /// The folder of the trail, or its files.
    #[arg(required = true, value_name = "FOLDER|FILE")]
    trail: Vec<PathBuf>,
    /// The public key that `dialgate audit keys` printed, or a file with it. Without it the trail's own
    /// is taken, which whoever made a trail anew would have put there.
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// A file with the first MAC key that `dialgate audit keys` printed.
    #[arg(long, value_name = "FILE")]
    mac_key: Option<PathBuf>,
    /// What a second place has: the file of checkpoints, or of the log server.
    #[arg(long, value_name = "FILE", requires = "key")]
    anchor: Option<PathBuf>,
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

impl NewKeys {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self { folder, json } = self;
        let made = Keys::make(&folder).map_err(anyhow::Error::from)?;
        let (public, first) = (made.public.text(), made.first_mac_key);
        if json {
            let told = serde_json::json!({ "public_key": public, "first_mac_key": *first });
            return print(&format!("{told}\n"));
        }
        print(&format!(
            "Public key     {public}\n\
             First MAC key  {}\n\
             \n\
             Both are for those who check the trail (dialgate audit verify), and belong away from this machine.\n\
             The public key shows whether somebody without these keys has changed something. The first MAC key\n\
             is secret: it also shows whether somebody who took the machine has changed what was signed before.\n\
             After the first checkpoint it is nowhere but here.\n\
             \n\
             audit:\n  \
               keys: {}\n",
            *first,
            folder.display()
        ))
    }
}

impl Verify {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let public = self.key.as_deref().map(public_key).transpose()?;
        let first = self.mac_key.as_deref().map(|file| {
            let text = fs::read_to_string(file);
            let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
            first_mac_key(&text)
                .with_context(|| format!("{} has no MAC key of 64 digits", file.display()))
        });
        let anchors = match (&self.anchor, public) {
            (Some(file), Some(public)) => {
                let anchors = Anchors::read(open(file)?, public);
                let anchors =
                    anchors.with_context(|| format!("{} cannot be read", file.display()))?;
                if anchors.signed == 0 {
                    let file = file.display();
                    return Err(anyhow::anyhow!(
                        "{file} has no checkpoint that this key has signed"
                    )
                    .into());
                }
                anchors
            }
            _ => Anchors::default(),
        };
        let anchored = (self.anchor.is_some()).then_some((anchors.signed, anchors.others));
        let mut verifier = Verifier::new(public, first.transpose()?, anchors);
        for file in self.files()? {
            let name = file.display().to_string();
            let read = verifier.file(&name, open(&file)?);
            read.with_context(|| format!("{name} cannot be read"))?;
        }
        let report = verifier.finish();
        if self.json {
            print(&format!("{}\n", serde_json::to_string(&report).map_err(anyhow::Error::from)?))?;
        } else {
            print(&told(&report, anchored))?;
            if self.key.is_none() {
                complain(
                    &"The public key was taken from the trail itself: somebody who made all of it anew would not \
                     be noticed. Give it with --key.",
                );
            }
        }
        if report.findings.is_empty() { Ok(()) } else { Err(Failure::Told) }
    }

    fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for path in &self.trail {
            if path.is_dir() {
                let files = files_of(path);
                all.extend(files.with_context(|| format!("{} cannot be read", path.display()))?);
            } else {
                all.push(path.clone());
            }
        }
        if all.is_empty() {
            bail!("there is no file of a trail (trail-000000000001.jsonl)");
        }
        Ok(all)
    }
}

pub(in crate::cli) fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let open = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(BufReader::new(open))
}

/// The key itself, or a file that has it.
fn public_key(text: &str) -> anyhow::Result<PublicKey> {
    if let Some(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    let read = fs::read_to_string(text).with_context(|| {
        format!("`{}` is neither a public key of 64 digits nor a file", text.escape_debug())
    })?;
    PublicKey::parse(&read).with_context(|| format!("{text} has no public key of 64 digits"))
}

fn told(report: &Report, anchored: Option<(u64, u64)>) -> String {
    let s = |count: u64| if count == 1 { "" } else { "s" };
    let Report { records, checkpoints, unsigned, missed, more_findings, .. } = *report;
    let mut lines: Vec<_> = report.findings.iter().map(line).collect();
    let found = report.findings.len() as u64 + more_findings;
    if more_findings > 0 {
        lines.push(format!("and {more_findings} more\n"));
    }
    let verdict = match found {
        0 => painted(GOOD, "nothing was changed"),
        found => painted(BAD, format!("{found} finding{}", s(found))),
    };
    let [first, last] = [report.first, report.last].map(Option::unwrap_or_default);
    lines.push(format!(
        "{verdict}: {records} record{}, {first} to {last}; {checkpoints} checkpoint{}\n",
        s(records),
        s(checkpoints),
    ));
    if unsigned > 0 {
        let them = if unsigned == 1 { "it" } else { "them" };
        lines.push(format!(
            "{unsigned} record{} after the last checkpoint: nobody has signed {them} yet\n",
            s(unsigned)
        ));
    }
    if missed > 0 {
        lines.push(format!(
            "{missed} record{} could not be written, and the trail says so (kind `gap`)\n",
            s(missed)
        ));
    }
    if let Some((signed, others)) = anchored {
        lines.push(format!(
            "the second place has {signed} checkpoint{} of this key, and {others} other line{}\n",
            s(signed),
            s(others)
        ));
    }
    lines.concat()
}

fn line(finding: &Finding) -> String {
    let record = finding.seq.map_or(String::new(), |seq| format!("record {seq} "));
    if finding.line == 0 {
        return format!("{record}{}\n", finding.what);
    }
    format!("{}:{}: {record}{}\n", finding.file, finding.line, finding.what)
}

/// An error of a room below, for a person.
pub(in crate::cli) fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::Failed(anyhow::anyhow!(with_causes(error)))
}
