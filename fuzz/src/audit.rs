//! Checking an audit trail: nothing that stands in a file breaks it, and where it finds nothing, one other
//! byte is found.

use dialgate::telemetry::audit::{Anchors, PublicKey, Report, Verifier};

/// The key of the trails in the corpus.
const KEY: &str = "9c4397db5ba0735dd6563d8aa05af44743bfea958e11975f95a112a837821349";

fn verified(data: &[u8]) -> Report {
    let key = PublicKey::parse(KEY);
    let anchors = key.and_then(|key| Anchors::read(data, key).ok()).unwrap_or_default();
    let mut verifier = Verifier::new(key, None, anchors);
    verifier.file("trail", data).unwrap();
    verifier.finish()
}

pub fn holds(data: &[u8]) {
    let report = verified(data);
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(report.records <= lines as u64, "{report:?}");
    if report.findings.is_empty() && report.records > 0 {
        let place = data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % data.len();
        let mut changed = data.to_vec();
        changed[place] ^= 1;
        let report = verified(&changed);
        assert!(!report.findings.is_empty(), "another byte at {place} was not found: {report:?}");
    }
}
