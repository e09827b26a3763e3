//! A byte order mark before an answer, and texts that were cut in the middle of a character: they spoil
//! nothing but themselves (RFC 8259 sections 8.1 and 8.2).

use super::*;

/// A record of Cloud for Customer with a note that nobody reads, and a channel.
fn body(note: &str, channel: &str) -> String {
    format!(
        r#"{{"d":{{"results":[{{"CustomerID":"1001910","Note":{note},"LifeCycleStatusCode":"2","ContactPermissionCode":"1","CountryCode":"DE","IndividualCustomerSalesData":[{{"SalesOrganisationID":"1000","DistributionChannelCode":"01","DistributionChannelCodeText":{channel},"DivisionCode":"00"}}]}}]}}}}"#
    )
}

#[test]
fn a_broken_text_in_a_member_that_nobody_reads_is_read_over() {
    let reader = &steps("c4c")[0].reader;
    for note in [
        r#""\ud83d""#,
        r#""\uD83D""#,
        r#""\ude00""#,
        r#""\ud83d\ud83d""#,
        r#""\ude00\ud83d""#,
        r#""\ud83dx""#,
        r#""x\ud83d""#,
        r#""\ud83d\n""#,
        r#""\ud83d\u0041""#,
        r#""\ud83d\ude00\ud83d""#,
        r#""\\\ud83d""#,
        r#""\\ud83d""#,
        r#"["\ud83d","\udfff"]"#,
        r#"{"a":"\udbff"}"#,
        r#"{"\ud83d":1}"#,
        r#""\ud83d\ude00""#,
        r#""\u0000""#,
        r#""\uffff""#,
        r#""Müller""#,
        r#""😀""#,
    ] {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{}", body(note, r#""Direct sales""#));
            let found = read(reader, "1001910", text.as_bytes());
            assert_eq!(told(&found), "Direct sales DE", "{note} {mark:?}");
        }
    }
}

#[test]
fn a_broken_text_that_is_read_is_nobody_elses() {
    let reader = &steps("c4c")[0].reader;
    for (channel, expected) in [
        (r#""Direct sales\ud83d""#, "Direct sales\u{fffd} DE"),
        (r#""\ud83dDirect sales""#, "\u{fffd}Direct sales DE"),
        (r#""\ud83d""#, "\u{fffd} DE"),
    ] {
        let found = read(reader, "1001910", body("1", channel).as_bytes());
        assert_eq!(told(&found), expected, "{channel}");
    }
    let other = body("1", r#""Direct sales""#).replace(r#""1001910""#, r#""1001910\ud83d""#);
    assert_eq!(told(&read(reader, "1001910", other.as_bytes())), "WrongRecord");
}

#[test]
fn what_is_no_text_at_all_is_still_no_answer() {
    let reader = &steps("c4c")[0].reader;
    let good = body("1", r#""Direct sales""#);
    for text in [
        format!("\u{feff}\u{feff}{good}"),
        format!("{good}\u{feff}"),
        format!("x{good}"),
        body(r#""\ud83""#, r#""Direct sales""#),
        body(r#""\ud83g""#, r#""Direct sales""#),
        body(r#""\x41""#, r#""Direct sales""#),
        body("\"a\nb\"", r#""Direct sales""#),
        body("'a'", r#""Direct sales""#),
        body("NaN", r#""Direct sales""#),
    ] {
        assert!(read(reader, "1001910", text.as_bytes()).is_err(), "{text}");
    }
    // UTF-16, and Latin-1 that says it is JSON.
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(reader, "1001910", &utf16).is_err());
    let latin1 = body("\"M?ller\"", r#""Direct sales""#).into_bytes();
    let latin1: Vec<u8> =
        latin1.into_iter().map(|byte| if byte == b'?' { 0xFC } else { byte }).collect();
    assert!(read(reader, "1001910", &latin1).is_err());
}
