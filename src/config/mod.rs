//! `config.yaml` becomes a [`Config`]: valid by construction, every finding at once with its line
//! and column.

mod document;
mod sections;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

pub use document::content::{Digest, digest_of};
pub use document::edit::edit;
pub use document::findings::{Finding, Findings};
pub use document::permissions::writable_by_all;
pub use document::resolve::Environment;
pub use document::sealing::{OpenError, SealError, SealingKeyError, SealingKeys};
pub use document::secret::Secret;
pub use sections::admin::{Admin, Shutdown};
pub use sections::audit::{Anchor, Audit, PersonalData, Privacy, WhenUnwritable};
pub use sections::caller_information::CallerInformation;
pub use sections::calls::{Answers, Cache, Query, UnknownParameters};
pub use sections::cases::{Case, Outcome, Reach};
pub use sections::clients::{
    CertificateMatch, Client, ClientName, ClientNameError, Operator, Proof, Proofs, SecretHash,
    SecretHashError,
};
pub use sections::comparison::Comparison;
pub use sections::draft::Draft;
pub use sections::file::{load, parse, read, schema};
pub use sections::listen::{Limits, Listen};
pub use sections::log::{AccessLog, Log, LogFormat};
pub use sections::number_list::{Listed, list_of, read_list};
pub use sections::number_rules::RulePath;
pub use sections::routes::{Route, WhenSilent};
pub use sections::sap::{
    Address, Addresses, Areas, Breaker, ClientAuthentication, Dialect, Fingerprint, Flag, Flags,
    KeyFiles, Login, OAuth, Proxy, SalesArea, Sap, Step, SystemName, SystemNameError, Then, Usages,
    UsedMarks, ValueHelp,
};
pub use sections::shared::{SharedAddress, SharedLogin, SharedMemory, SharedServers, SharedTls};
pub use sections::show::show;
pub use sections::snapshot::MemorySnapshot;
pub use sections::systems::{AsRead, Systems};
pub use sections::tls::{
    CertificateFiles, CipherSuite, Group, Tls, TlsClients, TlsOffer, TlsPolicy, TlsVersion,
};
pub use sections::traces::{Otlp, Traces};
pub use sections::trusted::TrustedProxies;
pub use sections::wrong_credentials::{Barring, WrongCredentials};

use crate::domain::Rules;

/// The file that is shipped: every key with its default and a comment.
pub const EXAMPLE: &str = include_str!("../../config.yaml");

/// Everything an operator decides. Only [`load`] and [`parse`] make one, so it cannot be wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Where jtel asks.
    pub listen: Listen,
    /// Where the metrics and the health checks are.
    pub admin: Admin,
    /// Which statuses leave `/onClickToDial`.
    pub answers: Answers,
    /// Who may ask; empty only where `anybody_may_ask`.
    pub clients: Vec<Client>,
    /// Nobody needs to say who he is.
    pub anybody_may_ask: bool,
    /// What happens to addresses that show wrong passwords or keys; `None`: nothing.
    pub wrong_credentials: Option<WrongCredentials>,
    /// Longest time from a call's first byte to its answer.
    pub deadline: Duration,
    /// How long a call waits for SAP while something older is known of the partner.
    pub answer_within: Duration,
    /// How a question is read.
    pub query: Query,
    /// The SAP systems, and which of them is asked.
    pub systems: Systems,
    /// How long an answer from SAP is trusted.
    pub cache: Cache,
    /// Which service number belongs to which contract number, and what happens without one.
    pub rules: Rules,
    /// Calls, and the decisions that the rules lead to: all of them are passed.
    pub tests: Vec<Case>,
    /// What is written, how, and where to.
    pub log: Log,
    /// Where spans are sent to, and of how many calls.
    pub traces: Traces,
    /// The trail of decisions that cannot be changed unnoticed; `None`: there is none.
    pub audit: Option<Audit>,
    /// What it says of persons.
    pub privacy: Privacy,
    /// How long the process takes to leave.
    pub shutdown: Shutdown,
    /// The files it was read from, `config.yaml` first; not those of `sap.login` and `sap.ca_file`,
    /// which are looked at by themselves. Empty where it was read from a text.
    pub files: Vec<PathBuf>,
    /// What stood in those of them that it was read from. Certificates and keys are none of these: they
    /// are read when they are needed.
    pub contents: Vec<(PathBuf, Digest)>,
    /// What the operator should know, though nothing is wrong: a line each, with place and key.
    pub notes: Vec<String>,
}
