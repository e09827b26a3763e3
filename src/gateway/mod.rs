//! One call from jtel, request to answer.
//!
//! [`Gateway::handle`] always answers and always records; `Gateway::answer` is the call's way
//! from top to bottom and may leave early. Its order is a security property: proper HTTP, the
//! path, who asks, how many at once, what is asked, what SAP knows, the decision.

mod answer;
mod auth;
mod call;
mod drop_in;
mod facts;
mod metrics;
mod query;
mod record;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    config::Config,
    domain::{
        CallerId, ContractNumber, Decision, DefaultPair, Dial, DialledNumber, PartnerId, Reason,
        Source, decide, decide_without_sap,
    },
    lookup::{Found, Inquiry, Partners, Silence},
    net::{Peer, wire},
    sap::{SapClient, SapOutcome},
    telemetry::metrics::NetMetrics,
};

use answer::{Answer, Text, dial_head};
use call::Call;
use drop_in::{DropInError, Wanted};

pub use answer::status_of;
pub use auth::Clients;
pub use facts::{CallFacts, HttpVersion, Verb, Verdict};
pub use metrics::CallMetrics;
pub use query::{Query, QueryError};
pub use record::{AccessLog, start_access_log};

/// Stands for the ID of a partner that is asked for by number.
const NO_ID: &str = "0";

/// Answers calls. One for the process; calls share it.
pub struct Gateway {
    config: Arc<Config>,
    /// Names this set of rules in what was rendered under it.
    rules: u64,
    clients: Clients,
    places: Semaphore,
    /// Rendered ahead: the default pair and the fallbacks.
    ready_heads: Vec<(ContractNumber, Bytes)>,
    partners: Arc<Partners>,
    sap: Arc<SapClient>,
    metrics: Arc<CallMetrics>,
    net: Arc<NetMetrics>,
    access: Option<AccessLog>,
}

/// How a question is put, and so how it is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// jtel's own two parameters.
    Own,
    /// As Cloud for Customer is asked.
    DropIn,
}

/// What is asked, in whichever form.
struct Question {
    partner: PartnerId,
    dialled: Option<DialledNumber>,
}

impl Gateway {
    /// Puts the parts together; `access` is `None` where no records are wanted.
    pub fn new(
        config: Arc<Config>,
        sap: Arc<SapClient>,
        partners: Arc<Partners>,
        metrics: Arc<CallMetrics>,
        net: Arc<NetMetrics>,
        access: Option<AccessLog>,
    ) -> Self {
        let pairs = config.rules.default_pair.iter().chain(config.rules.fallbacks.values());
        let ready_heads =
            pairs.map(|pair| (pair.contract_number.clone(), pair_head(pair))).collect();
        Self {
            clients: Clients::new(&config),
            places: Semaphore::new(config.listen.max_calls),
            rules: 1,
            ready_heads,
            config,
            partners,
            sap,
            metrics,
            net,
            access,
        }
    }

    /// Answers one request and leaves exactly one record of it, also when the caller hangs up.
    pub async fn handle<B: Body>(&self, request: Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        let mut call = Call::begin(&request, peer, &self.metrics, &self.net, self.access.as_ref());
        let answer = match self.answer(&request, &mut call).await {
            Ok(answer) | Err(answer) => answer,
        };
        let response = answer.response(self.config.answers, &call.id(), &request);
        call.end(answer.verdict(), response.status());
        response
    }

    /// The way of a call. What ends it early is an answer as well.
    async fn answer<B: Body>(
        &self,
        request: &Request<B>,
        call: &mut Call<'_>,
    ) -> Result<Answer, Answer> {
        wire::check(request, &self.config.listen.limits).map_err(Answer::Malformed)?;
        let form = self.route(request)?;
        let client = self.clients.who_asks(request.headers()).ok_or(Answer::UNAUTHORIZED)?;
        call.asked_by(client);
        let _place = self.admit()?;
        let question = self.question(form, request.uri().query().unwrap_or_default())?;

        let found = self.look_up(&question, request.headers(), call).await;

        let (dialled, rules) = (question.dialled.as_ref(), &self.config.rules);
        let (decision, source) = match &found.known {
            Some(known) => (decide(&known.lookup, dialled, rules), found.source),
            None => (decide_without_sap(dialled, rules), Source::Default),
        };
        match decision {
            Decision::Dial(dial) => {
                let text = match form {
                    Form::Own => Text::Head(self.head(&dial, &found)),
                    Form::DropIn => Text::Whole(drop_in::body(&dial)),
                };
                Ok(Answer::Dial(text, source, dial.caller_id))
            }
            Decision::Refuse(Reason::SapUnavailable) => Err(without_sap(found.silence.as_ref())),
            Decision::Refuse(reason) => Err(Answer::Refuse(reason, source)),
        }
    }

    fn route<B>(&self, request: &Request<B>) -> Result<Form, Answer> {
        let form = match request.uri().path() {
            path if path == self.config.listen.path => Form::Own,
            drop_in::PATH if self.config.listen.drop_in => Form::DropIn,
            _ => return Err(Answer::NotFound),
        };
        match *request.method() {
            Method::GET | Method::HEAD => Ok(form),
            _ => Err(Answer::MethodNotAllowed),
        }
    }

    fn question(&self, form: Form, query: &str) -> Result<Question, Answer> {
        let rules = &self.config.query;
        match form {
            Form::Own => Query::read(query, rules)
                .map(|query| Question { partner: query.partner, dialled: Some(query.dialled) })
                .map_err(|fault| Answer::BadQuery(fault.to_string())),
            Form::DropIn => match drop_in::read(query, rules) {
                Ok(wanted) => self.wanted(wanted),
                Err(fault) => Err(fault),
            }
            .map_err(|fault| Answer::BadQuery(fault.to_string())),
        }
    }

    /// A question by number needs a dialect that asks by number, and nothing else does for one by ID.
    fn wanted(&self, wanted: Wanted) -> Result<Question, DropInError> {
        match (wanted, self.sap.asks_only_by_phone()) {
            (Wanted::Customer(partner), false) => Ok(Question { partner, dialled: None }),
            // Such a dialect looks at no ID and remembers nothing under one.
            (Wanted::Phone(number), true) => {
                Ok(Question { partner: PartnerId::parse(NO_ID)?, dialled: Some(number) })
            }
            (Wanted::Phone(_), false) => Err(DropInError::ByPhone),
            (Wanted::Customer(_), true) => Err(DropInError::ById),
        }
    }

    fn admit(&self) -> Result<SemaphorePermit<'_>, Answer> {
        self.places.try_acquire().map_err(|_full| Answer::Refuse(Reason::Overloaded, Source::None))
    }

    /// What SAP knows of the partner, and where that is from.
    async fn look_up(
        &self,
        question: &Question,
        headers: &HeaderMap,
        call: &mut Call<'_>,
    ) -> Found {
        let inquiry = Inquiry {
            partner: question.partner,
            dialled: question.dialled.as_ref(),
            sap: &self.sap,
            times: &self.config.cache,
            answer_within: self.config.answer_within,
            started: call.started(),
            deadline: call.started() + self.config.deadline,
        };
        let found = self.partners.find(&inquiry, || call.trace(headers)).await;
        call.looked_up(&found);
        found
    }

    /// The part of the answer that is the same for every call about this partner.
    fn head(&self, dial: &Dial<'_>, found: &Found) -> Bytes {
        let is_own = !dial.by_default && dial.caller_id != CallerId::Fallback;
        if let (true, Some(known)) = (is_own, &found.known) {
            return known.head(self.rules, dial.service_number, || dial_head(dial));
        }
        let ready = self.ready_heads.iter().find(|(of, _)| of == dial.contract_number);
        ready.map_or_else(|| dial_head(dial), |(_, head)| head.clone())
    }
}

/// Nothing is known of the partner, and the rules dial nobody then.
fn without_sap(silence: Option<&Silence>) -> Answer {
    match silence {
        Some(silence) if silence.is_our_own_queue() => {
            Answer::Refuse(Reason::Overloaded, Source::None)
        }
        silence => {
            let outcome = silence.map(Silence::outcome);
            Answer::SapUnavailable { timed_out: outcome == Some(SapOutcome::Deadline) }
        }
    }
}

/// A pair of the rules as an answer shows it.
fn pair_head(pair: &DefaultPair) -> Bytes {
    dial_head(&Dial {
        channel: &pair.channel,
        country: pair.country,
        contract_number: &pair.contract_number,
        service_number: Some(pair.service_number),
        by_default: true,
        caller_id: CallerId::Unchecked,
    })
}
