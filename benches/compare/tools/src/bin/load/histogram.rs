//! Times in nanoseconds, 128 steps to each power of two: at most 0.8 % off.

use std::time::Duration;

const STEPS: usize = 128;

pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; 64 * STEPS], total: 0 }
    }

    pub(crate) fn add(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let power = ns.ilog2() as usize;
        let at = match power.checked_sub(7) {
            None => ns as usize,
            Some(above) => (above + 1) * STEPS + ((ns >> above) as usize & (STEPS - 1)),
        };
        self.counts[at] += 1;
        self.total += 1;
    }

    /// So many percent took at most this many microseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let wanted = (self.total as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let ns = match (at / STEPS).checked_sub(1) {
                    None => at as u64,
                    Some(above) => ((STEPS + at % STEPS) as u64) << above,
                };
                return ns as f64 / 1000.0;
            }
        }
        0.0
    }
}
