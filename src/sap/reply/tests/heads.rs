//! Status and headers, before the body.

use super::*;

#[test]
fn status_and_headers_are_read_before_the_body() {
    let blocked = Lookup::Found(BusinessPartner::new(None, None, true, false));
    let json = "application/json; charset=utf-8";
    let problem = Head::Problem;
    for (preset, status, content_type, expected) in [
        ("c4c", 200, json, Head::Json),
        ("c4c", 200, "application/problem+json", Head::Json),
        ("c4c", 200, "APPLICATION/JSON", Head::Json),
        ("c4c", 200, "text/html", problem(ReplyProblem::Html)),
        ("c4c", 200, "application/atom+xml", problem(ReplyProblem::ContentType)),
        ("c4c", 200, "text/json", problem(ReplyProblem::ContentType)),
        ("c4c", 200, "", problem(ReplyProblem::ContentType)),
        ("c4c", 204, json, Head::Status),
        ("c4c", 302, "text/html", Head::Redirect),
        ("c4c", 400, json, Head::Status),
        ("c4c", 401, "text/html", Head::Credentials),
        ("c4c", 403, json, Head::Forbidden),
        ("c4c", 404, json, Head::Status),
        ("c4c", 429, json, Head::Throttled),
        ("c4c", 429, "text/html", Head::Throttled),
        ("c4c", 503, "text/html", Head::Maintenance),
        ("c4c", 503, json, Head::Status),
        ("s4-bupa-v2", 404, json, Head::UnknownIfError),
        ("s4-bupa-v2", 404, "text/html", Head::Status),
        ("s4-bupa-v2", 404, "", Head::Status),
        ("s4-bupa-v2", 400, json, Head::Status),
        ("native", 400, json, Head::Answer(Lookup::Unknown)),
        ("native", 404, "", Head::Answer(Lookup::Unknown)),
        ("native", 403, "", Head::Answer(blocked)),
        ("native", 400, "text/html", Head::Status),
        ("native", 404, "text/html", Head::Status),
        // A load balancer in front of a SAP that starts again.
        ("native", 404, "text/plain", Head::Status),
        ("native", 400, "text/plain", Head::Status),
        ("native", 404, "application/xml", Head::Status),
        ("native", 403, "text/plain", Head::Forbidden),
        ("native", 403, "text/html", Head::Forbidden),
        ("native", 401, "", Head::Credentials),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let reader = &steps(preset)[0].reader;

        let head = reader.head(StatusCode::from_u16(status).unwrap(), &headers);

        assert_eq!(head, expected, "{preset} {status} {content_type}");
    }
    // BTP says with a header that it wants a login, whatever it calls the rest.
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, json.parse().unwrap());
    headers.insert("com.sap.cloud.security.login", "login-request".parse().unwrap());
    let head = steps("c4c")[0].reader.head(StatusCode::OK, &headers);
    assert_eq!(head, Head::Problem(ReplyProblem::Html));
}

#[test]
fn an_unknown_compression_or_a_second_type_is_not_read() {
    let reader = &steps("c4c")[0].reader;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(header::CONTENT_ENCODING, "identity".parse().unwrap());
    assert_eq!(reader.head(StatusCode::OK, &headers), Head::Json);

    headers.append(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(reader.head(StatusCode::OK, &headers), Head::Json);
    headers.append(header::CONTENT_ENCODING, "br".parse().unwrap());
    let encoded = reader.head(StatusCode::OK, &headers);
    headers.remove(header::CONTENT_ENCODING);
    headers.append(header::CONTENT_TYPE, "text/html".parse().unwrap());
    let doubly = reader.head(StatusCode::OK, &headers);

    assert_eq!(encoded, Head::Problem(ReplyProblem::ContentEncoding));
    assert_eq!(doubly, Head::Problem(ReplyProblem::ContentType));
}
