//! Who may ask: by password, key and address, also behind a load balancer; and what comes of guessing.

use std::net::IpAddr;

use dialgate::config::SecretHash;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{
    Client, Gateway, eventually,
    gateway::{CLIENT_PASSWORD, rewrite_config},
    program::{dialgate, run, stderr, stdout},
    value_of,
};

const QUESTION: &str = "?SAPBusinessPartnerID=1001910&SAPPhoneNumber=+498912345678";
const KEY: &str = "canary-bearer-key";

fn clients() -> String {
    let (password, key) =
        (SecretHash::of(CLIENT_PASSWORD.as_bytes()), SecretHash::of(KEY.as_bytes()));
    format!(
        "[{{ name: jtel, secrets: [\"{password}\"], addresses: [127.0.0.0/30, 192.0.2.0/24] }}, \
         {{ name: crm, keys: [\"{key}\"] }}, \
         {{ name: office, addresses: [127.0.0.9], any_of: [], all_of: [address] }}]"
    )
}

/// What curl gets from there: status and head in one text, or what it complains about.
async fn curl(gateway: &Gateway, from: &str, arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "10", "-i", "--interface", from, "--cacert"])
        .arg(gateway.ca())
        .args(arguments)
        .arg(format!("https://{}/onClickToDial{QUESTION}", gateway.address));
    let asked = run(&mut curl).await;
    stdout(&asked) + &stderr(&asked)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn texts<const N: usize>(record: &Value, fields: [&str; N]) -> [String; N] {
    fields.map(|field| record[field].as_str().unwrap_or("-").to_owned())
}

#[tokio::test]
async fn a_client_shows_a_password_a_key_or_where_it_comes_from_and_records_say_which() {
    let gateway = Gateway::start_with(&[("clients", &clients())]).await;
    let (right, bearer) =
        (format!("jtel:{CLIENT_PASSWORD}"), format!("Authorization: Bearer {KEY}"));
    let password = ["-u", &*right];
    let key = ["-H", &*bearer];

    for (from, shown, expected) in [
        ("127.0.0.1", &password[..], "200 jtel password"),
        ("127.0.0.5", &password[..], "403 - -"),
        ("127.0.0.5", &key[..], "200 crm key"),
        ("127.0.0.9", &[][..], "200 office address"),
        ("127.0.0.8", &[][..], "403 - -"),
        ("127.0.0.9", &["-u", "jtel:wrong"][..], "403 - -"),
        ("127.0.0.1", &["-H", "Authorization: Bearer wrong"][..], "403 - -"),
    ] {
        let before = gateway.records().len();
        let answer = curl(&gateway, from, shown).await;
        let records = gateway.until_records(before + 1).await;
        let [client, by, peer, via] =
            texts(records.last().unwrap(), ["client", "client_by", "peer", "via"]);
        assert_eq!(format!("{} {client} {by}", status(&answer)), expected, "{from} {shown:?}");
        assert_eq!((&*peer, &*via), (from, "-"));
    }
    let text = gateway.records().iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains(KEY) && !text.contains(CLIENT_PASSWORD));
}

#[tokio::test]
async fn an_address_that_guesses_is_barred_and_one_that_was_let_in_is_not() {
    let gateway = Gateway::start_with(&[
        ("answers", "http"),
        ("wrong_credentials.free", "2"),
        ("wrong_credentials.bar_after", "4"),
    ])
    .await;
    let from = |address: &str| {
        let own: Option<IpAddr> = Some(address.parse().unwrap());
        Client::at(own, gateway.address, "/onClickToDial", &gateway.ca(), false)
    };
    let right = |address| from(address).with_password("jtel", CLIENT_PASSWORD);
    let wrong = |address| from(address).with_password("jtel", "wrong");

    assert_eq!(right("127.0.0.2").ask("1001910").await.outcome(), "200");
    for address in ["127.0.0.2", "127.0.0.3"] {
        for _ in 0..4 {
            assert_eq!(wrong(address).ask("1001910").await.outcome(), "401 unauthorized");
        }
    }

    // Also with the right password, which nobody looks at.
    let barred = right("127.0.0.3").ask("1001910").await;
    assert_eq!(barred.outcome(), "429 unauthorized");
    let seconds: u64 = barred.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((200..=301).contains(&seconds), "{seconds}");
    assert_eq!(right("127.0.0.2").ask("1001910").await.outcome(), "200");
    assert_eq!(right("127.0.0.4").ask("1001910").await.outcome(), "200");

    let metrics = gateway.metrics().await;
    for (series, expected) in [
        ("dialgate_addresses_barred{listener=\"calls\"}", 1),
        ("dialgate_address_bars_total{listener=\"calls\"}", 1),
        ("dialgate_wrong_credentials_total{listener=\"calls\",outcome=\"at_once\"}", 4),
        ("dialgate_wrong_credentials_total{listener=\"calls\",outcome=\"slowed\"}", 4),
        ("dialgate_wrong_credentials_total{listener=\"calls\",outcome=\"barred\"}", 1),
        ("dialgate_addresses_barred{listener=\"admin\"}", 0),
    ] {
        assert_eq!(value_of(&metrics, series), expected, "{series}");
    }
    let (_, status) = gateway.admin("/status.json").await;
    assert!(status.contains("1 address is barred"), "{status}");
}

#[tokio::test]
async fn operators_that_guess_are_barred_and_health_checks_are_not() {
    let hash = SecretHash::of(b"right");
    let gateway = Gateway::start_with(&[
        ("admin.operators", &format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]")),
        ("wrong_credentials.free", "1"),
        ("wrong_credentials.bar_after", "2"),
    ])
    .await;
    let asked = async |login: &str, path: &str| {
        let url = format!("http://{}{path}", gateway.admin);
        let curl = ["-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "-u", login, &url];
        stdout(&run(Command::new("curl").args(curl)).await)
    };

    let folder = gateway.folder.path().join("config.yaml");
    let described = run(dialgate().args(["config", "openapi", "--config"]).arg(folder)).await;
    let described: Value = serde_json::from_str(&stdout(&described)).unwrap();
    let told = |path: &str| described["paths"][path]["get"]["responses"]["429"].clone();
    assert!(told("/status.json")["headers"]["Retry-After"].is_object(), "{}", told("/status.json"));
    assert!(told("/livez").is_null());

    assert_eq!(asked("oncall:wrong", "/status.json").await, "401");
    assert_eq!(asked("oncall:wrong", "/status.json").await, "401");
    assert_eq!(asked("oncall:right", "/status.json").await, "429");
    assert_eq!(asked("oncall:right", "/livez").await, "200");
    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn only_a_trusted_load_balancer_says_for_whom_it_asks() {
    let trusted = "{ addresses: [127.0.0.2], forwarded: true }";
    let gateway = Gateway::start_with(&[
        ("clients", &clients()),
        ("listen.trusted_proxies", trusted),
        ("wrong_credentials.free", "1"),
        ("wrong_credentials.bar_after", "2"),
    ])
    .await;
    let login = format!("jtel:{CLIENT_PASSWORD}");
    let asked = async |from: &str, login: &str, fields: &[&str]| {
        let before = gateway.records().len();
        let mut arguments = vec!["-u", login];
        arguments.extend(fields.iter().flat_map(|field| ["-H", *field]));
        let answer = curl(&gateway, from, &arguments).await;
        let records = gateway.until_records(before + 1).await;
        let [peer, via] = texts(records.last().unwrap(), ["peer", "via"]);
        format!("{} {peer} {via}", status(&answer))
    };

    for (from, fields, expected) in [
        ("127.0.0.2", &["X-Forwarded-For: 203.0.113.9, 192.0.2.7"][..], "200 192.0.2.7 127.0.0.2"),
        ("127.0.0.2", &["Forwarded: for=192.0.2.7;proto=https"][..], "200 192.0.2.7 127.0.0.2"),
        // Not one of its addresses.
        ("127.0.0.2", &["X-Forwarded-For: 203.0.113.9"][..], "403 203.0.113.9 127.0.0.2"),
        (
            "127.0.0.2",
            &["X-Forwarded-For: 203.0.113.9", "Forwarded: for=192.0.2.7"][..],
            "200 127.0.0.2 -",
        ),
        ("127.0.0.3", &["X-Forwarded-For: 192.0.2.7"][..], "200 127.0.0.3 -"),
        (
            "127.0.0.5",
            &["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7"][..],
            "403 127.0.0.5 -",
        ),
    ] {
        assert_eq!(asked(from, &login, fields).await, expected, "{from} {fields:?}");
    }
    // Whoever names somebody else bars himself.
    for _ in 0..3 {
        let spoofed = asked("127.0.0.3", "jtel:wrong", &["X-Forwarded-For: 192.0.2.8"]).await;
        assert!(spoofed.starts_with("403 127.0.0.3"), "{spoofed}");
        asked("127.0.0.2", "jtel:wrong", &["X-Forwarded-For: 192.0.2.8, 203.0.113.10"]).await;
    }
    let fine = asked("127.0.0.2", &login, &["X-Forwarded-For: 192.0.2.8"]).await;
    assert_eq!(fine, "200 192.0.2.8 127.0.0.2");
    let metrics = gateway.metrics().await;
    // 127.0.0.3 was let in before, 203.0.113.10 never.
    assert_eq!(value_of(&metrics, "dialgate_addresses_barred{listener=\"calls\"}"), 1);
}

#[tokio::test]
async fn the_proxy_protocol_is_switched_on_and_off_without_a_restart() {
    let gateway = Gateway::start().await;
    let login = format!("jtel:{CLIENT_PASSWORD}");
    let asked = async |more: &[&str]| {
        let arguments = [&["-u", &*login][..], more].concat();
        curl(&gateway, "127.0.0.1", &arguments).await
    };
    assert_eq!(status(&asked(&[]).await), "200");
    // Nobody is trusted: it is no TLS.
    assert!(asked(&["--haproxy-protocol"]).await.starts_with("curl: (35)"));

    let trusted = "{ addresses: [127.0.0.1], proxy_protocol: true }";
    rewrite_config(gateway.folder.path(), &gateway.sap_url, &[("listen.trusted_proxies", trusted)]);
    eventually("the load balancer is trusted", || async {
        status(&asked(&["--haproxy-protocol"]).await) == "200"
    })
    .await;

    assert!(!asked(&[]).await.contains("200 OK"));
    let metrics = gateway.metrics().await;
    assert!(value_of(&metrics, "dialgate_proxy_headers_total{result=\"named\"}") >= 1);
    assert_eq!(value_of(&metrics, "dialgate_proxy_headers_total{result=\"missing\"}"), 1);
}
