//! The channels that SAP has at all, from the value help of the dialect: for `dialgate coverage`,
//! never for a call.

use http::uri::PathAndQuery;

use crate::config;
use crate::sap::{
    dialect::path::{Absent, Path},
    error::{ReplyProblem, not_json},
    problem::DialectProblem,
    reply::json::{self, Node},
};

/// The request and its paths, ready for use.
#[derive(Debug)]
pub(in crate::sap) struct ValueHelp {
    pub(in crate::sap) target: PathAndQuery,
    rows: Path,
    code: Path,
    text: Path,
}

/// One channel that SAP has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SapChannel {
    /// SAP's code: `01`.
    pub code: String,
    /// SAP's text in the configured language.
    pub text: String,
}

impl ValueHelp {
    /// `key` is where the dialect stands in the configuration.
    pub(in crate::sap) fn compile(
        help: &config::ValueHelp,
        sap: &config::Sap,
        key: &str,
    ) -> Result<Self, Vec<DialectProblem>> {
        let mut problems = Vec::new();
        let mut wrong = |member: &str, message: String| {
            problems.push(DialectProblem::new(format!("{key}.value_help.{member}"), message));
        };
        let prefix = sap.url.path().trim_end_matches('/');
        let request = help.request.replace("{language}", &sap.language);
        let client = sap.client.as_deref().map(|client| {
            let joint = if request.contains('?') { '&' } else { '?' };
            format!("{joint}sap-client={client}")
        });
        let target = format!("{prefix}{request}{}", client.unwrap_or_default());
        let target = target
            .parse::<PathAndQuery>()
            .ok()
            .filter(|_| request.starts_with('/') && !request.contains(['{', '}', ' ', '\'', '"']));
        if target.is_none() {
            wrong("request", "is no path and query; of values it may have only {language}".into());
        }
        let mut path = |member: &str, text: &str| {
            Path::compile(text).map_err(|problem| wrong(member, problem.to_string())).ok()
        };
        let (rows, code) = (path("rows", &help.rows), path("code", &help.code));
        let text = path("text", &help.text);
        match (target, rows, code, text) {
            (Some(target), Some(rows), Some(code), Some(text)) => {
                Ok(Self { target, rows, code, text })
            }
            _ => Err(problems),
        }
    }

    pub(in crate::sap) fn read(&self, body: &[u8]) -> Result<Vec<SapChannel>, ReplyProblem> {
        let root = json::read(body).map_err(|error| not_json(body, &error))?.root;
        let rows = self.rows.rows(&root, Absent::IsAMistake)?;
        let one = |path: &Path, row: &Node<'_>| -> Result<String, ReplyProblem> {
            let nodes = path.nodes(row)?;
            Ok(nodes.first().and_then(|node| node.as_text()).unwrap_or_default().to_owned())
        };
        rows.into_iter()
            .map(|row| Ok(SapChannel { code: one(&self.code, row)?, text: one(&self.text, row)? }))
            .collect()
    }
}
