//! What clients have agreed on with the running gateway, out of its metrics.

use super::report::Section;
use crate::telemetry::clock;

/// The series of a metric that have counted something, `label=value` with the count, most first.
fn counted(metrics: &str, name: &str) -> Vec<String> {
    let mut all: Vec<(u64, String)> = metrics
        .lines()
        .filter_map(|line| {
            let (labels, count) = line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} ")?;
            // Counters are whole numbers, written as floats where they are large.
            let count = count.parse::<f64>().ok().filter(|count| *count > 0.0)?;
            let values = labels.split(',').filter_map(|label| label.split('"').nth(1));
            let values: Vec<_> = values.collect();
            Some((format!("{count:.0}").parse().ok()?, values.join(" ")))
        })
        .collect();
    all.sort_by(|(one, of), (other, of_other)| other.cmp(one).then_with(|| of.cmp(of_other)));
    all.into_iter().map(|(count, of)| format!("{of}: {count}")).collect()
}

/// What has happened since the start.
pub(super) fn observed(metrics: &str) -> Section {
    let start = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_start_time_seconds "))
        .and_then(|seconds| seconds.parse::<f64>().ok())
        .and_then(|seconds| format!("{seconds:.0}").parse().ok())
        .and_then(clock::Moment::from_unix_seconds);
    let since = start.map_or_else(|| "unknown".to_owned(), clock::Moment::to_the_second);
    Section::new("Since the start")
        .with("start", since)
        .with_all("results", counted(metrics, "dialgate_tls_handshakes_total"))
        .with_all("cipher suites", counted(metrics, "dialgate_tls_ciphers_total"))
        .with_all("groups", counted(metrics, "dialgate_tls_groups_total"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_counted_is_told_most_first_and_zeros_are_not() {
        let metrics = concat!(
            "# TYPE dialgate_tls_ciphers_total counter\n",
            "dialgate_tls_ciphers_total{cipher=\"A\"} 3\n",
            "dialgate_tls_ciphers_total{cipher=\"B\"} 0\n",
            "dialgate_tls_ciphers_total{cipher=\"C\"} 12\n",
            "dialgate_tls_ciphers_totally{cipher=\"D\"} 12\n",
            "dialgate_tls_ciphers_total{broken 1\n",
        );

        assert_eq!(counted(metrics, "dialgate_tls_ciphers_total"), ["C: 12", "A: 3"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(metrics in "(?s).{0,300}") {
            let _section = observed(&metrics);
        }
    }
}
