//! The file that is shipped, and its schema.

use std::net::SocketAddr;

use serde_json::Value;

use super::*;
use crate::config::{
    document::suggest::Keys,
    sections::file::{ConfigFile, read_sections},
};

/// Keys of the shipped file whose values differ from their defaults, because they have none or
/// because an example says more.
const EXAMPLES: [&str; 5] =
    ["/clients", "/listen/tls", "/sap/url", "/sap/login", "/rules/service_numbers"];

#[test]
fn the_shipped_file_misses_only_what_nobody_else_can_know() {
    let findings =
        parse(EXAMPLE, "config.yaml", Path::new(""), &Environment::of([]), |_, _| {}).unwrap_err();

    let keys: Vec<_> = findings.iter().map(|finding| finding.key.as_str()).collect();
    assert_eq!(keys, ["clients[0].secrets", "sap.login.basic.password.env"], "{findings}");
}

#[test]
fn the_shipped_file_filled_in_is_a_configuration() {
    let config = parsed(&filled_in()).unwrap();

    assert_eq!(config.listen.address, SocketAddr::from(([0, 0, 0, 0], 8443)));
    assert_eq!(config.listen.tls.unwrap().key, Path::new("/nowhere/certs/server-key.pem"));
    assert_eq!(config.systems.first().max_answer_bytes, 256 * 1024);
    assert_eq!(config.deadline, Duration::from_millis(2500));
    assert_eq!(config.rules.service_numbers.len(), 9);
    assert!(config.clients[0].secrets[0].matches(b"a generated password"));
}

#[test]
fn what_the_shipped_file_writes_is_the_default() {
    let (file, _) = read_sections(EXAMPLE, "config.yaml").unwrap();
    let default =
        ConfigFile { sap: Some(sections::sap::SapFile::default()), ..ConfigFile::default() };
    let [mut shipped, mut default] =
        [file, default].map(|file| serde_json::to_value(file).unwrap());
    for example in EXAMPLES {
        *shipped.pointer_mut(example).unwrap() = Value::Null;
        *default.pointer_mut(example).unwrap() = Value::Null;
    }

    assert_eq!(shipped, default);
}

#[test]
fn every_key_is_explained_in_the_shipped_file() {
    for key in Keys::of(&schema()).iter() {
        let name = key.rsplit('.').next().unwrap();
        let is_there = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches([' ', '#', '-', '{']);
            line.starts_with(&format!("{name}:"))
                || line.contains(&format!("{{ {name}:"))
                || line.contains(&format!(", {name}:"))
        });
        assert!(is_there, "{key} is not in config.yaml");
    }
}

#[test]
fn the_examples_behind_comment_signs_are_valid() {
    let keys = ("cache.keys", "[{ env: MEMORY_KEY }]");
    let mut text = with(&[("sap.preset", "custom"), keys]).replace("  shared: ~\n", "");
    // An empty line ends its example, which stands before it.
    text = text.replace("  snapshot: ~\n", "\n");
    let mut is_example = false;
    let lines: Vec<String> = text
        .split_inclusive('\n')
        .map(|line| {
            let content = line.trim_start();
            // An example begins with a key alone behind the sign, and ends with the comment.
            is_example = (is_example && content.starts_with('#'))
                || [
                    "# custom:",
                    "# default:",
                    "# ca_file:",
                    "# destination_countries:",
                    "# tests:\n",
                    "# otlp:",
                    "# audit:\n",
                    "# shared:\n",
                    "# snapshot:",
                ]
                .iter()
                .any(|key| content.starts_with(key));
            if is_example { line.replacen("# ", "", 1) } else { line.to_owned() }
        })
        .collect();
    text = lines.concat();

    let config = parsed(&text).unwrap();

    assert_eq!(
        config.systems.first().ca_file.as_deref(),
        Some(Path::new("/nowhere/certs/sap-ca.pem"))
    );
    assert_eq!(config.systems.first().custom.clone().unwrap().steps[0].unknown_statuses, [404]);
    assert_eq!(config.tests.len(), 4);
    assert_eq!(config.rules.default_pair.unwrap().contract_number.as_str(), "Direct salesDE");
    assert_eq!(config.traces.otlp.unwrap().url, "https://otlp.example.com/v1/traces");
    assert_eq!(config.cache.snapshot.unwrap().every, Duration::from_mins(5));
    let shared = std::sync::Arc::unwrap_or_clone(config.cache.shared.unwrap());
    assert_eq!(
        shared.tls.unwrap().identity.unwrap().key,
        Path::new("/nowhere/certs/client-key.pem")
    );
    assert!(
        matches!(shared.servers, SharedServers::Sentinel { sentinels, .. } if sentinels.len() == 2)
    );
    let audit = config.audit.unwrap();
    assert_eq!(audit.folder, Path::new("/nowhere/audit/trail"));
    assert_eq!((audit.keep_days, audit.anchors.len()), (Some(400), 4));
}

#[test]
fn the_schema_file_is_up_to_date() {
    let file = include_str!("../../../config.schema.json");

    assert!(
        file == format!("{:#}\n", schema()),
        "config.schema.json is not what `dialgate config schema` prints"
    );
}

#[test]
fn the_first_line_leads_editors_to_the_schema() {
    assert!(EXAMPLE.starts_with("# yaml-language-server: $schema=./config.schema.json\n"));
}

#[test]
fn what_is_in_force_is_shown_with_every_default_and_can_be_read_again() {
    let text = "sap: { url: https://sap.example }\nanybody_may_ask: true\n";

    let all = show(text, "config.yaml").unwrap();

    assert_eq!(show(&all, "shown").unwrap(), all);
    for line in ["  idle_timeout: 20s", "  login: none", "  min_in_flight: 5", "answers: jtel"] {
        assert_eq!(all.contains(line), !line.contains("min_in_flight"), "{line}\n{all}");
    }
    for key in Keys::of(&schema())
        .iter()
        .filter(|key| !key.contains("[]") && key.matches('.').count() == 1)
        // There is none by default.
        .filter(|key| !key.starts_with("audit."))
    {
        let name = key.rsplit('.').next().unwrap();
        assert!(all.contains(&format!("  {name}:")), "{key}\n{all}");
    }
}

#[test]
fn the_shipped_file_means_the_same_after_it_was_shown() {
    let text = filled_in();

    let all = show(&text, "config.yaml").unwrap();

    let [mut one, other] = [&all, &text].map(|text| parsed(text).unwrap());
    assert_eq!(one.rules, other.rules);
    // Service numbers are not in any order.
    one.rules.clone_from(&other.rules);
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}
