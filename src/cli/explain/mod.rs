//! `dialgate explain`: why a call shows the number it shows, step by step.
//!
//! Asks SAP itself, with the running configuration's own client and rules; nothing is remembered.
//! For the person at the terminal: it names the partner, which logs and records never do.

use std::fmt::Write;

use clap::Args;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Failure, block_on,
    output::{BAD, GOOD, HEADING, painted, print},
    reach::Reach,
};
use crate::{
    app::{self, AllMetrics},
    config::{Answers, ClientName, Config, Environment, Route, SystemName, WhenSilent},
    domain::{
        BusinessPartner, CallerId, ContractNumber, Decided, Decision, Dial, DialledNumber,
        DistributionChannel, Lookup, PartnerId, decide, decide_without_sap, rule_by_rule,
    },
    gateway::{Case, Number, place, several, status_of},
    sap::{Asked, LeftOut, Looked, LookupError, SapClient, Seen},
    telemetry::{logging::with_causes, visible},
};

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The business partner's ID, as jtel passes it on in `SAPBusinessPartnerID`; or the callId of an answer
    /// or record, to be told by the running gateway why that call was decided so.
    #[arg(value_name = "ID")]
    asked: String,
    /// The number to be dialled, as jtel passes it on in `SAPPhoneNumber`.
    phone: Option<String>,
    /// With several SAP systems: as if this client had asked; without it, the first of `clients`.
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// With several SAP systems: as if the question had come to this path; without it, listen.path.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    #[command(flatten)]
    reach: Reach,
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Everything that led to the decision.
struct Story {
    partner: PartnerId,
    dialled: Option<DialledNumber>,
    /// Of several systems the one whose word counted.
    system: Option<SystemName>,
    steps: Vec<Asked>,
    result: Result<Lookup, LookupError>,
}

impl Explain {
    pub(super) fn execute(self) -> Result<(), Failure> {
        if let Ok(call) = Uuid::try_parse(&self.asked) {
            return self.of_call(call);
        }
        let config = app::load(&self.reach.file.config, &Environment::process())?;
        let partner = PartnerId::parse(&self.asked)
            .map_err(|error| anyhow::anyhow!("SAPBusinessPartnerID {error}; jtel gets 400"))?;
        let dialled = self
            .phone
            .map(|phone| DialledNumber::parse(&phone, config.query.home))
            .transpose()
            .map_err(|error| anyhow::anyhow!("SAPPhoneNumber {error}; jtel gets 400"))?;
        let client = match self.client {
            Some(name) => ClientName::parse(&name)
                .map_err(|error| anyhow::anyhow!("--client {name} {error}"))?,
            None => {
                config.clients.first().map_or(ClientName::anybody(), |known| known.name.clone())
            }
        };
        let path = self.path.as_deref().filter(|path| *path != config.listen.path);
        let route = config.systems.route(path, &client, partner).ok_or_else(|| {
            anyhow::anyhow!(
                "no entry of routes fits the path, the client and the ID; jtel gets 403"
            )
        })?;
        let story = block_on(Story::of(&config, route, partner, dialled))??;
        print(&if self.json { story.json(&config) } else { story.text(&config) })?;
        // The story is told; that SAP gave no answer is still a failure for scripts.
        story.result.map(|_lookup| ()).map_err(|error| anyhow::Error::from(error).into())
    }
}

impl Explain {
    /// A call that is over: its gateway tells what it knows of it.
    fn of_call(&self, call: Uuid) -> Result<(), Failure> {
        let gateway = self.reach.gateway()?;
        let path = if self.json { "/explain.json" } else { "/explain" };
        let path = format!("{path}?call={call}");
        let reply = block_on(gateway.get(&path))??;
        let body = reply.body.trim_end();
        if reply.status == 200 {
            return print(&format!("{body}\n"));
        }
        Err(anyhow::anyhow!("{} answers {}: {body}", gateway.url(&path), reply.status).into())
    }
}

fn first_problem(problem: Option<crate::sap::DialectProblem>) -> anyhow::Error {
    problem.map_or_else(
        || anyhow::anyhow!("the SAP section cannot be used"),
        |problem| anyhow::anyhow!("{}: {}", problem.key, problem.message),
    )
}

impl Story {
    /// Asks the systems of the route as a call does: one after the other until one knows the partner.
    async fn of(
        config: &Config,
        route: &Route,
        partner: PartnerId,
        dialled: Option<DialledNumber>,
    ) -> anyhow::Result<Self> {
        let metrics = AllMetrics::new()?.sap;
        let mut story =
            Self { partner, dialled, system: None, steps: Vec::new(), result: Ok(Lookup::Unknown) };
        for sap in route.ask.iter().filter_map(|place| config.systems.at(*place)) {
            let client = SapClient::new(sap, metrics.of(&sap.name)?)
                .map_err(|problems| first_problem(problems.into_iter().next()))?;
            let deadline = Instant::now() + sap.total_timeout;
            let (result, steps) =
                client.look_up_traced(partner, story.dialled.as_ref(), deadline).await;
            story.steps.extend(steps);
            let is_known = !matches!(result, Ok(Lookup::Unknown) | Err(_));
            let goes_on = matches!(result, Ok(Lookup::Unknown))
                || (result.is_err() && route.when_silent == WhenSilent::AskNext);
            // Nobody is unknown whom a silent system may know.
            if story.result.is_ok() || is_known {
                story.result = result;
                story.system = config.systems.are_several().then(|| sap.name.clone());
            }
            if !goes_on {
                break;
            }
        }
        Ok(story)
    }

    fn decided<'a>(&'a self, config: &'a Config) -> Decided<'a> {
        match &self.result {
            Ok(lookup) => decide(lookup, self.dialled.as_ref(), &config.rules),
            Err(_) => decide_without_sap(self.dialled.as_ref(), &config.rules),
        }
    }

    fn because(&self, decided: &Decided<'_>, config: &Config) -> String {
        // The last record that was read is the one that was decided on.
        let looked = self.steps.iter().rev().find_map(|asked| asked.looked.as_ref());
        let number = Number::of(self.dialled.as_ref());
        Case::of(decided, self.result.as_ref().ok(), looked, number, config).because()
    }

    fn text(&self, config: &Config) -> String {
        let heading = painted(HEADING, format_args!("Partner {}", self.partner.as_str()));
        let mut text = format!("{heading}\n\n");
        let mut line = |name: &str, what: &str| {
            // Writing to a String cannot fail.
            writeln!(text, "  {name:<18}{}", visible(what)).unwrap_or_default();
        };
        if let Some(dialled) = &self.dialled {
            line("number", &format!("read as {}, {}", dialled.digits(), place(dialled.country())));
        }
        if let Some(system) = &self.system {
            line("system", system.as_str());
        }
        for asked in &self.steps {
            let status = asked.status.map_or("no answer".to_owned(), |s| s.as_u16().to_string());
            line(
                &format!("asked {}", asked.step),
                &format!("{} in {} ms: {}", status, asked.took.as_millis(), read(asked)),
            );
            line("", &asked.target);
            if let Some(said) = &asked.said {
                let code = said.code.as_deref().unwrap_or("no code");
                let message = said.message.as_deref().unwrap_or("no message");
                line("SAP said", &format!("{code}: {message}"));
            }
        }
        for asked in &self.steps {
            let Some(Looked { areas, addresses, .. }) = &asked.looked else { continue };
            for (name, parts) in [("sales area", areas), ("address", addresses)] {
                for seen in parts {
                    line(name, &seen.told());
                }
            }
        }
        match &self.result {
            Ok(Lookup::Found(partner)) => {
                let none = || "none".to_owned();
                let channel = partner.channel().map_or_else(none, |c| c.as_str().to_owned());
                let country = partner.country().map_or_else(none, |c| c.as_str().to_owned());
                line("channel", &channel);
                line("country", &country);
                let contract = partner.contract_number();
                line("contract number", contract.map_or("none", |c| c.as_str()));
                let number = contract.and_then(|c| config.rules.service_numbers.of(c));
                line("service number", &number.map_or_else(none, |n| n.to_string()));
                line("blocked", if partner.blocked { "yes" } else { "no" });
                line("contact refused", if partner.contact_refused { "yes" } else { "no" });
            }
            Ok(Lookup::Unknown) => line("result", "SAP knows no such partner"),
            Ok(Lookup::Ambiguous(what)) => line("result", several(*what)),
            Err(error) => line("result", &with_causes(error)),
        }
        let decided = self.decided(config);
        let decision = decided.decision;
        for (place, (rule, part)) in rule_by_rule(&config.rules, decided.rule).iter().enumerate() {
            let heading = if place == 0 { "rule by rule" } else { "" };
            line(heading, &format!("{:<34} {}", rule.to_string(), part.label()));
        }
        let is_dial = matches!(decision, Decision::Dial(_));
        let style = if is_dial { GOOD } else { BAD };
        line("jtel gets", &painted(style, told(&decision, config.answers)));
        line("because", &self.because(&decided, config));
        if let Decision::Dial(Dial { caller_id: CallerId::Misfit, .. }) = decision {
            line(
                "but",
                "that number does not belong to the country where this one rings (rules.caller_id_fit: \
                 warn)",
            );
        }
        text
    }

    fn json(&self, config: &Config) -> String {
        let decided = self.decided(config);
        let decision = decided.decision;
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|asked| {
                serde_json::json!({
                    "step": &*asked.step,
                    "request": asked.target,
                    "status": asked.status.map(|status| status.as_u16()),
                    "took_ms": asked.took.as_millis(),
                    "outcome": asked.outcome.label(),
                    "code": asked.said.as_ref().and_then(|said| said.code.as_deref()),
                    "message": asked.said.as_ref().and_then(|said| said.message.as_deref()),
                    "salesAreas": asked.looked.as_ref().map(|looked| parts(&looked.areas)),
                    "addresses": asked.looked.as_ref().map(|looked| parts(&looked.addresses)),
                })
            })
            .collect();
        let found = match &self.result {
            Ok(Lookup::Found(partner)) => Some(partner),
            _ => None,
        };
        let (dial, reason) = match &decision {
            Decision::Dial(dial) => (Some(dial), None),
            Decision::Refuse(reason) => (None, Some(reason.label())),
        };
        let story = serde_json::json!({
            "partner": self.partner.as_str(),
            "number": self.dialled.as_ref().map(|dialled| serde_json::json!({
                "readAs": dialled.digits(),
                "country": dialled.country().map(|country| country.as_str().to_owned()),
            })),
            "system": self.system,
            "steps": steps,
            "distributionChannelCodeText": found.and_then(BusinessPartner::channel).map(DistributionChannel::as_str),
            "countryCode": found.and_then(BusinessPartner::country).map(|c| c.as_str().to_owned()),
            "contractNumber": dial
                .map(|d| d.contract_number)
                .or(found.and_then(BusinessPartner::contract_number))
                .map(ContractNumber::as_str),
            "serviceNumber": dial.and_then(|d| d.service_number).map(|n| n.to_string()),
            "callerId": dial.map(|dial| dial.caller_id.label()),
            "decision": if dial.is_some() { "dial" } else { "refuse" },
            "reason": reason,
            "rules": rule_by_rule(&config.rules, decided.rule)
                .iter()
                .map(|(rule, part)| serde_json::json!({"rule": rule.to_string(), "part": part.label()}))
                .collect::<Vec<_>>(),
            "because": self.because(&decided, config),
        });
        format!("{story}\n")
    }
}

fn parts(list: &[Seen]) -> Vec<serde_json::Value> {
    let part = |seen: &Seen| {
        let mut members: serde_json::Map<_, _> = seen
            .values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        members.insert("counts".to_owned(), seen.left_out.is_none().into());
        members.insert("leftOut".to_owned(), seen.left_out.map(LeftOut::told).into());
        serde_json::Value::Object(members)
    };
    list.iter().map(part).collect()
}

fn read(asked: &Asked) -> String {
    match &asked.read {
        Some(Lookup::Found(_)) => "found".to_owned(),
        Some(Lookup::Unknown) => "not known there".to_owned(),
        Some(Lookup::Ambiguous(_)) => "ambiguous".to_owned(),
        None => asked.outcome.label().to_owned(),
    }
}

fn told(decision: &Decision<'_>, answers: Answers) -> String {
    match decision {
        Decision::Refuse(reason) => {
            format!("{}, do not dial: {}", status_of(*reason, answers).as_u16(), reason.label())
        }
        Decision::Dial(dial) => match dial.service_number {
            Some(number) => format!("200, dial, showing {number}"),
            None => "200, dial, without a service number".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests;
