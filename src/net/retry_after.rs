//! `Retry-After` (RFC 9110 10.2.3): in how many seconds, or at which moment, a server may be asked again.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822::DateTimeParser, strtime},
    tz::TimeZone,
};

use crate::telemetry::clock;

/// The two older forms of a date in HTTP (RFC 9110 5.6.7): RFC 850's and asctime's.
const OLD_FORMS: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// How long a server wants to be left alone. A moment is compared with the answer's own `Date`, so that it
/// does not matter whose clock is wrong, and with ours where the answer has none.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    retry_after_at(headers, clock::unix_seconds())
}

fn retry_after_at(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wanted = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = text(header::DATE).and_then(moment).unwrap_or(now);
    let seconds = u64::try_from(moment(wanted)?.saturating_sub(now)).unwrap_or_default();
    Some(Duration::from_secs(seconds))
}

/// Seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    if let Ok(moment) = DateTimeParser::new().parse_timestamp(text) {
        return Some(moment.as_second());
    }
    OLD_FORMS.iter().find_map(|form| {
        let date: DateTime = strtime::parse(form, text).ok()?.to_datetime().ok()?;
        Some(Timestamp::from(date.to_zoned(TimeZone::UTC).ok()?).as_second())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sun, 22 Nov 2026 10:00:00 GMT.
    const TEN: i64 = 1_795_341_600;

    fn headers(wanted: &str, date: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, wanted.parse().unwrap());
        if !date.is_empty() {
            headers.insert(header::DATE, date.parse().unwrap());
        }
        headers
    }

    #[test]
    fn seconds_and_moments_in_every_form_are_read() {
        let date = "Sun, 22 Nov 2026 10:00:00 GMT";
        for (wanted, date, expected) in [
            ("30", "", Some(30)),
            (" 30 ", "", Some(30)),
            ("0", "", Some(0)),
            ("86400", "", Some(86400)),
            ("-1", date, None),
            ("soon", date, None),
            ("1.5", date, None),
            ("Sun, 22 Nov 2026 10:00:20 GMT", date, Some(20)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", date, Some(0)),
            // The answer's own clock goes an hour ahead of ours.
            ("Sun, 22 Nov 2026 11:00:20 GMT", "Sun, 22 Nov 2026 11:00:00 GMT", Some(20)),
            ("Sun, 22 Nov 2026 10:00:20 GMT", "", Some(20)),
            ("Sunday, 22-Nov-26 10:00:20 GMT", "", Some(20)),
            ("Sun Nov 22 10:00:20 2026", "", Some(20)),
            ("Sun, 22 Nov 2026 10:00:20 GMT", "nonsense", Some(20)),
        ] {
            let told = retry_after_at(&headers(wanted, date), TEN).map(|wait| wait.as_secs());

            assert_eq!(told, expected, "{wanted} {date}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_stumble(wanted in "[ -~]{0,40}", date in "[ -~]{0,40}") {
            let _read = retry_after_at(&headers(&wanted, &date), TEN);
        }
    }
}
