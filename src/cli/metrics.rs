//! `dialgate metrics`: what `/metrics` exports, as a table.

use std::{fmt::Write, io};

use prometheus::proto::{MetricFamily, MetricType};

use super::{Failure, output::print};
use crate::{app::AllMetrics, gateway::start_access_log};

/// What stands before the table.
const HEAD: &str = "\
# Metrics

What the admin listener exports at `/metrics`, in Prometheus' text format. Every series is there from the start, except
those of clients, which come with the configuration. Label values are closed lists; no partner, number or secret is among
them. `dialgate metrics` prints this page.

| metric | kind | labels | what |
|---|---|---|---|
";

pub(super) fn execute() -> Result<(), Failure> {
    let metrics = AllMetrics::new().map_err(anyhow::Error::from)?;
    // The records' losses are declared where records are written.
    let _records = start_access_log(metrics.process.registry(), Box::new(io::sink()))
        .map_err(anyhow::Error::from)?;
    print(&page(&metrics.process.families()))
}

fn page(families: &[MetricFamily]) -> String {
    let mut page = HEAD.to_owned();
    for family in families {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY | MetricType::UNTYPED => "untyped",
        };
        let mut labels: Vec<_> = family
            .get_metric()
            .iter()
            .flat_map(prometheus::proto::Metric::get_label)
            .map(|label| format!("`{}`", label.name()))
            .collect();
        labels.sort_unstable();
        labels.dedup();
        // Writing to a String cannot fail.
        writeln!(
            page,
            "| `{}` | {kind} | {} | {} |",
            family.name(),
            labels.join(", "),
            family.help()
        )
        .unwrap_or_default();
    }
    page
}
