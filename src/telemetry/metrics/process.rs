//! The process itself under the names every Prometheus client uses, read from `/proc/self`.
//!
//! prometheus' own `process` feature brings two further crates for these few files.

use std::fs;

use prometheus::{
    Gauge, IntGauge,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::telemetry::{clock, process::max_descriptors};

/// Reads `/proc/self` whenever the metrics are read.
pub(super) struct ProcessCollector {
    /// Of this machine: arm64 has pages of 4, 16 or 64 KiB.
    page_bytes: i64,
    ticks_per_second: f64,
    cpu_seconds: prometheus::Counter,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    open_descriptors: IntGauge,
    max_descriptors: IntGauge,
    threads: IntGauge,
    start_seconds: Gauge,
}

impl ProcessCollector {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let ticks = u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100);
        let collector = Self {
            page_bytes: i64::try_from(rustix::param::page_size()).unwrap_or_default(),
            ticks_per_second: ticks.into(),
            cpu_seconds: prometheus::Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )?,
            resident_bytes: IntGauge::new(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            )?,
            virtual_bytes: IntGauge::new(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            )?,
            open_descriptors: IntGauge::new(
                "process_open_fds",
                "Number of open file descriptors.",
            )?,
            max_descriptors: IntGauge::new(
                "process_max_fds",
                "Maximum number of open file descriptors.",
            )?,
            threads: IntGauge::new("process_threads", "Number of OS threads in the process.")?,
            start_seconds: Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            )?,
        };
        // A service that sees nothing but processes in /proc (ProcSubset=pid) is not told when the machine
        // started; this runs in the first moments of the process.
        let started = boot_time()
            .zip(Stat::read())
            .map_or_else(now, |(boot, stat)| boot + stat.start_ticks / collector.ticks_per_second);
        collector.start_seconds.set(started);
        Ok(collector)
    }

    fn refresh(&self) {
        if let Some(stat) = Stat::read() {
            let spent = stat.cpu_ticks / self.ticks_per_second - self.cpu_seconds.get();
            self.cpu_seconds.inc_by(spent.max(0.0));
            self.resident_bytes.set(stat.resident_pages * self.page_bytes);
            self.virtual_bytes.set(stat.virtual_bytes);
            self.threads.set(stat.threads);
        }
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder being read.
            let open = descriptors.count().saturating_sub(1);
            self.open_descriptors.set(i64::try_from(open).unwrap_or_default());
        }
        self.max_descriptors.set(i64::try_from(max_descriptors()).unwrap_or(i64::MAX));
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        [
            self.cpu_seconds.desc(),
            self.resident_bytes.desc(),
            self.virtual_bytes.desc(),
            self.open_descriptors.desc(),
            self.max_descriptors.desc(),
            self.threads.desc(),
            self.start_seconds.desc(),
        ]
        .concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.refresh();
        [
            self.cpu_seconds.collect(),
            self.resident_bytes.collect(),
            self.virtual_bytes.collect(),
            self.open_descriptors.collect(),
            self.max_descriptors.collect(),
            self.threads.collect(),
            self.start_seconds.collect(),
        ]
        .concat()
    }
}

/// The fields of `/proc/self/stat` that are exported (proc(5) numbers them from 1).
struct Stat {
    cpu_ticks: f64,
    threads: i64,
    start_ticks: f64,
    virtual_bytes: i64,
    resident_pages: i64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The name in field 2 may hold blanks and brackets; everything after its last bracket is
        // numbers, beginning with field 3.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3);
        let ticks = |number| field(number)?.parse::<f64>().ok();
        Some(Self {
            cpu_ticks: ticks(14)? + ticks(15)?,
            threads: field(20)?.parse().ok()?,
            start_ticks: ticks(22)?,
            virtual_bytes: field(23)?.parse().ok()?,
            resident_pages: field(24)?.parse().ok()?,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
fn now() -> f64 {
    clock::unix_seconds() as f64
}

fn boot_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_its_memory_descriptors_and_start() {
        let collector = ProcessCollector::new().unwrap();

        collector.refresh();

        // The kernel says the same in kB; in between a page may come or go.
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        let seen = f64::from(u32::try_from(collector.resident_bytes.get() / 1024).unwrap());
        assert!((0.5..2.0).contains(&(seen / resident)), "{seen} and {resident} kB");
        assert!(collector.open_descriptors.get() > 0);
        assert!(collector.max_descriptors.get() > 0);
        // 2020-01-01: any clock that is right is later.
        assert!(collector.start_seconds.get() > 1_577_836_800.0);
    }
}
