//! How a question is put: by which path, and in which form.

use http::{Method, Request};

use super::{
    NO_ID, Question,
    answer::Answer,
    caller,
    drop_in::{self, DropInError, Wanted},
    facts::Route,
    query::Query,
    terms::Terms,
};
use crate::{config::Config, domain::PartnerId};

/// How a question is put, and so how it is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// jtel's own two parameters.
    Own,
    /// As Cloud for Customer is asked.
    DropIn,
    /// About somebody who calls.
    Caller,
}

impl From<Form> for Route {
    fn from(form: Form) -> Self {
        match form {
            Form::Own | Form::DropIn => Self::OnClickToDial,
            Form::Caller => Self::CallerInformation,
        }
    }
}

/// What is asked for, and whether by a method that may.
/// Also the path it came to, where only some routes have it.
pub(super) fn route<'r, B>(
    request: &'r Request<B>,
    config: &Config,
) -> Result<(Form, Option<&'r str>), Answer> {
    let listen = &config.listen;
    let is_caller =
        |path: &str| listen.caller_information.as_ref().is_some_and(|asked| asked.path == path);
    let form = match request.uri().path() {
        path if path == listen.path => (Form::Own, None),
        drop_in::PATH if listen.drop_in => (Form::DropIn, None),
        path if is_caller(path) => (Form::Caller, None),
        path if config.systems.have_path(path) => (Form::Own, Some(path)),
        _ => return Err(Answer::NotFound),
    };
    match *request.method() {
        Method::GET | Method::HEAD => Ok(form),
        _ => Err(Answer::MethodNotAllowed),
    }
}

/// What is asked.
pub(super) fn question(form: Form, query: &str, terms: &Terms) -> Result<Question, Answer> {
    let rules = &terms.config.query;
    match form {
        Form::Caller => caller::question(query, terms),
        Form::Own => Query::read(query, rules)
            .map(|query| Question { partner: query.partner, dialled: Some(query.dialled) })
            .map_err(|fault| Answer::BadQuery(fault.to_string())),
        Form::DropIn => Wanted::read(query, rules)
            .and_then(|wanted| wanted_of(wanted, terms))
            .map_err(|fault| Answer::BadQuery(fault.to_string())),
    }
}

/// A question by number needs a dialect that asks by number, and nothing else does for one by ID.
/// The configuration sees to it that all systems are of one kind.
fn wanted_of(wanted: Wanted, terms: &Terms) -> Result<Question, DropInError> {
    let by_phone = terms.systems.first().is_some_and(|sap| sap.asks_only_by_phone());
    match (wanted, by_phone) {
        (Wanted::Customer(partner), false) => Ok(Question { partner, dialled: None }),
        // Such a dialect looks at no ID and remembers nothing under one.
        (Wanted::Phone(number), true) => {
            Ok(Question { partner: PartnerId::parse(NO_ID)?, dialled: Some(number) })
        }
        (Wanted::Phone(_), false) => Err(DropInError::ByPhone),
        (Wanted::Customer(_), true) => Err(DropInError::ById),
    }
}
