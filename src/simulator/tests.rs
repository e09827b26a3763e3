//! The simulator, asked over real sockets as a person with curl would.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn start(password: Option<&str>) -> Simulator {
    Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: "DIALGATE".to_owned(),
        password: password.map(|password| Secret::new(password.to_owned())),
        delay: Duration::ZERO,
    })
    .await
    .unwrap()
}

/// Head and body of an answer, as text.
async fn ask(simulator: &Simulator, method: &str, target: &str, headers: &str) -> (String, String) {
    let mut tcp = TcpStream::connect(simulator.local_address()).await.unwrap();
    let request =
        format!("{method} {target} HTTP/1.1\r\nhost: sap\r\nconnection: close\r\n{headers}\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

const INDIVIDUAL: &str = "/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection";

#[tokio::test]
async fn an_answer_looks_like_cloud_for_customer() {
    let simulator = start(None).await;
    let target = format!(
        "{INDIVIDUAL}?$filter=CustomerID%20eq%20'1001910'&$expand=IndividualCustomerSalesData&$format=json&sap-language=DE"
    );

    let (head, body) = ask(&simulator, "GET", &target, "").await;

    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(
        head.contains("cache-control: no-cache, no-store")
            && head.contains("c4c-odata-response-time: ")
    );
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let record = &body["d"]["results"][0];
    assert_eq!(record["CustomerID"], "1001910");
    assert_eq!(
        record["IndividualCustomerSalesData"][0]["DistributionChannelCodeText"],
        "Direktvertrieb"
    );
}

#[tokio::test]
async fn what_is_not_a_proper_question_gets_what_sap_would_say() {
    let simulator = start(Some("secret")).await;
    let login = format!("authorization: Basic {}\r\n", STANDARD.encode("DIALGATE:secret"));
    let wrong = format!("authorization: Basic {}\r\n", STANDARD.encode("DIALGATE:wrong"));
    let filter = |filter: &str| format!("{INDIVIDUAL}?$format=json&$filter={filter}");
    let good = filter("CustomerID%20eq%20'1001910'");
    for (method, target, headers, status, contained) in [
        ("GET", good.clone(), login.as_str(), "200", "__deferred"),
        ("GET", good.clone(), "", "401", "Unauthorized"),
        ("GET", good.clone(), wrong.as_str(), "401", "Unauthorized"),
        (
            "GET",
            good.replace("&$filter", "&$top=0&$filter"),
            &login,
            "200",
            r#"{"d":{"results":[]}}"#,
        ),
        ("GET", good.replace("$format=json&", ""), &login, "200", "<feed"),
        ("GET", filter("CustomerID%20eq%20'O'Brien'"), &login, "400", "Parsing URL failed"),
        (
            "GET",
            filter("CustomerID%20eq%20'x'%20or%20CustomerID%20ne%20''"),
            &login,
            "400",
            "Parsing",
        ),
        ("GET", filter("CustomerID%20eq%20'*'"), &login, "200", "1001915"),
        ("GET", filter("CustomerID+eq+'4040404'"), &login, "200", r#"{"d":{"results":[]}}"#),
        ("GET", "/sap/elsewhere".to_owned(), &login, "404", "Not Found"),
        ("POST", good, &login, "405", "Method Not Allowed"),
        (
            "GET",
            "/onClickToDial?SAPBusinessPartnerID=1001910&SAPPhoneNumber=".to_owned(),
            &login,
            "200",
            "Direct sales",
        ),
        ("GET", "/onClickToDial?SAPBusinessPartnerID=1001910".to_owned(), &login, "400", "missing"),
        (
            "GET",
            "/onClickToDial?SAPBusinessPartnerID=1001912&SAPPhoneNumber=1".to_owned(),
            &login,
            "403",
            "blocked",
        ),
        (
            "GET",
            "/onClickToDial?SAPBusinessPartnerID=4040404&SAPPhoneNumber=1".to_owned(),
            &login,
            "404",
            "Not Found",
        ),
    ] {
        let (head, body) = ask(&simulator, method, &target, headers).await;

        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {head}");
        assert!(body.contains(contained), "{target}: {body}");
    }
}

#[tokio::test]
async fn faults_are_set_and_lifted_over_http() {
    let simulator = start(None).await;
    let target = format!("{INDIVIDUAL}?$format=json&$filter=CustomerID%20eq%20'1001910'");

    let (_, shown) = ask(&simulator, "PUT", "/_sim/fault?kind=status_500&times=1", "").await;
    let (failed, _) = ask(&simulator, "GET", &target, "").await;
    let (answered, _) = ask(&simulator, "GET", &target, "").await;
    let (unknown, help) = ask(&simulator, "PUT", "/_sim/fault?kind=earthquake", "").await;
    ask(&simulator, "PUT", "/_sim/fault?kind=forbidden", "").await;
    let (forbidden, _) = ask(&simulator, "GET", &target, "").await;
    ask(&simulator, "DELETE", "/_sim/fault", "").await;
    let (_, now) = ask(&simulator, "GET", "/_sim", "").await;

    assert!(shown.contains(r#""fault":"status_500""#), "{shown}");
    assert!(failed.contains(" 500 ") && answered.contains(" 200 ") && forbidden.contains(" 403 "));
    assert!(unknown.contains(" 400 ") && help.contains("slow_drip"), "{help}");
    let now: serde_json::Value = serde_json::from_str(&now).unwrap();
    assert_eq!(now["fault"], serde_json::Value::Null);
    assert_eq!(
        (now["requests"].as_u64(), now["requests_by_id"]["1001910"].as_u64()),
        (Some(3), Some(3))
    );
    assert_eq!(now["partners"]["1001912"], "Direct sales, CH; blocked");
    assert_eq!(simulator.handle().requests_for("1001910"), 3);
}

#[tokio::test]
async fn shutting_down_ends_also_what_hangs() {
    let simulator = start(None).await;
    let handle = simulator.handle();
    handle.set_fault(Some(Fault::Hang), None);
    let mut tcp = TcpStream::connect(simulator.local_address()).await.unwrap();
    tcp.write_all(b"GET /onClickToDial HTTP/1.1\r\nhost: sap\r\n\r\n").await.unwrap();
    while handle.requests() == 0 {
        tokio::task::yield_now().await;
    }

    simulator.shut_down().await;

    let mut rest = Vec::new();
    let read = tcp.read_to_end(&mut rest).await;
    assert!(read.is_err() || rest.is_empty(), "{read:?}");
}

#[tokio::test]
async fn a_taken_port_is_told() {
    let first = start(None).await;
    let options = SimulatorOptions {
        address: first.local_address(),
        user: String::new(),
        password: None,
        delay: Duration::ZERO,
    };

    let error = Simulator::start(options).await.err().unwrap();

    assert!(error.to_string().contains(&first.local_address().to_string()), "{error}");
}
