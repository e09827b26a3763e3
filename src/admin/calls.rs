//! What became of the calls lately, where that is nothing that a caller can use: whoever was not let in,
//! whoever was sent away, whoever hung up, and whoever was refused because of SAP.

use std::collections::BTreeMap;

use super::problems::Problem;
use crate::{gateway::UNKNOWN_CLIENT, telemetry::metrics::Reading};

/// Fewer calls say nothing.
const FEW: f64 = 3.0;

/// So many of a minute say enough about it; otherwise the last five minutes count.
const ENOUGH: f64 = 10.0;

/// Of a hundred calls: callers feel it.
const FELT_PERCENT: f64 = 10.0;

/// Of a hundred calls: the rate of `DialgateAnswersBurnFast`.
const NOTICED_PERCENT: f64 = 1.44;

/// Of a hundred calls: it is no scanner that names nobody we know, but most likely jtel.
const MOST_PERCENT: f64 = 50.0;

/// Logins of strangers in five minutes: the rate of `DialgateStrangersKnock`.
const KNOCKS: f64 = 50.0;

/// Calls so far, or of some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calls {
    pub(super) all: f64,
    /// The caller hung up, or was cut off.
    pub(super) unanswered: f64,
    /// Too many at once.
    pub(super) overloaded: f64,
    /// Refused because of SAP.
    pub(super) without_sap: f64,
    /// Without a name and password that count.
    pub(super) unauthorized: f64,
    /// Questions that cannot be read.
    pub(super) unreadable: f64,
    /// Failed logins by the client that was named.
    failed_logins: BTreeMap<String, f64>,
    spans_lost: f64,
}

/// The calls of the last minute, and of the last five.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lately {
    pub(super) minute: Calls,
    pub(super) minutes: Calls,
    /// Those without an answer have stopped.
    pub(super) late_are_over: bool,
    /// And those refused because of SAP.
    pub(super) without_sap_are_over: bool,
    /// And those without a password that counts.
    pub(super) unauthorized_are_over: bool,
}

impl Calls {
    /// So far.
    pub(super) fn of(reading: &Reading) -> Self {
        const CALLS: &str = "dialgate_calls_total";
        let because = |reason: &str| reading.sum(CALLS, &[("reason", &[reason])]);
        let logins = reading.by_label("dialgate_client_failed_logins_total", "client");
        Self {
            all: reading.sum(CALLS, &[]),
            unanswered: because("unanswered"),
            overloaded: because("overloaded"),
            without_sap: because("sap_unavailable"),
            unauthorized: because("unauthorized"),
            unreadable: because("bad_query"),
            failed_logins: logins.map(|(client, failed)| (client.to_owned(), failed)).collect(),
            spans_lost: reading.sum("dialgate_spans_lost_total", &[]),
        }
    }

    /// Those since.
    pub(super) fn since(&self, before: &Self) -> Self {
        let of = |client: &String| before.failed_logins.get(client).copied().unwrap_or_default();
        let logins = self.failed_logins.iter();
        Self {
            all: self.all - before.all,
            unanswered: self.unanswered - before.unanswered,
            overloaded: self.overloaded - before.overloaded,
            without_sap: self.without_sap - before.without_sap,
            unauthorized: self.unauthorized - before.unauthorized,
            unreadable: self.unreadable - before.unreadable,
            failed_logins: logins
                .map(|(client, failed)| (client.clone(), failed - of(client)))
                .collect(),
            spans_lost: self.spans_lost - before.spans_lost,
        }
    }

    /// Without an answer that somebody can use, for whatever reason but the question itself.
    pub(super) fn failed(&self) -> f64 {
        self.late() + self.without_sap + self.unauthorized
    }

    /// Of somebody who may ask, and who asks something.
    pub(super) fn proper(&self) -> f64 {
        self.all - self.unauthorized - self.unreadable
    }

    pub(super) fn late(&self) -> f64 {
        self.unanswered + self.overloaded
    }

    /// These are some, and more of a hundred than that.
    fn are_over(&self, some: f64, percent: f64) -> bool {
        some >= FEW && some * 100.0 >= self.all * percent
    }
}

impl Lately {
    /// What is wrong with the calls, and whose fault it is: jtel's, dialgate's or SAP's.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let (calls, when) = if self.minute.all >= ENOUGH {
            (&self.minute, "in the last minute")
        } else {
            (&self.minutes, "in the last five minutes")
        };
        let mut all = self.of_logins(calls, when);
        all.extend(self.of_answers(calls, when));
        if calls.are_over(calls.without_sap, FELT_PERCENT) {
            all.push(Problem {
                what: format!(
                    "SAP had no usable answer for {:.0} of {:.0} calls {when}, and they were refused",
                    calls.without_sap, calls.all
                ),
                todo: "The log and `dialgate_sap_requests_total` by `outcome` say what it did instead; \
                       `dialgate explain CALL-ID` tells it of one call."
                    .to_owned(),
                runbook: "DialgateSapDataBurnFast",
                is_urgent: !self.without_sap_are_over,
            });
        }
        if self.minutes.spans_lost > 0.0 {
            all.push(Problem {
                what: format!(
                    "{:.0} spans were lost in the last five minutes; calls do not wait for them",
                    self.minutes.spans_lost
                ),
                todo: "See whether the collector of traces.otlp is there; the metric says why."
                    .to_owned(),
                runbook: "DialgateSpansLost",
                is_urgent: false,
            });
        }
        all
    }

    fn of_logins(&self, calls: &Calls, when: &str) -> Vec<Problem> {
        let by_client = |of: &Calls, client: &str| of.failed_logins.get(client).copied();
        let mut all = Vec::new();
        for client in self.minutes.failed_logins.keys().filter(|name| *name != UNKNOWN_CLIENT) {
            let lately = by_client(calls, client).unwrap_or_default();
            let is_urgent = !self.unauthorized_are_over && calls.are_over(lately, FELT_PERCENT);
            let slowly = by_client(&self.minutes, client).unwrap_or_default();
            if !is_urgent && slowly < FEW {
                continue;
            }
            let (count, of, when) = if is_urgent {
                (lately, calls.all, when)
            } else {
                (slowly, self.minutes.all, "in the last five minutes")
            };
            all.push(Problem {
                what: format!(
                    "logins of {client} fail for a wrong password: {count:.0} of {of:.0} calls {when}"
                ),
                todo: "Compare the field \"Authorization Token\" in jtel with clients in the configuration; \
                       `dialgate secret new NAME` makes a new pair."
                    .to_owned(),
                runbook: "DialgateLoginsFail",
                is_urgent,
            });
        }
        let knocks = by_client(calls, UNKNOWN_CLIENT).unwrap_or_default();
        let is_urgent = !self.unauthorized_are_over && calls.are_over(knocks, MOST_PERCENT);
        if is_urgent || self.minutes.failed_logins.get(UNKNOWN_CLIENT) > Some(&KNOCKS) {
            all.push(Problem {
                what: format!(
                    "somebody without a name that we know is sent away: {knocks:.0} of {:.0} calls {when}",
                    calls.all
                ),
                todo: "If it is jtel, its \"Authorization Token\" is missing or names somebody else; keep \
                       everybody else away at the firewall. Access records with reason \
                       `unauthorized` have the peer."
                    .to_owned(),
                runbook: "DialgateStrangersKnock",
                is_urgent,
            });
        }
        all
    }

    fn of_answers(&self, calls: &Calls, when: &str) -> Option<Problem> {
        let is_urgent = !self.late_are_over && calls.are_over(calls.late(), FELT_PERCENT);
        let (calls, when) = match is_urgent {
            true => (calls, when),
            false if self.minutes.are_over(self.minutes.late(), NOTICED_PERCENT) => {
                (&self.minutes, "in the last five minutes")
            }
            false => return None,
        };
        let mut parts = Vec::new();
        let mut todo = String::new();
        if calls.overloaded > 0.0 {
            parts.push(format!("dialgate sent {:.0} away (overloaded)", calls.overloaded));
            todo += "Too much at once: see listen.max_calls, sap.max_in_flight, and whether SAP has become slow. ";
        }
        if calls.unanswered > 0.0 {
            parts.push(format!("jtel hung up on {:.0} (unanswered)", calls.unanswered));
            todo += "deadline has to be shorter than the time after which jtel gives up. ";
        }
        Some(Problem {
            what: format!(
                "{:.0} of {:.0} calls {when} got no answer: {}",
                calls.late(),
                calls.all,
                parts.join(", ")
            ),
            todo: todo.trim_end().to_owned(),
            runbook: "DialgateAnswersBurnFast",
            is_urgent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(all: f64) -> Calls {
        Calls { all, ..Calls::default() }
    }

    fn of_login(client: &str, failed: f64, all: f64) -> Calls {
        let failed_logins = [(client.to_owned(), failed)].into();
        Calls { unauthorized: failed, failed_logins, ..calls(all) }
    }

    fn told(minute: Calls, minutes: Calls) -> Vec<(&'static str, bool)> {
        let problems = Lately { minute, minutes, ..Lately::default() }.problems();
        problems.iter().map(|problem| (problem.runbook, problem.is_urgent)).collect()
    }

    #[test]
    fn what_callers_feel_is_urgent_and_a_few_of_many_are_not() {
        let overloaded = |count, all| Calls { overloaded: count, ..calls(all) };
        let without_sap = |count, all| Calls { without_sap: count, ..calls(all) };
        let lost = Calls { spans_lost: 2.0, ..calls(20.0) };
        for (minute, minutes, expected) in [
            (calls(60.0), calls(300.0), vec![]),
            (
                of_login("jtel", 60.0, 60.0),
                of_login("jtel", 60.0, 60.0),
                vec![("DialgateLoginsFail", true)],
            ),
            (
                of_login("jtel", 2.0, 600.0),
                of_login("jtel", 9.0, 3000.0),
                vec![("DialgateLoginsFail", false)],
            ),
            (
                of_login("jtel", 1.0, 1.0),
                of_login("jtel", 4.0, 5.0),
                vec![("DialgateLoginsFail", true)],
            ),
            (of_login("jtel", 1.0, 1.0), of_login("jtel", 1.0, 1.0), vec![]),
            (calls(60.0), of_login("jtel", 60.0, 200.0), vec![("DialgateLoginsFail", false)]),
            (
                of_login("unknown", 30.0, 60.0),
                of_login("unknown", 30.0, 60.0),
                vec![("DialgateStrangersKnock", true)],
            ),
            (
                of_login("unknown", 20.0, 600.0),
                of_login("unknown", 60.0, 3000.0),
                vec![("DialgateStrangersKnock", false)],
            ),
            (of_login("unknown", 9.0, 600.0), of_login("unknown", 9.0, 3000.0), vec![]),
            (
                overloaded(39.0, 40.0),
                overloaded(39.0, 40.0),
                vec![("DialgateAnswersBurnFast", true)],
            ),
            (
                overloaded(0.0, 400.0),
                overloaded(50.0, 2000.0),
                vec![("DialgateAnswersBurnFast", false)],
            ),
            (
                without_sap(6.0, 60.0),
                without_sap(6.0, 60.0),
                vec![("DialgateSapDataBurnFast", true)],
            ),
            (without_sap(1.0, 60.0), without_sap(1.0, 60.0), vec![]),
            (lost.clone(), lost, vec![("DialgateSpansLost", false)]),
        ] {
            let case = format!("{minute:?} {minutes:?}");
            assert_eq!(told(minute, minutes), expected, "{case}");
        }
    }

    #[test]
    fn what_is_over_is_urgent_no_more() {
        let minute = Calls { overloaded: 30.0, without_sap: 10.0, ..of_login("jtel", 20.0, 60.0) };
        let lately = Lately { minutes: minute.clone(), minute, ..Lately::default() };
        assert!(lately.problems().iter().all(|problem| problem.is_urgent));

        let over = Lately {
            late_are_over: true,
            without_sap_are_over: true,
            unauthorized_are_over: true,
            ..lately
        };

        assert_eq!(over.problems().len(), 3);
        assert!(over.problems().iter().all(|problem| !problem.is_urgent));
    }

    #[test]
    fn it_is_told_whose_fault_it_is() {
        let minute = Calls { overloaded: 30.0, unanswered: 4.0, ..calls(40.0) };
        let [problem] =
            &*Lately { minute: minute.clone(), minutes: minute, ..Lately::default() }.problems()
        else {
            panic!("one problem")
        };

        assert_eq!(
            problem.what,
            "34 of 40 calls in the last minute got no answer: dialgate sent 30 away (overloaded), \
             jtel hung up on 4 (unanswered)"
        );
        assert!(problem.todo.contains("listen.max_calls") && problem.todo.contains("deadline"));
    }
}
