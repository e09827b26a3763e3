//! The same for programs, and what every answer has in common.

use http::Method;
use serde_json::Value;
use tokio::process::Command;

use super::{calls_of_many_kinds, url};
use crate::support::{
    Client, Gateway, SAP_PASSWORD,
    client::Answer,
    gateway::CLIENT_PASSWORD,
    program::{run, stdout},
};

/// Everything that is answered once.
const PATHS: [&str; 19] = [
    "/",
    "/?only=refused",
    "/page.css",
    "/page.js",
    "/help",
    "/help.json",
    "/status.json",
    "/decisions",
    "/decisions.json",
    "/decisions.json?only=sap&most=3",
    "/warnings.json",
    "/coverage.json",
    "/runbook",
    "/metrics",
    "/livez",
    "/readyz",
    "/readyz?verbose",
    "/readyz.json",
    "/nonsense",
];

async fn ask(gateway: &Gateway, path: &str) -> Answer {
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    admin.send(Method::GET, &url(gateway.admin, path)).await
}

#[tokio::test]
async fn each_view_has_a_twin_in_json_with_the_same_facts() {
    let gateway = Gateway::start().await;
    calls_of_many_kinds(&gateway.jtel()).await;
    let page = ask(&gateway, "/").await.text;
    let json = async |path: &str| ask(&gateway, path).await.json();

    let status = json("/status.json").await;
    assert!(page.contains(&format!("class=\"state {}\"", status["condition"].as_str().unwrap())));
    assert!(page.contains(status["sap"]["host"].as_str().unwrap()));
    assert!(page.contains(&format!("{} decisions since the start", status["decisions"])));
    for problem in status["problems"].as_array().unwrap() {
        assert!(page.contains(&format!("/runbook#{}", problem["runbook"].as_str().unwrap())));
    }
    for certificate in status["certificates"].as_array().unwrap() {
        assert!(page.contains(certificate["ends"].as_str().unwrap()));
    }

    let verbose = ask(&gateway, "/readyz?verbose").await.text;
    let ready = json("/readyz.json").await;
    assert_eq!(ready["ready"], true);
    let checks = ready["checks"].as_array().unwrap().iter();
    let lines = checks.map(|check| {
        let [name, text] = ["name", "text"].map(|field| check[field].as_str().unwrap());
        format!("[{}] {name}: {text}\n", if check["passed"] == true { '+' } else { '-' })
    });
    assert_eq!(lines.collect::<String>(), verbose);
    let help = ask(&gateway, "/help").await.text;
    let routes = json("/help.json").await;
    assert!(routes.as_array().unwrap().len() > 20);
    for route in routes.as_array().unwrap() {
        let [method, path, what] = ["method", "path", "what"].map(|of| route[of].as_str().unwrap());
        let begin = format!("{method:<4} {path}");
        let is_it = |line: &str| line.starts_with(&begin) && line.ends_with(what);
        assert!(help.lines().any(is_it), "{route}");
    }

    let decisions = json("/decisions.json").await;
    let decisions = decisions.as_array().unwrap();
    assert_eq!(decisions.len(), 7);
    for line in decisions {
        let call = line["call"].as_str().unwrap();
        assert!(page.contains(&format!("/explain?call={call}")));
        let story = json(&format!("/explain.json?call={call}")).await;
        for (name, fact) in line.as_object().unwrap() {
            assert_eq!(story[name], *fact, "{name}");
        }
        let text = ask(&gateway, &format!("/explain?call={call}")).await.text;
        assert!(text.contains(line["because"].as_str().unwrap()), "{text}");
    }
    let refused = json("/decisions.json?only=refused").await;
    let is_refused = |line: &&Value| line["decision"] == "refuse";
    let expected: Vec<_> = decisions.iter().filter(is_refused).cloned().collect();
    assert!(expected.len() > 1 && refused == Value::from(expected));

    assert!(json("/warnings.json").await.is_array());
    let coverage = json("/coverage.json").await;
    let seen = coverage["seen"].as_array().unwrap();
    assert!(seen.iter().any(|one| one["contractNumber"] == "Direct salesDE"), "{coverage}");
}

#[tokio::test]
async fn no_answer_has_a_partner_a_dialled_number_or_a_secret_and_each_has_the_headers() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let dialled = "89461495001";
    for id in ["1001910", "4040404", "2000001", "1001910"] {
        jtel.query(&format!("SAPBusinessPartnerID={id}&SAPPhoneNumber=%2B49{dialled}")).await;
    }
    let decisions = ask(&gateway, "/decisions.json").await.json();
    let call = decisions[0]["call"].as_str().unwrap();
    let stories = ["/explain?call=", "/explain.json?call="].map(|path| format!("{path}{call}"));

    for path in PATHS.into_iter().chain(stories.iter().map(String::as_str)) {
        let answer = ask(&gateway, path).await;
        for hidden in ["1001910", "4040404", "2000001", dialled, SAP_PASSWORD, CLIENT_PASSWORD] {
            assert!(!answer.text.contains(hidden), "{path} has {hidden}");
        }
        let header = |name: &str| {
            let value = answer.headers.get(name).unwrap_or_else(|| panic!("{path}: no {name}"));
            value.to_str().unwrap()
        };
        let policy = header("content-security-policy");
        for rule in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(rule) && !policy.contains("unsafe"), "{path}: {policy}");
        }
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn a_browser_without_the_token_changes_nothing() {
    let gateway = Gateway::start().await;
    let same = format!("Origin: http://{}", gateway.admin);
    for header in
        ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: same-origin", &same]
    {
        for path in ["/reload", "/drain", "/log?level=debug", "/memory/forget", "/sap/retry-login"]
        {
            let code = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "-H", header];
            let answered = run(Command::new("curl").args(code).arg(url(gateway.admin, path))).await;
            assert_eq!(stdout(&answered), "403", "{header} {path}");
        }
    }
    assert_eq!(gateway.admin("/readyz").await.0, 200);
}

#[tokio::test]
async fn hostile_parameters_are_refused_or_bounded_and_end_nothing() {
    let gateway = Gateway::start().await;
    calls_of_many_kinds(&gateway.jtel()).await;
    for (path, expected) in [
        ("/decisions.json?most=1", 200),
        ("/decisions.json?most=1000", 200),
        ("/decisions.json?most=0", 400),
        ("/decisions.json?most=1001", 400),
        ("/decisions.json?most=18446744073709551616", 400),
        ("/decisions.json?most=-1", 400),
        ("/decisions?most=1e9", 400),
        ("/decisions?most=", 400),
        ("/decisions?most=1&most=2", 400),
        ("/decisions?most=%00", 400),
        ("/decisions?only=%3Cscript%3E", 400),
        ("/?only=", 400),
        ("/explain?call=%27%3B--", 400),
        ("/explain?call=", 400),
        ("/explain", 400),
        ("/explain.json?call=019ab0c1-0000-7000-8000-000000000000", 404),
        ("/events?of=%3Cscript%3E", 400),
    ] {
        let answer = ask(&gateway, path).await;
        assert_eq!(answer.status, expected, "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{path}");
    }
}
