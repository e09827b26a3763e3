//! What the admin listener knows, for all who show it.

use std::sync::Arc;

use super::{
    decisions::{DecisionLine, Only},
    page,
    pulse::Pulse,
    ready::Readiness,
    status::{Sources, Status},
    story::Story,
};
use crate::{
    gateway::{CallFacts, Gateway},
    lookup::Partners,
    telemetry::{
        clock::CallId,
        logging::{Warning, Warnings},
        metrics::{Metrics, Reading},
    },
};

/// The decisions that the page shows.
const ON_THE_PAGE: usize = 50;

/// Where everything is known from.
pub(super) struct View {
    pub(super) metrics: Arc<Metrics>,
    pub(super) partners: Arc<Partners>,
    pub(super) gateway: Arc<Gateway>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) pulse: Pulse,
    pub(super) warnings: Warnings,
}

impl View {
    /// The metrics, with what changes without anybody asking.
    pub(super) fn reading(&self) -> Reading {
        self.count();
        self.metrics.read()
    }

    /// Tells the metrics what changes without anybody asking.
    pub(super) fn count(&self) {
        let terms = self.gateway.terms();
        self.partners.count(&terms.config.rules.service_numbers);
        terms.systems.iter().for_each(|sap| sap.count());
        self.metrics.ready(self.readiness.is_ready());
    }

    pub(super) fn status(&self) -> Status {
        Status::of(&Sources {
            terms: &self.gateway.terms(),
            reading: &self.reading(),
            pulse: &self.pulse,
            readiness: &self.readiness,
            partners: &self.partners,
            decisions: self.gateway.recent().count(),
        })
    }

    /// The last decisions of a kind, the newest first.
    pub(super) fn recent(&self, only: Only, most: usize) -> Vec<CallFacts> {
        self.gateway.recent().last(most, |facts| only.has(facts))
    }

    pub(super) fn line(&self, facts: &CallFacts) -> DecisionLine {
        DecisionLine::of(facts, &self.gateway.terms())
    }

    /// The last decisions of a kind, a line each.
    pub(super) fn lines(&self, only: Only, most: usize) -> Vec<DecisionLine> {
        let terms = self.gateway.terms();
        self.recent(only, most).iter().map(|facts| DecisionLine::of(facts, &terms)).collect()
    }

    pub(super) fn story(&self, call: CallId) -> Option<Story> {
        let facts = self.gateway.recent().find(call)?;
        Some(Story::of(&facts, &self.gateway.terms()))
    }

    /// The last warnings, the newest first.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.warnings.all()
    }

    /// The parts of the page that change, by their names in it.
    pub(super) fn parts(&self, only: Only) -> Vec<(&'static str, String)> {
        let lines = self.lines(only, ON_THE_PAGE);
        let parity = self.gateway.parity().reports();
        page::parts(&self.status(), (only, &lines), &parity, &self.warnings())
    }
}
