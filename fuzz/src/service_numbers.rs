//! The list of service numbers that Excel and jtel's admins keep.

use dialgate::config::list_of;

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().count().max(1);
    let listed = match list_of("numbers.csv", text) {
        Ok(listed) => listed,
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a finding");
            assert!(
                findings.iter().all(|finding| (1..=lines).contains(&finding.line)),
                "{findings}"
            );
            return;
        }
    };
    assert!(listed.iter().all(|row| (2..=lines).contains(&row.line)), "{listed:?}");
    // Written again, as anybody would, it is the same list.
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut written = "contract_number;service_number\r\n".to_owned();
    for row in &listed {
        written += &[quoted(&row.contract_number), quoted(&row.service_number)].join(";");
        written += "\r\n";
    }
    let again = list_of("again.csv", &written).unwrap();
    let values = |rows: &[dialgate::config::Listed]| {
        let pairs =
            rows.iter().map(|row| (row.contract_number.clone(), row.service_number.clone()));
        // A row without anything in it is none.
        pairs.filter(|(one, other)| !one.trim().is_empty() || !other.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&listed));
}
