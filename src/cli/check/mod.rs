//! `dialgate check`: everything that can be known before a start.

mod cases;
mod certificate;
mod machine;
mod shared;

use std::path::PathBuf;

use clap::Args;

use anstyle::Style;

use super::{
    ConfigFile, Failure, block_on,
    output::{BAD, DOUBTFUL, GOOD, painted, print},
};
use crate::{
    app::{self, AllMetrics},
    config::{Config, Environment, Login, Sap},
    domain::{PartnerId, Unmatched},
    sap::{self, SapClient, Went},
};

#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// Go the way to SAP (name, TCP, TLS, login, one lookup) with the configured credentials, and to the
    /// shared memory.
    #[arg(long)]
    connect: bool,
    /// PEM file of what jtel trusts: tell whether it would accept our certificate, as Java does it.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// With --connect: look this partner up, so that the paths are compared with a record.
    #[arg(long, value_name = "ID", requires = "connect")]
    partner: Option<String>,
}

impl Check {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let config = app::load(&self.file.config, &Environment::process())?;
        let partner = self.partner.as_deref().map(PartnerId::parse).transpose();
        let partner = partner.map_err(|error| anyhow::anyhow!("--partner {error}"))?;
        let mut text = String::new();
        let mut failed = 0;
        let mut report = |line: Line| {
            failed += usize::from(line.mark == "FAIL");
            text.extend([painted(style_of(line.mark), format!("{:<5}", line.mark))]);
            text.extend([" ".to_owned(), line.text, "\n".to_owned()]);
        };
        report(ok(format!("{} has no findings", self.file.config.display())));
        for note in &config.notes {
            report(hint(note.clone()));
        }
        for line in certificate::lines(&config, self.trust.as_deref())? {
            report(line);
        }
        for line in block_on(machine::lines(&config))? {
            report(line);
        }
        report(clients(&config));
        report(ok(format!(
            "{} service numbers; a partner without one is {}",
            config.rules.service_numbers.len(),
            match config.rules.unmatched {
                Unmatched::Refuse => "refused",
                Unmatched::DialWithoutNumber => "dialled without a number",
                Unmatched::DialDefault => "dialled with the default pair",
            }
        )));
        for line in cases::lines(&config) {
            report(line);
        }
        for sap in config.systems.iter() {
            let (url, preset) = (&sap.url, &sap.preset);
            let whose = whose(&config, sap);
            report(ok(format!("{whose}SAP at {url} as `{preset}`, {}", login(sap))));
        }
        let unkept: Vec<_> = config.rules.that_need_the_number().collect();
        if config.listen.drop_in && !unkept.is_empty() {
            let text = format!(
                "listen.drop_in: its questions have no number, so {} will refuse each of them",
                unkept.join(", ")
            );
            report(warn(text));
        }
        if self.connect {
            for sap in config.systems.iter() {
                let whose = whose(&config, sap);
                for line in block_on(walk_to_sap(sap, partner))?? {
                    report(Line { text: whose.clone() + &line.text, ..line });
                }
            }
            for line in block_on(shared::lines(&config))? {
                report(line);
            }
        }
        print(&text)?;
        match failed {
            0 => Ok(()),
            _ => Err(anyhow::anyhow!("{failed} of the checks failed").into()),
        }
    }
}

fn style_of(mark: &str) -> Style {
    match mark {
        "OK" => GOOD,
        "FAIL" => BAD,
        _ => DOUBTFUL,
    }
}

struct Line {
    mark: &'static str,
    text: String,
}

fn ok(text: String) -> Line {
    Line { mark: "OK", text }
}

fn warn(text: String) -> Line {
    Line { mark: "WARN", text }
}

fn hint(text: String) -> Line {
    Line { mark: "NOTE", text }
}

fn fail(text: String) -> Line {
    Line { mark: "FAIL", text }
}

fn clients(config: &Config) -> Line {
    if config.anybody_may_ask {
        return warn("anybody may ask".to_owned());
    }
    let names: Vec<_> = config.clients.iter().map(|client| client.name.as_str()).collect();
    ok(format!("clients: {}", names.join(", ")))
}

/// Of several systems, the one that a line is about.
fn whose(config: &Config, sap: &Sap) -> String {
    if config.systems.are_several() { format!("{}: ", sap.name) } else { String::new() }
}

fn login(sap: &Sap) -> String {
    match &sap.login {
        Login::None => "without a login".to_owned(),
        Login::Basic { user, .. } => format!("Basic as {user}, password ***"),
        Login::Headers(headers) => {
            let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
            format!("with the headers {}", names.join(", "))
        }
        Login::Certificate(files) => {
            format!("with the client certificate {}", files.certificate.display())
        }
        Login::OAuth(oauth) => {
            format!("OAuth2 as {}, tokens from {}", oauth.client_id, oauth.token_url)
        }
    }
}

async fn walk_to_sap(sap: &Sap, partner: Option<PartnerId>) -> anyhow::Result<Vec<Line>> {
    let client =
        SapClient::new(sap, AllMetrics::new()?.sap.of(&sap.name)?).map_err(|problems| {
            let texts: Vec<_> =
                problems.into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect();
            anyhow::anyhow!(texts.join("\n"))
        })?;
    let stations = sap::walk(sap, &client, partner).await;
    Ok(stations
        .into_iter()
        .map(|station| Line {
            mark: match station.went {
                Went::Well => "OK",
                Went::SoonOver => "WARN",
                Went::Wrong => "FAIL",
            },
            text: format!(
                "{}{} ({} ms): {}",
                station.of,
                station.name,
                station.took.as_millis(),
                station.text
            ),
        })
        .collect())
}
