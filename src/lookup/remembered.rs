//! One remembered answer of SAP, with the answer to jtel that follows from it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::domain::{Lookup, ServiceNumber};

/// What SAP said of one partner, and the beginning of the answer to jtel where it was rendered.
pub struct Remembered {
    /// What SAP said.
    pub lookup: Lookup,
    rendered: ArcSwapOption<Rendered>,
}

/// The part of an answer that is the same for every call about one partner under one rule set.
pub struct Rendered {
    /// The rule set it was rendered under.
    pub rules: u64,
    /// The number it shows.
    pub service_number: Option<ServiceNumber>,
    /// Everything before the parts that change with each call.
    pub head: Bytes,
}

impl Remembered {
    /// Nothing is rendered yet.
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup, rendered: ArcSwapOption::empty() }
    }

    /// The rendered head for this rule set and number, made by `render` if there is none yet.
    pub fn head(
        &self,
        rules: u64,
        service_number: Option<ServiceNumber>,
        render: impl FnOnce() -> Bytes,
    ) -> Arc<Rendered> {
        match self.rendered.load_full() {
            Some(rendered)
                if rendered.rules == rules && rendered.service_number == service_number =>
            {
                rendered
            }
            _ => {
                let rendered = Arc::new(Rendered { rules, service_number, head: render() });
                self.rendered.store(Some(Arc::clone(&rendered)));
                rendered
            }
        }
    }
}
