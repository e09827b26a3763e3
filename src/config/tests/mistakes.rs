//! What operators get wrong, and what they read then.

use super::*;

/// Ten mistakes, one of each kind, from top to bottom.
const TEN: &str = r#"listen:
  adress: 0.0.0.0:8443
  tls: { certificate: server.pem, key: key.pem, min_version: 1.4 }
  limits: { idle_timeout: 60 }
admin: { address: 0.0.0.0:9464 }
clients:
  - { name: jtel, secrets: [hunter2] }
sap:
  url: http://sap.example
  login: { basic: { user: DIALGATE, password: hunter2 } }
  timeout: 3s
  max_in_flight: many
rules:
  service_numbers:
    - { contract_number: Direct salesde, service_number: "498912345678" }
"#;

#[test]
fn ten_mistakes_are_ten_findings_from_top_to_bottom() {
    let findings = parsed(TEN).unwrap_err();

    let keys: Vec<_> =
        findings.iter().map(|f| format!("{}:{} {}", f.line, f.column, f.key)).collect();
    assert_eq!(
        keys,
        [
            "2:3 listen.adress",
            "3:62 listen.tls.min_version",
            "4:27 listen.limits.idle_timeout",
            "5:19 admin.address",
            "7:29 clients[0].secrets[0]",
            "9:8 sap.url",
            "10:47 sap.login.basic.password",
            "11:3 sap.timeout",
            "12:18 sap.max_in_flight",
            "15:26 rules.service_numbers[0].contract_number",
        ],
    );
}

#[test]
fn a_report_shows_each_line_and_ends_with_what_follows() {
    let text = with(&[("cache.found_ttl", "3600"), ("answers", "jtell")]);
    let (text, _) = text.split_once("# clients:").unwrap();
    let text = format!(
        "{}sap: {{ url: https://sap.example, timeout: 3s }}\nanybody_may_ask: true\n\
         rules: {{ without_service_number: dial_without_number }}\ncache: {{ found_ttl: 3600 }}\n",
        text.split_once("answers: jtell").map(|(_, rest)| rest.trim_start()).unwrap_or_default()
    );
    let text = format!(
        "listen: {{ plaintext_behind_a_tls_load_balancer: true }}\nanswers: jtell\n{}",
        text.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect::<String>()
    );

    let report = parsed(&text).unwrap_err().report(false, "nothing was started");

    assert_eq!(
        report,
        "\
config.yaml:2:10: answers: `jtell` is not known here; did you mean `jtel`?
  |
2 | answers: jtell
  |          ^^^^^
config.yaml:3:34: sap.timeout: there is no such key; did you mean `connect_timeout`, `idle_timeout` or `total_timeout`?
  |
3 | sap: { url: https://sap.example, timeout: *** }
  |                                  ^^^^^^^
config.yaml:6:21: cache.found_ttl: `3600` has no unit; write `3600s` for seconds, `3600ms` for milliseconds
  |
6 | cache: { found_ttl: 3600 }
  |                     ^^^^
3 findings; nothing was started
",
    );
}

#[test]
fn a_missing_key_is_told_at_its_section_with_what_it_is_for() {
    let text = filled_in().replace("  url: https://my300000.crm.ondemand.com\n", "");

    let findings = parsed(&text).unwrap_err();

    let report = findings.report(false, "nothing was started");
    let line = text.lines().position(|line| line == "sap:").unwrap() + 1;
    assert_eq!(
        report,
        format!(
            "\
config.yaml:{line}:1: sap.url: is missing
    |
{line} | sap:
    | ^^^
    |
    = help: url: Scheme, host and port of SAP, e.g. `https://my300000.crm.ondemand.com`.
1 finding; nothing was started
"
        ),
    );
}

#[test]
fn a_mistyped_key_is_told_the_right_one_and_not_missed_as_well() {
    for (right, wrong, told) in [
        ("  url: https", "  ulr: https", "sap.ulr: there is no such key; did you mean `url`?"),
        ("  found_ttl: 1h", "  foundTtl: 1h", "did you mean `found_ttl`?"),
        ("  drain_delay: 0s", "  drain-delay: 0s", "did you mean `drain_delay`?"),
        ("  level: info", "  max_entries: 5", "no such key here; there is `cache.max_entries`"),
        ("      user: DIALGATE", "      username: DIALGATE", "did you mean `user`?"),
        ("    basic:", "    base:", "did you mean `basic`?"),
        ("answers: jtel", "quux: jtel", "quux: there is no such key"),
    ] {
        let text = filled_in().replacen(right, wrong, 1);
        assert!(only(&text).contains(told), "{wrong}: {}", only(&text));
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_told_what_belongs_there() {
    for (key, value, told) in [
        ("answers", "[jtel]", "a list stands where `jtel` or `http` belongs"),
        ("cache", "~", ""),
        ("cache", "5", "cache: a number stands where a section with keys belongs"),
        ("cache.max_entries", "\"5\"", "`5` is a text; write it without quotes"),
        ("cache.max_entries", "1.5", "`1.5` is not a whole number from 1 to 10000000"),
        ("cache.max_entries", "-1", "`-1` is not a whole number"),
        ("cache.max_entries", "100000000000000000000", "is not a whole number"),
        ("cache.jitter", "51", "`51` is not a whole number from 0 to 50"),
        ("cache.found_ttl", "5 parsecs", "`5 parsecs` is not a duration; write for example"),
        ("cache.found_ttl", "-5s", "`-5s` is not a duration"),
        ("cache.found_ttl", "200h", "`200h` is out of range; possible are 0s to 168h"),
        ("cache.found_ttl", "{ a: 1 }", "a section stands where e.g. `250ms` belongs"),
        ("sap.max_answer", "1000000", "`1000000` has no unit; write for example `1000000B`"),
        ("sap.max_answer", "1 GB", "`1 GB` is not a size"),
        ("anybody_may_ask", "no", "`no` is neither `true` nor `false`"),
        ("admin.address", "localhost:9464", "is not an IP address with a port"),
        ("log.level", "verbose", "`verbose` is not a level; write one of off, error"),
        ("log.level", "info,dialgate::sap=debg", "`debg` is not a level; did you mean `debug`?"),
        (
            "log.access",
            "{ fiel: x }",
            "log.access.fiel: there is no such key; did you mean `file`?",
        ),
        ("query.default_country", "Germany", "is not a country with a numbering plan"),
        ("sap.language", "en", "`en` is not a language code such as `EN`"),
        ("listen.path", "\"/a?b\"", "goes on after the path"),
        ("listen.path", "/a b", "has a character that no path of a URL has"),
        (
            "rules.service_numbers[0].service_number",
            "\"+498912345\"",
            "jtel writes numbers without it",
        ),
    ] {
        let text = with(&[(key, value)]);
        match told {
            "" => assert!(parsed(&text).is_ok(), "{key}: {value}"),
            told => assert!(only(&text).contains(told), "{key}: {value}: {}", only(&text)),
        }
    }
}

#[test]
fn a_number_where_a_text_belongs_is_the_text_as_it_was_written() {
    let text = with(&[
        ("listen.tls.min_version", "1.3"),
        ("rules.service_numbers[0].service_number", "498912345670"),
    ]);

    let config = parsed(&text).unwrap();

    assert_eq!(config.listen.tls.unwrap().offer.min_version, TlsVersion::V1_3);
}

#[test]
fn values_that_contradict_each_other_are_findings() {
    for (changes, told) in [
        (
            &[("answer_within", "3s")][..],
            "answer_within: `3s` is longer than deadline, the time of the whole call (2500ms)",
        ),
        (&[("sap.connect_timeout", "6s")], "is longer than sap.total_timeout"),
        (&[("admin.address", "0.0.0.0:9464")], "nobody would have to show who he is"),
        (
            &[
                ("admin.address", "0.0.0.0:9464"),
                ("admin.operators", &format!("[{{ name: oncall, secrets: [\"{}\"] }}]", hash())),
            ],
            "admin.tls: is missing, and passwords would cross the network in the clear",
        ),
        (
            &[
                ("admin.plaintext_behind_a_tls_load_balancer", "true"),
                ("admin.tls", "{ certificate: a.pem, key: a-key.pem }"),
            ],
            "yet there is a tls section",
        ),
        (
            &[("admin.operators", "[{ name: oncall, secrets: [] }]")],
            "admin.operators[0].secrets: is empty; run `dialgate secret new --operator oncall`",
        ),
        (&[("admin.address", "127.0.0.1:8443")], "port 8443 is listen.address's already"),
        (&[("listen.plaintext_behind_a_tls_load_balancer", "true")], "yet there is a tls section"),
        (&[("anybody_may_ask", "true")], "yet there are clients"),
        (&[("clients", "[]")], "nobody may ask; run `dialgate secret new jtel`"),
        (&[("sap.url", "http://sap.example")], "would carry the login in plain text"),
        (&[("sap.url", "ftp://sap.example")], "does not begin with `https://`"),
        (&[("sap.url", "https://sap.example/?a=b")], "goes on after the path"),
        (&[("sap.preset", "custom")], "sap.custom: is missing"),
        (&[("rules.sap_unavailable", "dial_default")], "there is no rules.default"),
        (&[("listen.limits.connections", "5")], "is more than listen.limits.connections (5)"),
        (
            &[("rules.service_numbers", "[]")],
            "rules.service_numbers: has no entry, so that every call would be refused",
        ),
    ] {
        let text = with(changes);
        assert!(only(&text).contains(told), "{changes:?}: {}", only(&text));
    }
}

#[test]
fn a_login_over_plain_text_to_this_machine_is_fine() {
    for url in ["http://127.0.0.1:8081", "http://[::1]:8081", "http://localhost:8081/base"] {
        let text = with(&[("sap.url", &format!("\"{url}\""))]);
        assert!(parsed(&text).is_ok(), "{url}");
    }
}

#[test]
fn clients_are_told_apart() {
    let client = |name: &str, secrets: &str| format!("{{ name: {name}, secrets: [{secrets}] }}");
    let hash = format!("\"{}\"", hash());
    let empty = format!("\"{}\"", SecretHash::of(b""));
    let three = format!("{hash}, {hash}, {hash}");
    for (clients, told) in [
        ([client("jtel", &hash), client("jtel", &hash)], "`jtel` is here already, in config.yaml:"),
        ([client("jtel", &hash), client("JTEL", &hash)], "is not 1 to 32 of `a-z`"),
        ([client("jtel", &hash), client("a", "")], "run `dialgate secret new a`"),
        ([client("jtel", &hash), client("a", &empty)], "is the hash of nothing at all"),
        ([client("jtel", &hash), client("a", &format!("{hash}, {hash}"))], "is here twice"),
        ([client("jtel", &hash), "{ name: a }".to_owned()], "clients[1].secrets: is missing"),
    ] {
        let text = with(&[("clients", &format!("[{}]", clients.join(", ")))]);
        assert!(only(&text).contains(told), "{told}: {}", only(&text));
    }
    let text = with(&[("clients", &format!("[{}]", client("jtel", &three)))]);
    assert!(told(&text)[0].contains("has 3; two are enough"), "{:?}", told(&text));
}

#[test]
fn contract_numbers_that_no_partner_can_have_are_findings() {
    for (contract, told) in [
        ("\"\"", "is empty"),
        ("\" Direct salesDE\"", "has a blank at its beginning or end"),
        ("Direct salesde", "does not end with two upper-case letters"),
        ("Direct sales", "does not end with two upper-case letters"),
        ("DE", "has no channel text"),
        ("D", "does not end with a country code"),
        ("ä", "does not end with two upper-case letters"),
        ("Direct sales DE", "jtel joins the two without one: `Direct salesDE`"),
        ("Direct sales-DE", "jtel joins the two without one: `Direct salesDE`"),
    ] {
        let text = with(&[("rules.service_numbers[8].contract_number", contract)]);
        assert!(only(&text).contains(told), "{contract}: {}", only(&text));
    }
}

#[test]
fn a_contract_number_that_is_there_twice_names_the_first_place() {
    let text = with(&[("rules.service_numbers[8].contract_number", "Direct salesDE")]);

    let line = text.lines().position(|line| line.contains("Direct salesDE, ")).unwrap() + 1;
    assert!(only(&text).contains(&format!("already, in config.yaml:{line};")), "{}", only(&text));
}

#[test]
fn a_default_pair_without_a_service_number_is_a_finding() {
    let text = with(&[("rules.sap_unavailable", "dial_default")])
        + "  # the end of shutdown, which the next line leaves\n";
    let text = text.replace(
        "  # default:\n",
        "  default: { distribution_channel: Direct sales, country: FR }\n  # default:\n",
    );

    assert!(only(&text).contains("rules.default: its contract number `Direct salesFR` has no"));
}

#[test]
fn findings_of_other_rooms_stand_among_those_of_the_file() {
    let text = with(&[("answers", "jtell"), ("deadline", "2500")]);

    let findings = parse(&text, "config.yaml", Path::new("/etc"), &environment(), |draft, more| {
        assert_eq!(draft.tls.as_ref().unwrap().key, Path::new("/etc/certs/server-key.pem"));
        assert!(draft.deadline.is_none());
        more.at("listen.tls.key", "does not belong to the certificate");
        more.at("deadline", "follows from what could not be read");
    })
    .unwrap_err();

    let keys: Vec<_> = findings.iter().map(|finding| finding.key.as_str()).collect();
    assert_eq!(keys, ["listen.tls.key", "answers", "deadline"]);
}

#[test]
fn a_file_that_is_not_there_is_a_finding() {
    let findings = load(Path::new("/nowhere/c.yaml"), &environment(), |_, _| {}).unwrap_err();

    assert_eq!(
        findings.report(false, "nothing was started"),
        "/nowhere/c.yaml:1:1: cannot be read: no such file or directory (os error 2)\n\
         1 finding; nothing was started\n",
    );
}
