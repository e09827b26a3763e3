//! Days as SAP's interfaces write them.

use jiff::{Span, civil::Date};

use super::json::Node;

/// A day that limits something; `None`: there is no limit.
pub(super) type Limit = Option<Date>;

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The first day that counts for OData v2: `/Date(0)/` is its midnight.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Reads `/Date(1262304000000+0000)/` (OData v2), `2010-01-01` with or without a time behind it (v4),
/// and `20100101` (ABAP's DATS). Nothing, an empty text and ABAP's initial date `00000000` are no limit.
/// `None`: it is no day at all.
pub(super) fn day(node: &Node<'_>) -> Option<Limit> {
    let text = match node {
        Node::Null => return Some(None),
        Node::Text(text) => text.trim(),
        _ => return None,
    };
    if matches!(text, "" | "00000000" | "0000-00-00") {
        return Some(None);
    }
    if let Some(inside) = text.strip_prefix("/Date(").and_then(|text| text.strip_suffix(")/")) {
        // An offset behind the milliseconds says where they were written, not another moment.
        let end = inside.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-'));
        let milliseconds = inside.get(..end.map_or(inside.len(), |(at, _)| at))?;
        let days = milliseconds.parse::<i64>().ok()?.div_euclid(DAY);
        let span = Span::new().try_days(days).ok();
        // Farther than any calendar: as far as ours goes.
        let far = if days < 0 { Date::MIN } else { Date::MAX };
        return Some(Some(span.and_then(|span| EPOCH.checked_add(span).ok()).unwrap_or(far)));
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (date, rest) = match text.len() {
        8 if digits(text) => (Date::strptime("%Y%m%d", text).ok()?, ""),
        _ => (text.get(..10)?.parse::<Date>().ok()?, text.get(10..)?),
    };
    (rest.is_empty() || rest.starts_with(['T', ' '])).then_some(Some(date))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_day_is_read_in_each_form_that_sap_writes() {
        for (node, expected) in [
            (json!("/Date(1262304000000)/"), Some("2010-01-01")),
            (json!("/Date(1262304000000+0000)/"), Some("2010-01-01")),
            (json!("/Date(1262390399999+0060)/"), Some("2010-01-01")),
            (json!("/Date(0)/"), Some("1970-01-01")),
            (json!("/Date(-1)/"), Some("1969-12-31")),
            (json!("/Date(-86400000-0060)/"), Some("1969-12-31")),
            (json!("/Date(253402300799000+0000)/"), Some("9999-12-31")),
            (json!("/Date(253402214400000)/"), Some("9999-12-31")),
            (json!("/Date(9223372036854775807)/"), Some("9999-12-31")),
            (json!("2010-01-01"), Some("2010-01-01")),
            (json!("2010-01-01T00:00:00Z"), Some("2010-01-01")),
            (json!("2010-01-01T00:00:00.000+01:00"), Some("2010-01-01")),
            (json!("2010-01-01 00:00:00"), Some("2010-01-01")),
            (json!("9999-12-31T23:59:59Z"), Some("9999-12-31")),
            (json!("20100101"), Some("2010-01-01")),
            (json!("99991231"), Some("9999-12-31")),
            (json!(null), None),
            (json!(""), None),
            (json!("        "), None),
            (json!("00000000"), None),
            (json!("0000-00-00"), None),
        ] {
            let read = day(&Node::from(&node)).unwrap_or_else(|| panic!("{node}"));
            assert_eq!(read.map(|day| day.to_string()).as_deref(), expected, "{node}");
        }
    }

    #[test]
    fn what_is_no_day_is_not_taken_for_no_limit() {
        for node in [
            json!("tomorrow"),
            json!("2010-13-01"),
            json!("2010-02-30"),
            json!("20100230"),
            json!("2010-1-1"),
            json!("01.01.2010"),
            json!("/Date()/"),
            json!("/Date(x)/"),
            json!("/Date(1"),
            json!("2010-01-01x"),
            json!(20_100_101),
            json!(true),
            json!(["2010-01-01"]),
            json!({}),
        ] {
            assert_eq!(day(&Node::from(&node)), None, "{node}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", number in any::<i64>()) {
            let _any = day(&Node::from(&json!(text)));
            let text = format!("/Date({number})/");
            prop_assert!(day(&Node::from(&json!(text))).is_some());
        }
    }
}
