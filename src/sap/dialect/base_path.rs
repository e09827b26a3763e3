//! The path of `sap.url`, in front of the dialect's own.

/// Whether the path of `sap.url` ends as the request begins, as where somebody has pasted the address of
/// a service. A path that only stands in front, as of a proxy, is kept.
pub(super) fn asks_twice(prefix: &str, request: &str) -> bool {
    let segments = |path: &str| -> Vec<String> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        path.split('/').filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect()
    };
    let (prefix, request) = (segments(prefix), segments(request));
    (1..=prefix.len().min(request.len())).any(|length| {
        let end = prefix.get(prefix.len() - length..);
        end.is_some() && end == request.get(..length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_asked_for_twice_is_seen_and_one_in_front_is_kept() {
        let request =
            "/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection?$filter=x eq '/sap/'";
        for (prefix, twice) in [
            ("", false),
            ("/", false),
            ("/sap", true),
            ("/sap/", true),
            ("/SAP", true),
            ("/sap/c4c", true),
            ("/sap/c4c/odata/v1/c4codataapi", true),
            ("/sap/c4c/odata/v1/c4codataapi/", true),
            ("/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection", true),
            ("/proxy/sap", true),
            ("/proxy/sap/c4c/odata", true),
            ("/proxy", false),
            ("/sap/proxy", false),
            ("/sapproxy", false),
            ("/c4c", false),
            ("/sap/c4c/odata/v2", false),
            ("/apim/customer-data", false),
            ("/sap/c4c/", true),
            ("/sap/C4C/odata", true),
            ("/proxy/sap/", true),
            ("/sap2", false),
        ] {
            assert_eq!(asks_twice(prefix, request), twice, "{prefix}");
        }
    }
}
