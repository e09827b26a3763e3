//! What the metrics say now, for those in the same process who want to know as much as Prometheus.

use prometheus::proto::{Metric, MetricFamily};

/// All metrics at one moment.
pub struct Reading(Vec<MetricFamily>);

/// The observations of a histogram so far: upper bounds, each with how many are not above it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buckets(Vec<(f64, u64)>);

/// A label and what its value has to be one of.
pub type Wanted<'w> = (&'w str, &'w [&'w str]);

impl Reading {
    /// Of these families.
    pub(super) fn new(families: Vec<MetricFamily>) -> Self {
        Self(families)
    }

    /// The sum of a counter's or gauge's series that have one of the wanted values under each label; 0
    /// where there is none.
    pub fn sum(&self, name: &str, wanted: &[Wanted<'_>]) -> f64 {
        self.series(name, wanted)
            .map(|series| series.get_counter().get_value() + series.get_gauge().get_value())
            .sum()
    }

    /// The least value above 0 of such series: of times that something ends the first; `None` where there
    /// is none.
    pub fn first_end(&self, name: &str, wanted: &[Wanted<'_>]) -> Option<i64> {
        let ends = self.series(name, wanted).map(|series| series.get_gauge().get_value());
        let first = ends.filter(|ends| *ends > 0.0).reduce(f64::min)?;
        #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
        let first = first as i64;
        Some(first)
    }

    /// The same of a histogram.
    pub fn buckets(&self, name: &str, wanted: &[Wanted<'_>]) -> Buckets {
        let mut sum = Buckets::default();
        for series in self.series(name, wanted) {
            let histogram = series.get_histogram();
            let mut buckets: Vec<_> = histogram
                .get_bucket()
                .iter()
                .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
                .collect();
            buckets.push((f64::INFINITY, histogram.get_sample_count()));
            if sum.0.is_empty() {
                sum.0 = buckets;
            } else {
                for (all, one) in sum.0.iter_mut().zip(buckets) {
                    all.1 += one.1;
                }
            }
        }
        sum
    }

    /// Each series of a counter or gauge by its value of a label.
    pub fn by_label<'r>(
        &'r self,
        name: &'r str,
        label: &'r str,
    ) -> impl Iterator<Item = (&'r str, f64)> {
        self.series(name, &[]).filter_map(move |series| {
            let pair = series.get_label().iter().find(|pair| pair.name() == label)?;
            let value = series.get_counter().get_value() + series.get_gauge().get_value();
            Some((pair.value(), value))
        })
    }

    /// The value of a label of the first series; empty where there is none.
    pub fn label(&self, name: &str, label: &str) -> &str {
        let pairs = self.series(name, &[]).next().map(Metric::get_label).unwrap_or_default();
        pairs.iter().find(|pair| pair.name() == label).map_or("", |pair| pair.value())
    }

    fn series<'r>(
        &'r self,
        name: &str,
        wanted: &'r [Wanted<'r>],
    ) -> impl Iterator<Item = &'r Metric> {
        let family = self.0.iter().find(|family| family.name() == name);
        let all = family.map(MetricFamily::get_metric).unwrap_or_default();
        all.iter().filter(move |series| {
            wanted.iter().all(|(label, values)| {
                let mut pairs = series.get_label().iter();
                pairs.any(|pair| pair.name() == *label && values.contains(&pair.value()))
            })
        })
    }
}

impl Buckets {
    /// What is not exceeded by this share of the observations since `before`, in the unit of the
    /// histogram, drawn straight within a bucket as Prometheus does; `None`: there was none.
    pub fn quantile_since(&self, before: &Self, share: f64) -> Option<f64> {
        let new = self.0.iter().enumerate().map(|(place, (bound, count))| {
            let old = before.0.get(place).map_or(0, |(_, count)| *count);
            (*bound, count.saturating_sub(old))
        });
        let new: Vec<_> = new.collect();
        let (_, all) = *new.last().filter(|(_, all)| *all > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let float = |count: u64| count as f64;
        let rank = float(all) * share;
        let mut below = (0.0, 0);
        for (bound, count) in new {
            if float(count) >= rank {
                if bound.is_infinite() {
                    return Some(below.0);
                }
                let within = float(count - below.1);
                let part = if within > 0.0 { (rank - float(below.1)) / within } else { 1.0 };
                return Some(below.0 + (bound - below.0) * part);
            }
            below = (bound, count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn series_are_summed_by_the_values_of_their_labels() {
        let registry = Registry::new();
        let calls = IntCounterVec::new(Opts::new("calls", "Calls."), &["how", "who"]).unwrap();
        registry.register(Box::new(calls.clone())).unwrap();
        for (how, who, count) in [("dial", "a", 1), ("dial", "b", 2), ("refuse", "a", 4)] {
            calls.with_label_values(&[how, who]).inc_by(count);
        }
        let reading = Reading::new(registry.gather());

        for (wanted, expected) in [
            (&[][..], 7.0),
            (&[("how", &["dial"][..])], 3.0),
            (&[("how", &["dial", "refuse"]), ("who", &["a"])], 5.0),
            (&[("how", &["other"])], 0.0),
        ] {
            assert!((reading.sum("calls", wanted) - expected).abs() < f64::EPSILON, "{wanted:?}");
        }
        let by_who: Vec<_> = reading.by_label("calls", "who").collect();
        assert_eq!(by_who.len(), 3);
        assert!(by_who.iter().any(|(who, calls)| *who == "b" && (calls - 2.0).abs() < 1e-9));
        assert_eq!(reading.label("calls", "how"), "dial");
        assert_eq!(reading.label("none", "how"), "");
    }

    #[test]
    fn a_quantile_counts_what_is_new_only() {
        let registry = Registry::new();
        let opts = HistogramOpts::new("seconds", "Time.").buckets(vec![0.1, 0.2, 0.4]);
        let seconds = HistogramVec::new(opts, &["source"]).unwrap();
        registry.register(Box::new(seconds.clone())).unwrap();
        let read = || Reading::new(registry.gather()).buckets("seconds", &[]);
        seconds.with_label_values(&["sap"]).observe(0.35);
        let before = read();
        assert_eq!(before.quantile_since(&before, 0.95), None);

        for _ in 0..50 {
            seconds.with_label_values(&["sap"]).observe(0.15);
            seconds.with_label_values(&["memory"]).observe(0.05);
        }

        let median = read().quantile_since(&before, 0.5).unwrap();
        let most = read().quantile_since(&before, 0.95).unwrap();
        assert!((median - 0.1).abs() < 1e-9 && (most - 0.19).abs() < 1e-9, "{median} {most}");
        seconds.with_label_values(&["sap"]).observe(9.0);
        assert_eq!(read().quantile_since(&before, 1.0), Some(0.4));
    }
}
