//! The commands. stdout is the answer, stderr is the rest.
//!
//! Exit codes: 0 done; 1 it did not work (a port is taken, SAP is silent, a check failed); 2 what
//! was asked for is wrong (usage, or findings in the configuration). A reader that closes the pipe
//! is no error.

mod audit;
mod certs;
mod check;
mod config;
mod coverage;
mod demo;
mod explain;
mod healthcheck;
mod http;
mod jtel;
mod live;
mod man;
mod metrics;
mod output;
mod parity;
mod presets;
mod privacy;
mod reach;
mod replay;
mod run;
mod secret;
mod sim;
mod tail;
mod tls;
mod top;

use std::{future::Future, path::PathBuf, process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{config::Findings, telemetry::program};
use output::{broken_pipe, print};

/// Decides for jtel whether a number clicked in SAP is dialled, and with which service number.
#[derive(Debug, Parser)]
#[command(
    name = "dialgate",
    version,
    long_version = program::DESCRIBED.as_str(),
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 it did not work, 2 usage or configuration is wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer jtel's calls.
    Run(run::Run),
    /// Try it: a SAP simulator, development certificates and a ready curl line. Works offline.
    Demo(demo::Demo),
    /// Run only the SAP simulator.
    Sim(sim::Sim),
    /// Check the configuration and everything it names; start nothing.
    Check(check::Check),
    /// Tell how a partner would be decided, or why a call was decided so, step by step.
    Explain(explain::Explain),
    /// The state of a running gateway, once a second.
    Top(top::Top),
    /// The decisions of a running gateway, as they are made.
    Tail(tail::Tail),
    /// Print the lines for the fields of the jtel portal.
    Jtel(jtel::Jtel),
    /// What a security auditor asks: the configuration, the audit trail.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// TLS as it is spoken on each side.
    #[command(subcommand)]
    Tls(tls::TlsCommand),
    /// Compare the contract numbers of SAP's answers, of the configuration and of jtel.
    Coverage(coverage::Coverage),
    /// Whether calls would be told the same if another SAP system were asked (`compare_with`).
    Parity(parity::Parity),
    /// Decide recorded calls again, under a changed configuration, and tell what would change.
    Replay(replay::Replay),
    /// Certificates for development.
    #[command(subcommand)]
    Certs(certs::Certs),
    /// Passwords for clients.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Persons in the audit trail: find, export, forget.
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// The configuration: its schema, and what is in force.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// What /metrics exports, as a table.
    Metrics,
    /// The kinds of SAP that are built in.
    #[command(subcommand)]
    Presets(presets::PresetsCommand),
    /// Ask the running gateway whether it lives; for containers and service managers.
    Healthcheck(healthcheck::Healthcheck),
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// The manual page, as roff.
    Man(man::Man),
    /// The version, the commit it was built from, the compiler and the kind of machine.
    Version {
        /// As one line of JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which configuration a command works with.
#[derive(clap::Args, Debug)]
struct ConfigFile {
    /// The configuration file; without it config.yaml here or, where there is none, that of the package,
    /// /etc/dialgate/config.yaml.
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value_os_t = usual_place(),
        hide_default_value = true,
        env = "DIALGATE_CONFIG"
    )]
    config: PathBuf,
}

/// Where the package puts the configuration (`deploy/debian`).
const INSTALLED: &str = "/etc/dialgate/config.yaml";

/// Where the configuration is that nobody named.
fn usual_place() -> PathBuf {
    let here = PathBuf::from("config.yaml");
    let installed = PathBuf::from(INSTALLED);
    if !here.exists() && installed.exists() { installed } else { here }
}

/// Why a command ends without having done its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The configuration has findings; exit code 2.
    #[error("{0}")]
    Findings(Findings),
    /// It failed, and the log or the answer has said why; exit code 1.
    #[error("the log has said why")]
    Told,
    /// Anything else; exit code 1.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl From<Findings> for Failure {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // Before anything can make a TLS configuration: a dependency that picks another provider would
    // make rustls panic. Somebody else having installed one is what the error would say.
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    let outcome = match Cli::parse().command {
        Command::Run(run) => run.execute(),
        Command::Demo(demo) => demo.execute(),
        Command::Sim(sim) => sim.execute(),
        Command::Check(check) => check.execute(),
        Command::Explain(explain) => explain.execute(),
        Command::Top(top) => top.execute(),
        Command::Tail(tail) => tail.execute(),
        Command::Jtel(jtel) => jtel.execute(),
        Command::Audit(audit) => audit.execute(),
        Command::Tls(tls) => tls.execute(),
        Command::Coverage(coverage) => coverage.execute(),
        Command::Parity(parity) => parity.execute(),
        Command::Replay(replay) => replay.execute(),
        Command::Certs(certs) => certs.execute(),
        Command::Secret(secret) => secret.execute(),
        Command::Privacy(privacy) => privacy.execute(),
        Command::Config(config) => config.execute(),
        Command::Metrics => metrics::execute(),
        Command::Presets(presets) => presets.execute(),
        Command::Healthcheck(healthcheck) => healthcheck.execute(),
        Command::Completions { shell } => completions(shell),
        Command::Man(man) => man.execute(),
        Command::Version { json } => version(json),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings(findings)) => {
            let colour = output::stderr_has_colours();
            output::complain(&findings.report(colour, "nothing was started"));
            ExitCode::from(2)
        }
        Err(Failure::Told) => ExitCode::FAILURE,
        Err(Failure::Failed(error)) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            let error_word = output::painted(output::BAD, "error:");
            output::complain(&format_args!("{error_word} {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dialgate", &mut text);
    print(&String::from_utf8_lossy(&text))
}

fn version(json: bool) -> Result<(), Failure> {
    if json {
        let line = serde_json::to_string(&program::THIS).map_err(anyhow::Error::from)?;
        return print(&format!("{line}\n"));
    }
    print(&format!("dialgate {}\n", program::DESCRIBED.as_str()))
}

/// The longest wait for what blocks when a command is over. A name that the system still looks up,
/// or a file of a network that hangs, cannot be cancelled: it ends with the process.
const BLOCKED_WITHIN: Duration = Duration::from_millis(200);

/// Runs a command that talks to somebody.
fn block_on<T>(command: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let done = runtime.block_on(command);
    // Dropping it would wait for as long as that takes.
    runtime.shutdown_timeout(BLOCKED_WITHIN);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
