//! Every preset compiles, can be copied, and cannot be bent.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::*;
use crate::sap::{
    dialect::preset::{preset_as_custom, preset_summary},
    testing,
};

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

/// The section a shown preset becomes when it is pasted into a configuration.
fn pasted(name: &str) -> config::Sap {
    let shown = preset_as_custom(name).unwrap();
    let section: serde_json::Value = serde_saphyr::from_str(&shown).unwrap();
    assert_eq!(section["sap"]["preset"], CUSTOM, "{name}");
    let dialect = serde_json::from_value(section["sap"]["custom"].clone()).unwrap();
    config::Sap { preset: CUSTOM.to_owned(), custom: Some(dialect), ..testing::preset(name) }
}

#[test]
fn every_preset_that_is_shown_and_pasted_compiles_to_the_same_dialect() {
    for name in preset_names() {
        let [built_in, copied] =
            [testing::preset(name), pasted(name)].map(|sap| format!("{:#?}", compile(&sap)));

        assert_eq!(copied, built_in, "{name}");
        assert!(preset_summary(name).is_some(), "{name}");
    }
    // Not a preset, but what is shown of it must compile, too.
    compile(&pasted(CUSTOM)).unwrap();
}

#[test]
fn a_rule_that_a_preset_cannot_follow_is_a_problem_with_its_key() {
    let texts = testing::channel_texts;
    let area = |organisation: Option<&str>, division: Option<&str>| config::SalesArea {
        organisation: organisation.map(str::to_owned),
        division: division.map(str::to_owned),
        ..config::SalesArea::default()
    };
    let none = BTreeMap::new;
    for (preset, channel_texts, sales_area, keys) in [
        ("s4-bupa-v2", none(), area(None, None), vec!["sap.channel_texts"]),
        ("s4-bupa-v4", none(), area(None, None), vec!["sap.channel_texts"]),
        ("s4-bupa-v2", texts(), area(Some("1000"), Some("00")), vec![]),
        ("native", texts(), area(None, None), vec!["sap.channel_texts"]),
        ("native", none(), area(Some("1"), None), vec!["sap.sales_area.organisation"]),
        ("native", none(), area(None, Some("1")), vec!["sap.sales_area.division"]),
        ("c4c", texts(), area(Some("1000"), Some("00")), vec![]),
        ("sales-cloud-v2", none(), area(Some("1000"), Some("00")), vec![]),
    ] {
        let sap = config::Sap { sales_area, channel_texts, ..testing::preset(preset) };

        let problems = compile(&sap).err().unwrap_or_default();

        let found: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(found, keys, "{preset}: {problems:?}");
    }
}

#[test]
fn a_step_that_proves_too_little_or_leads_nowhere_is_a_problem() {
    let step =
        |more: &str| format!("steps: [{{ name: a, rows: $, country: l, channel: c, {more} }}]");
    for (text, key) in [
        (step("request: '/x?p={phone}'"), "steps[0].request"),
        (step("request: '/x?p={phone}&i={id}', phone: p"), "steps[0].request"),
        (step("request: '/x?i={id}', phone: p, id: i"), "steps[0].phone"),
        (step("request: '/x?i={id}', id: i, then: { id: j, step: a }"), "steps[0].then"),
        (
            "steps: [{ name: a, rows: $, id: i, request: '/x?i={id}', then: { id: j, step: b } }]"
                .to_owned(),
            "steps[0].then.step",
        ),
        (
            "steps: [{ name: a, rows: $, id: i, request: '/x?i={id}', then: { id: j, step: a } }]"
                .to_owned(),
            "steps[0].then.step",
        ),
        (
            "steps: [{ name: a, rows: $, id: i, request: '/x?i={id}', channel: c }]".to_owned(),
            "steps[0].country",
        ),
        (
            "steps: [{ name: a, rows: $, id: i, request: '/x?i={id}', country: c }]".to_owned(),
            "steps[0].channel",
        ),
        ("headers: { Authorization: x }\nsteps: []".to_owned(), "headers.Authorization"),
        ("headers: { \"a b\": x }\nsteps: []".to_owned(), "headers.a b"),
        ("headers: { a: \"x\\ny\" }\nsteps: []".to_owned(), "headers.a"),
    ] {
        let custom = Some(serde_saphyr::from_str(&text).unwrap());
        let sap =
            config::Sap { preset: CUSTOM.to_owned(), custom, ..testing::sap("http://localhost") };

        let problems = compile(&sap).unwrap_err();

        let key = format!("sap.custom.{key}");
        assert!(problems.iter().any(|problem| problem.key == key), "{text}: {problems:#?}");
    }
}

#[test]
fn client_and_language_go_along_with_every_request_of_odata() {
    for name in preset_names().filter(|name| !["native", "sales-cloud-v2"].contains(name)) {
        let sap = config::Sap {
            client: Some("100".to_owned()),
            language: "DE".to_owned(),
            ..testing::preset(name)
        };
        for step in compile(&sap).unwrap().steps {
            let target = step.template.render("1001910", Some("49"));
            for parameter in ["sap-language=DE", "sap-client=100"] {
                assert!(target.as_str().contains(parameter), "{name}: {target}");
            }
        }
    }
}

/// A request line as a server takes it apart: decoded parts of the path, decoded parameters.
fn taken_apart(target: &str) -> (Vec<String>, Vec<(String, String)>) {
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
    };
    let (path, query) = target.split_once('?').unwrap();
    let parameters = query
        .split('&')
        .map(|parameter| parameter.split_once('=').unwrap())
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    (path.split('/').map(decoded).collect(), parameters)
}

/// What must come out: the readable request of the preset with the values put into it as an OData
/// literal has them.
fn expected(text: &str, id: &str, phone: &str) -> String {
    let literal = |value: &str| {
        if text.contains('\'') { value.replace('\'', "''") } else { value.to_owned() }
    };
    // One pass: a value may look like a placeholder itself.
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        let (name, after) = from[1..].split_once('}').unwrap();
        out.push_str(before);
        match name {
            "id" => out.push_str(&literal(id)),
            "phone" => out.push_str(&literal(phone)),
            "usages" => {}
            _ => out.push_str("EN"),
        }
        rest = after;
    }
    out + rest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_id_and_no_number_changes_the_structure_of_any_presets_request(
        id in any::<String>(), phone in any::<String>(),
    ) {
        for name in preset_names() {
            let dialect = built_in(name).unwrap().unwrap();
            let compiled = compile(&testing::preset(name)).unwrap();
            for (written, step) in dialect.steps.iter().zip(compiled.steps) {
                let target = step.template.render(&id, Some(&phone));
                prop_assert!(target.as_str().is_ascii() && !target.as_str().contains([' ', '#', '\'']));
                let (path, parameters) = taken_apart(target.as_str());

                let (written_path, written_query) = written.request.split_once('?').unwrap();
                let wanted: Vec<_> =
                    written_path.split('/').map(|part| expected(part, &id, &phone)).collect();
                prop_assert_eq!(path, wanted, "{}", name);
                let wanted: Vec<_> = written_query
                    .split('&')
                    .map(|parameter| parameter.split_once('=').unwrap())
                    .map(|(name, value)| (name.to_owned(), expected(value, &id, &phone)))
                    .collect();
                prop_assert_eq!(parameters, wanted, "{}", name);
            }
        }
    }
}
