//! One call from jtel, request to answer.
//!
//! [`Gateway::handle`] always answers and always records; `Gateway::answer` is the call's way
//! from top to bottom and may leave early. Its order is a security property: proper HTTP, the
//! path, who asks, how many at once, what is asked, what SAP knows, the decision.

mod answer;
mod auth;
mod call;
mod query;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    config::Config,
    domain::{Decision, Dial, Reason, Source, decide, decide_without_sap},
    lookup::{Missed, Partners, Remembered},
    net::{Peer, wire},
    sap::{LookupError, SapClient},
    telemetry::{access::AccessLog, metrics::Metrics},
};

use answer::{Answer, dial_head};
use call::Call;

pub use answer::status_of;
pub use auth::Clients;
pub use query::{Query, QueryError};

/// What [`LookupError::label`] calls an answer that did not come in time.
const DEADLINE: &str = "deadline";

/// Answers calls. One for the process; calls share it.
pub struct Gateway {
    config: Arc<Config>,
    /// Names this set of rules in what was rendered under it.
    rules: u64,
    clients: Clients,
    places: Semaphore,
    default_head: Option<Bytes>,
    partners: Arc<Partners>,
    sap: Arc<SapClient>,
    metrics: Arc<Metrics>,
    access: Option<AccessLog>,
}

/// What a call may use to reach its decision.
enum Facts {
    /// SAP's word on the partner, and where it was.
    Known(Arc<Remembered>, Source),
    /// SAP is silent, or too slow for this call, and nothing is remembered.
    Silent { timed_out: bool },
}

impl Gateway {
    /// Puts the parts together; `access` is `None` where no records are wanted.
    pub fn new(
        config: Arc<Config>,
        sap: Arc<SapClient>,
        partners: Arc<Partners>,
        metrics: Arc<Metrics>,
        access: Option<AccessLog>,
    ) -> Self {
        let default_head = config.rules.default_pair.as_ref().map(|pair| {
            dial_head(&Dial {
                channel: &pair.channel,
                country: pair.country,
                contract_number: &pair.contract_number,
                service_number: Some(pair.service_number),
                by_default: true,
            })
        });
        Self {
            clients: Clients::new(&config),
            places: Semaphore::new(config.listen.max_calls),
            rules: 1,
            default_head,
            config,
            partners,
            sap,
            metrics,
            access,
        }
    }

    /// Answers one request and leaves exactly one record of it, also when the caller hangs up.
    pub async fn handle<B: Body>(&self, request: Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        let mut call = Call::begin(&request, peer, &self.metrics, self.access.as_ref());
        let answer = match self.answer(&request, &mut call).await {
            Ok(answer) | Err(answer) => answer,
        };
        let response = answer.response(self.config.answers, &call.id(), &request);
        call.end(&answer, response.status());
        response
    }

    /// The way of a call. What ends it early is an answer as well.
    async fn answer<B: Body>(
        &self,
        request: &Request<B>,
        call: &mut Call<'_>,
    ) -> Result<Answer, Answer> {
        wire::check(request, &self.config.listen.limits).map_err(Answer::Malformed)?;
        self.route(request)?;
        let client = self.clients.who_asks(request.headers()).ok_or(Answer::UNAUTHORIZED)?;
        call.asked_by(client);
        let _place = self.admit()?;
        let query = Query::read(request.uri().query().unwrap_or_default(), &self.config.query)
            .map_err(|fault| Answer::BadQuery(fault.to_string()))?;

        let facts = self.look_up(&query, call).await;

        let (decision, source) = match &facts {
            Facts::Known(known, source) => {
                (decide(&known.lookup, &query.dialled, &self.config.rules), *source)
            }
            Facts::Silent { .. } => (decide_without_sap(&self.config.rules), Source::Default),
        };
        match (decision, &facts) {
            (Decision::Dial(dial), _) => Ok(Answer::Dial(self.head(&dial, &facts), source)),
            (Decision::Refuse(Reason::SapUnavailable), Facts::Silent { timed_out }) => {
                Err(Answer::SapUnavailable { timed_out: *timed_out })
            }
            (Decision::Refuse(reason), _) => Err(Answer::Refuse(reason, source)),
        }
    }

    fn route<B>(&self, request: &Request<B>) -> Result<(), Answer> {
        if request.uri().path() != self.config.listen.path {
            return Err(Answer::NotFound);
        }
        match *request.method() {
            Method::GET | Method::HEAD => Ok(()),
            _ => Err(Answer::MethodNotAllowed),
        }
    }

    fn admit(&self) -> Result<SemaphorePermit<'_>, Answer> {
        self.places.try_acquire().map_err(|_full| Answer::Refuse(Reason::Overloaded, Source::None))
    }

    /// Memory, then SAP, then what SAP said last.
    async fn look_up(&self, query: &Query, call: &mut Call<'_>) -> Facts {
        let (partner, dialled) = (query.partner, query.dialled);
        let ask = || {
            let sap = Arc::clone(&self.sap);
            let deadline = Instant::now() + self.config.sap.total_timeout;
            async move { sap.look_up(partner, Some(&dialled), deadline).await }
        };
        let deadline = call.started() + self.config.deadline;
        let found = if self.sap.asks_by_phone() {
            self.partners.ask_only(deadline, ask()).await
        } else {
            self.partners.find(partner, deadline, ask).await
        };
        let missed: Missed<LookupError> = match found {
            Ok(known) => {
                call.waited_for_sap(known.waited);
                return Facts::Known(known.remembered, known.source);
            }
            Err(missed) => missed,
        };
        let label = match &missed {
            Missed::Sap(error) => error.label(),
            Missed::Deadline => DEADLINE,
            Missed::Lost(lost) => {
                tracing::error!(call = %call.id(), %lost, "a lookup ended without a result");
                "lost"
            }
        };
        call.sap_was_silent(label);
        match self.partners.last_good(partner).await {
            Some(remembered) => Facts::Known(remembered, Source::LastGood),
            None => Facts::Silent { timed_out: label == DEADLINE },
        }
    }

    /// The part of the answer that is the same for every call about this partner.
    fn head(&self, dial: &Dial<'_>, facts: &Facts) -> Bytes {
        match (dial.by_default, &self.default_head, facts) {
            (false, _, Facts::Known(known, _)) => {
                known.head(self.rules, dial.service_number, || dial_head(dial)).head.clone()
            }
            (true, Some(head), _) => head.clone(),
            _ => dial_head(dial),
        }
    }
}
