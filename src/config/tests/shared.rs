//! `cache.shared` as operators write it, and what is wrong with it.

use std::sync::Arc;

use super::*;

const KEYS: (&str, &str) = ("cache.keys", "[{ env: MEMORY_KEY }]");

fn shared(section: &str) -> String {
    with(&[KEYS, ("cache.shared", section)])
}

#[test]
fn there_is_none_until_it_is_written() {
    assert_eq!(parsed(&filled_in()).unwrap().cache.shared, None);
}

#[test]
fn each_mode_is_read_with_what_belongs_to_it() {
    let of = |section: &str| {
        Arc::unwrap_or_clone(parsed(&shared(section)).unwrap().cache.shared.unwrap())
    };
    let here = SharedAddress { host: "127.0.0.1".into(), port: 6379 };

    let single = of("{ urls: [\"redis://127.0.0.1\"] }");
    assert_eq!(single.servers, SharedServers::Single(here.clone()));
    assert_eq!((single.budget, single.prefix.as_str()), (Duration::from_millis(30), "dialgate"));
    assert_eq!((single.tls, single.login), (None, None));

    let cluster =
        of("{ mode: cluster, urls: [\"redis://127.0.0.1:6379\", \"redis://[::1]:7000/\"], \
                      login: { user: dialgate, password: { env: SHARED_PASSWORD } } }");
    let other = SharedAddress { host: "::1".into(), port: 7000 };
    assert_eq!(cluster.servers, SharedServers::Cluster(vec![here, other]));
    assert_eq!(cluster.login.unwrap().user.as_deref(), Some("dialgate"));

    let sentinel = of("{ mode: sentinel, master: m, urls: [\"rediss://s.example\"], \
                       sentinel_login: { password: { env: SENTINEL_PASSWORD } } }");
    let SharedServers::Sentinel { master, sentinels, login } = sentinel.servers else { panic!() };
    assert_eq!((master.as_str(), sentinels[0].port), ("m", 26379));
    assert_eq!(login.unwrap().user, None);
    assert_eq!(sentinel.tls, Some(SharedTls::default()));
}

#[test]
fn without_a_key_nothing_is_shared() {
    let text = with(&[("cache.shared", "{ urls: [\"redis://127.0.0.1\"] }")]);

    assert!(only(&text).starts_with("cache.shared: needs cache.keys"), "{}", only(&text));
}

#[test]
fn what_is_wrong_is_told_and_no_password_with_it() {
    let here = "urls: [\"redis://localhost:1\"]";
    for (section, expected) in [
        ("{}", "cache.shared.urls: is missing"),
        ("{ urls: [] }", "cache.shared.urls: is empty"),
        ("{ urls: [\"127.0.0.1:6379\"] }", "cache.shared.urls[0]: "),
        ("{ urls: [\"http://127.0.0.1\"] }", "cache.shared.urls[0]: does not begin with"),
        ("{ urls: [\"redis://:hunter2@127.0.0.1\"] }", "cache.shared.urls[0]: carries a user"),
        ("{ urls: [\"redis://127.0.0.1/1\"] }", "cache.shared.urls[0]: goes on after the port"),
        ("{ urls: [\"redis://cache.example\"] }", "cache.shared.urls[0]: would carry passwords"),
        (
            "{ urls: [\"redis://127.0.0.1\", \"redis://127.0.0.1:1\"] }",
            "cache.shared.urls: names several servers",
        ),
        (
            "{ mode: cluster, urls: [\"redis://127.0.0.1\", \"rediss://127.0.0.1:1\"] }",
            "cache.shared.urls[1]: begins otherwise than the first one",
        ),
        (&format!("{{ mode: sentinel, {here} }}"), "cache.shared.master: is missing"),
        (&format!("{{ master: m, {here} }}"), "cache.shared.master: is not used"),
        (
            &format!("{{ {here}, tls: {{ ca_file: ca.pem }} }}"),
            "cache.shared.tls.ca_file: is not used",
        ),
        (&format!("{{ {here}, budget: 2s }}"), "cache.shared.budget: `2s` is out of range"),
        (&format!("{{ {here}, prefix: \"a b\" }}"), "cache.shared.prefix: is no prefix"),
        (&format!("{{ {here}, login: {{ user: x }} }}"), "cache.shared.login.password: is missing"),
        (
            &format!("{{ {here}, login: {{ password: {{ env: NOT_SET }} }} }}"),
            "cache.shared.login.password.env: the environment variable NOT_SET is not set",
        ),
        (
            &format!("{{ {here}, sentinel_login: {{ password: {{ env: SENTINEL_PASSWORD }} }} }}"),
            "cache.shared.sentinel_login: is not used",
        ),
    ] {
        let told = only(&shared(section));
        assert!(told.starts_with(expected) && !told.contains(SECRET), "{section}: {told}");
    }
}
