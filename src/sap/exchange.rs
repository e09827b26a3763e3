//! One request to SAP: which credentials go along, how often it is sent, and what its answer is.

use std::{pin::pin, sync::Arc};

use http::header;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tracing::{debug, warn};

use super::{
    asking::{Asking, Until, outcome_of, refused},
    client::SapClient,
    dialect::value_help::SapChannel,
    door::{Pass, Urgency},
    error::{LookupError, ReplyProblem, TokenProblem},
    link::{
        encoding::Encoding,
        transport::{BodyError, Over, read_body},
        upstreams::{Reached, Sending},
    },
    login::{Credentials, Showing},
    outcome::SapOutcome,
    reply::{
        Head, Read, Reader, Sought,
        said::{self},
        shows_page,
    },
    requests::Requests,
};
use crate::domain::{Lookup, PartnerId};

/// Longest wait for what SAP has to say about an error.
const MOMENT: Duration = Duration::from_millis(250);

/// What the status and the headers of an answer leave to be read.
enum Answer {
    Body(Vec<u8>),
    /// The status was the answer.
    Status(Lookup),
}

impl SapClient {
    /// One request of a lookup, and one more try where that may help and the budget has one. An
    /// answer about somebody else may have been left over on a kept connection: that costs a fresh one,
    /// and nothing of the budget.
    pub(super) async fn request(
        &self,
        pass: &Pass,
        asking: &mut Asking<'_>,
    ) -> Result<Read, LookupError> {
        let first = self.once(pass, asking).await;
        match first {
            Err(LookupError::Reply { problem: ReplyProblem::WrongRecord, .. })
                if asking.over_kept =>
            {
                debug!(upstream = %self.host, "asking SAP once more over a fresh connection");
                asking.again();
                self.once(pass, asking).await
            }
            Err(error) if error.is_transient() && self.door.retries.take() => {
                debug!(upstream = %self.host, kind = error.label(), "asking SAP once more");
                self.door.metrics.door.retried();
                asking.again();
                self.once(pass, asking).await
            }
            result => result,
        }
    }

    /// The channels that SAP has; `None` where the dialect has no value help.
    ///
    /// # Errors
    ///
    /// What SAP or the network did instead of answering.
    pub async fn value_help(
        &self,
        deadline: Instant,
    ) -> Result<Option<Vec<SapChannel>>, LookupError> {
        let (Some(help), Some(step)) = (&self.value_help, self.steps.first()) else {
            return Ok(None);
        };
        let Ok(nobody) = PartnerId::parse("0") else { return Ok(None) };
        let pass = self.enter(Urgency::Refresh, deadline).await?;
        let name: Arc<str> = "value_help".into();
        let requests = Requests::default();
        let mut asking = Asking {
            name: &name,
            reader: &step.reader,
            over: Over::Alone,
            target: help.target.clone(),
            ..Asking::new(
                step,
                Sought { id: nobody, phone: None },
                (None, &requests),
                Until::Ends(deadline),
            )
        };
        let answer = self.shown(&pass, &mut asking).await;
        let result = match answer {
            Ok(Answer::Body(body)) => {
                help.read(&body).map_err(|problem| self.unusable(&asking, problem))
            }
            // A status that means "no such partner" is no list of channels.
            Ok(Answer::Status(_)) => {
                let status = asking.status.unwrap_or_default();
                let host = Arc::clone(&self.host);
                Err(LookupError::Status { host, status, retry_after: None, code: None })
            }
            Err(error) => Err(error),
        };
        let settled = result.as_ref().map(|_channels| &Lookup::Unknown);
        let outcome = result.as_ref().map_or_else(LookupError::outcome, |_| SapOutcome::Found);
        if let Some(sent) = &mut asking.sent {
            sent.ended(outcome);
        }
        pass.settle(None, settled);
        result.map(Some)
    }

    /// Sends the request, reads the answer, and tells the metrics.
    async fn once(&self, pass: &Pass, asking: &mut Asking<'_>) -> Result<Read, LookupError> {
        let started = Instant::now();
        let answer = self.shown(pass, asking).await;
        let result = match answer {
            Ok(Answer::Body(body)) => {
                let read = asking.reader.body(asking.sought, &body).map_err(|problem| {
                    if let ReplyProblem::ErrorBody { .. } = &problem {
                        asking.said = said::read(&body);
                    }
                    self.unusable(asking, problem)
                });
                asking.body = Some(body);
                read
            }
            Ok(Answer::Status(lookup)) => Ok(Read::Known(lookup)),
            Err(error) => Err(error),
        };
        debug!(upstream = %self.host, step = %asking.name, outcome = outcome_of(&result).label(),
            took_ms = started.elapsed().as_millis(), "asked SAP");
        if let Some(sent) = &mut asking.sent {
            sent.ended(outcome_of(&result));
        }
        asking.requests.ended(outcome_of(&result));
        result
    }

    /// Shows our credentials, and tells them what SAP thinks of them.
    async fn shown(&self, pass: &Pass, asking: &mut Asking<'_>) -> Result<Answer, LookupError> {
        loop {
            pass.check()?;
            let credentials = self.door.login.current();
            // Only now: whoever went before may just have been refused, or the secret has changed.
            let Ok(mut alone) = credentials.verdict.admit().await else {
                self.door.metrics.not_asked(SapOutcome::Credentials);
                return Err(self.door.login.refusal(&self.host));
            };
            pass.request().await?;
            let mut sent = self.door.metrics.asking();
            let until = asking.until;
            let answer = {
                let mut exchange = pin!(self.exchange(&credentials, asking));
                match (timeout_at(until.deadline(), exchange.as_mut()).await, until) {
                    (Ok(answer), _) => Some(answer),
                    (Err(_elapsed), Until::Ends(_)) => None,
                    (Err(_elapsed), Until::WaitsOn(_)) => {
                        sent.ended(SapOutcome::Deadline);
                        // It only takes its place now: the next one may find out.
                        alone = None;
                        Some(exchange.await)
                    }
                }
            };
            let answer = answer.unwrap_or_else(|| Err(self.no_answer(asking.started)));
            asking.sent = Some(sent);
            match &answer {
                Ok(_) if credentials.verdict.accept() => self.door.login_changed(),
                Err(error) if error.is_about_credentials() => {
                    credentials.verdict.refuse();
                    // The secret was changed while SAP refused the old one: that says nothing about
                    // the new one, which is shown now.
                    if !Arc::ptr_eq(&credentials, &self.door.login.current()) {
                        if let Some(sent) = &mut asking.sent {
                            sent.ended(error.outcome());
                        }
                        continue;
                    }
                }
                Ok(_) | Err(_) => {}
            }
            drop(alone);
            return answer;
        }
    }

    /// The head of an answer. A token that SAP refuses is dropped, and the request sent once more
    /// with another one. Other credentials are never shown twice.
    async fn reach(
        &self,
        credentials: &Credentials,
        asking: &Asking<'_>,
    ) -> Result<Reached<'_>, LookupError> {
        let sending = Sending {
            target: &asking.target,
            over: asking.over,
            trace: asking.trace,
            step: asking.name,
            requests: asking.requests,
            deadline: asking.until.deadline(),
        };
        let mut may_try_again = true;
        loop {
            let began = Instant::now();
            let shown = timeout_at(asking.until.deadline(), credentials.show())
                .await
                .unwrap_or_else(|_elapsed| {
                    let host = credentials.token_host().unwrap_or_else(|| "".into());
                    Err(LookupError::Token { host, problem: TokenProblem::Deadline })
                });
            if let Some(host) = credentials.token_host() {
                let failed = shown.as_ref().err().map(LookupError::outcome);
                asking.requests.waited_for_token(&host, began, failed);
            }
            let Showing { headers, token } = shown?;
            let reached = self.upstreams.get(&headers, &sending).await?;
            let Some((tokens, token)) = &token else { return Ok(reached) };
            if reached.response.status() != http::StatusCode::UNAUTHORIZED {
                token.accept();
                return Ok(reached);
            }
            if !(tokens.reject(token) && may_try_again) {
                let host = tokens.host();
                return Err(LookupError::Token { host, problem: TokenProblem::Rejected });
            }
            may_try_again = false;
        }
    }

    /// Sends the request and reads the answer. Has no time limit of its own but the connection's.
    async fn exchange(
        &self,
        credentials: &Credentials,
        asking: &mut Asking<'_>,
    ) -> Result<Answer, LookupError> {
        let host = || Arc::clone(&self.host);
        let Reached { response, connection, transport } = self.reach(credentials, asking).await?;
        asking.over_kept = connection.was_kept;
        let (head, body) = response.into_parts();
        asking.status = Some(head.status);
        // Whoever stands in between may have read the other length, and kept the rest for somebody else.
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
            .iter()
            .all(|name| head.headers.contains_key(name))
        {
            return Err(self.unusable(asking, ReplyProblem::TwoLengths));
        }
        let known = match asking.reader.head(head.status, &head.headers) {
            Head::Json => None,
            Head::Answer(lookup) => Some(lookup),
            Head::Credentials => {
                if shows_page(&head.headers) {
                    warn!(upstream = %self.host, "SAP answers 401 with a page for people: let the endpoint accept our kind of login without a form (transaction SICF, Logon Data, Use All Logon Procedures)");
                }
                return Err(LookupError::Credentials { host: host() });
            }
            Head::Redirect => {
                return Err(LookupError::Redirect { host: host(), status: head.status });
            }
            Head::Maintenance => return Err(LookupError::Maintenance { host: host() }),
            Head::Problem(problem) => return Err(self.unusable(asking, problem)),
            kind @ (Head::UnknownIfError | Head::Forbidden | Head::Throttled | Head::Status) => {
                // The status counts for more than SAP's words about it: they get a moment.
                let body = timeout(MOMENT, read_body(body, said::MAX_BODY)).await;
                let body = body.ok().and_then(Result::ok);
                if body.is_some() && asking.over != Over::Alone {
                    transport.idle.keep(connection);
                }
                let body = body.zip(Encoding::of(&head.headers).ok());
                let body = body.and_then(|(body, packed)| packed.unpack(body, said::MAX_BODY).ok());
                asking.said = body.as_deref().and_then(said::read);
                if kind == Head::UnknownIfError && Reader::is_unknown(asking.said.as_ref()) {
                    return Ok(Answer::Status(Lookup::Unknown));
                }
                return Err(refused(host(), &kind, &head, asking.said.as_ref()));
            }
        };
        let body = read_body(body, self.max_answer_bytes).await;
        if body.is_ok() && asking.over != Over::Alone {
            transport.idle.keep(connection);
        }
        if let Some(lookup) = known {
            // The status was the answer; what else SAP says about it does not matter.
            return Ok(Answer::Status(lookup));
        }
        let body = body.map_err(|error| match error {
            BodyError::TooLarge => {
                self.unusable(asking, ReplyProblem::TooLarge { limit: self.max_answer_bytes })
            }
            BodyError::Cut(source) => LookupError::Cut { host: host(), source },
        })?;
        Encoding::of(&head.headers)
            .and_then(|encoding| encoding.unpack(body, self.max_answer_bytes))
            .map(Answer::Body)
            .map_err(|problem| self.unusable(asking, problem))
    }

    fn unusable(&self, asking: &Asking<'_>, problem: ReplyProblem) -> LookupError {
        LookupError::Reply { host: Arc::clone(&self.host), step: Arc::clone(asking.name), problem }
    }
}
