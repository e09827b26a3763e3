//! Every preset compiles, can be copied, and cannot be bent.

use super::*;
use crate::sap::testing;

#[test]
fn every_preset_compiles() {
    for name in preset_names() {
        let compiled = compile(&testing::preset(name)).unwrap();

        assert!(!compiled.steps.is_empty(), "{name}");
    }
}

#[test]
fn every_problem_is_told_with_its_key() {
    let custom = "
steps:
  - name: ''
    request: 'x{x}'
    rows: ''
    id: a b
    channel: a[
    country: $[
    blocked: { path: '.', values: [] }
    unknown_statuses: [401, 404]
    blocked_statuses: [404, 500]
";
    let sap = config::Sap {
        preset: "custom".to_owned(),
        custom: Some(serde_saphyr::from_str(custom).unwrap()),
        language: "E\r\nX: y".to_owned(),
        ..testing::sap("http://localhost")
    };

    let problems = compile(&sap).unwrap_err();

    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    let step = |key: &str| format!("sap.custom.steps[0].{key}");
    let expected = [
        "sap.language".to_owned(),
        step("name"),
        step("unknown_statuses"),
        step("blocked_statuses"),
        step("blocked_statuses"),
        step("request"),
        step("request"),
        step("request"),
        step("rows"),
        step("id"),
        step("channel"),
        step("country"),
        step("blocked.values"),
        step("blocked.path"),
    ];
    assert_eq!(keys, expected, "{problems:#?}");
}

#[test]
fn a_preset_that_does_not_exist_names_those_that_do() {
    let sap = config::Sap { preset: "s4".to_owned(), ..testing::sap("http://localhost") };

    let problems = compile(&sap).unwrap_err();

    let expected = DialectProblem::new(
        "sap.preset",
        "is unknown; there are c4c, c4c-account, c4c-individual, c4c-phone, native, s4-bupa-v2, s4-bupa-v4, s4-sandbox, sales-cloud-v2, custom",
    );
    assert_eq!(problems, [expected]);
}
