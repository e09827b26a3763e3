//! The sections that could be read, whether or not the rest could.

use std::{path::PathBuf, time::Duration};

use super::{
    admin::{Admin, Shutdown},
    audit::{Audit, Privacy},
    calls::{Answers, Cache, Query},
    cases::Case,
    clients::Client,
    listen::Listen,
    log::Log,
    systems::{AsRead, Systems},
    tls::Tls,
    traces::Traces,
    wrong_credentials::Switched,
};
use crate::{
    config::{Config, Digest},
    domain::Rules,
};

/// What could be read of a file, findings or not; what could not is `None`. For checks that need
/// more than the file: whether a key fits its certificate, whether a dialect can be compiled.
#[derive(Debug)]
pub struct Draft {
    /// `listen`
    pub listen: Option<Listen>,
    /// `listen.tls`, also where the rest of `listen` cannot be used.
    pub tls: Option<Tls>,
    /// `admin`
    pub admin: Option<Admin>,
    /// `clients`
    pub clients: Vec<Client>,
    /// `deadline`
    pub deadline: Option<Duration>,
    /// `answer_within`
    pub answer_within: Option<Duration>,
    /// `query`
    pub query: Option<Query>,
    /// `sap`, or `systems` and `routes`
    pub systems: Option<Systems>,
    /// The same where something in them cannot be used; with something harmless in its place. Only for
    /// looking what else is wrong: what follows from a key with a finding is none.
    pub systems_as_read: Vec<AsRead>,
    /// `cache`
    pub cache: Option<Cache>,
    /// `rules`
    pub rules: Option<Rules>,
    /// `tests`; none where what they are decided by has findings.
    pub tests: Vec<Case>,
    /// `log`
    pub log: Option<Log>,
    /// The same where a key of it is wrong.
    pub log_as_read: Option<Log>,
    /// `traces`
    pub traces: Option<Traces>,
    /// `audit`, where it stands there and can be used.
    pub audit: Option<Audit>,
    pub(super) privacy: Privacy,
    /// `shutdown`
    pub shutdown: Option<Shutdown>,
    pub(super) answers: Answers,
    pub(super) anybody_may_ask: bool,
    /// `wrong_credentials`
    pub(super) wrong_credentials: Option<Switched>,
}

impl Draft {
    pub(super) fn finish(
        self,
        files: Vec<PathBuf>,
        contents: Vec<(PathBuf, Digest)>,
        notes: Vec<String>,
    ) -> Option<Config> {
        Some(Config {
            listen: self.listen?,
            admin: self.admin?,
            answers: self.answers,
            clients: self.clients,
            anybody_may_ask: self.anybody_may_ask,
            wrong_credentials: self.wrong_credentials?.0,
            deadline: self.deadline?,
            answer_within: self.answer_within?,
            query: self.query?,
            systems: self.systems?,
            cache: self.cache?,
            rules: self.rules?,
            tests: self.tests,
            log: self.log?,
            traces: self.traces?,
            audit: self.audit,
            privacy: self.privacy,
            shutdown: self.shutdown?,
            files,
            contents,
            notes,
        })
    }
}
