//! Who is asked about a partner: the systems of a route, one after the other until one knows it.
//!
//! A system that is silent has not said that it does not know the partner. Where the route does not say
//! otherwise nobody else is asked then, because the same ID may be somebody else's in another system; and
//! where it does, nobody is unknown before all have said so.

use std::sync::Arc;

use super::{Gateway, Question, call::Call, terms::Terms};
use crate::{
    config::{Route, WhenSilent},
    domain::{Lookup, Source},
    lookup::{Found, Inquiry},
    sap::SapClient,
};

impl Gateway {
    /// What SAP knows of the partner, and where that is from. `None`: the route names nobody.
    pub(super) async fn look_up(
        &self,
        question: &Question,
        (terms, route): (&Terms, &Route),
        call: &mut Call<'_>,
    ) -> Option<Found> {
        let asked = self.look_up_in(&terms.systems, question, (terms, route), call).await;
        let (sap, found) = asked?;
        if found.source == Source::Sap {
            self.parity.compare(sap, question, &found, call.call());
        }
        Some(found)
    }

    /// The same of these systems, in the order of the configuration, and which one said it.
    pub(super) async fn look_up_in<'s>(
        &self,
        systems: &'s [Arc<SapClient>],
        question: &Question,
        (terms, route): (&Terms, &Route),
        call: &mut Call<'_>,
    ) -> Option<(&'s Arc<SapClient>, Found)> {
        let config = &terms.config;
        call.looks_up();
        let (mut silent, mut unknown) = (None, None);
        for sap in route.ask.iter().filter_map(|place| systems.get(*place)) {
            let inquiry = Inquiry {
                partner: question.partner,
                dialled: question.dialled.as_ref(),
                sap,
                times: &config.cache,
                answer_within: config.answer_within,
                started: call.started(),
                deadline: call.started() + config.deadline,
            };
            let found = self.partners.find(&inquiry, |requests| call.asks(requests)).await;
            match found.known.as_ref().map(|known| &known.lookup) {
                Some(Lookup::Unknown) => unknown = Some((sap, found)),
                None if route.when_silent == WhenSilent::AskNext => {
                    silent = silent.or(Some((sap, found)));
                }
                // Known; or silent, and nobody else is asked.
                _ => {
                    call.looked_up(&found, sap.name());
                    return Some((sap, found));
                }
            }
        }
        let (sap, found) = silent.or(unknown)?;
        call.looked_up(&found, sap.name());
        Some((sap, found))
    }
}
