//! SAP asked to be left alone for a while (`Retry-After`, RFC 9110 10.2.3), and is.
//!
//! Calls in the meantime are answered at once as those of a silent SAP: waiting for the moment would
//! cost each of them its deadline, and asking would make it worse (Sales Cloud Version 2 counts
//! refused requests too).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, header};
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Instant;

/// SAP is left alone for this long at most: a daily quota would otherwise silence dialgate until
/// midnight, long after somebody has raised it.
const LONGEST: Duration = Duration::from_mins(1);

/// When SAP may be asked again.
#[derive(Default)]
pub(super) struct Hold(Mutex<Option<Instant>>);

impl Hold {
    /// Nobody asks for `wait` from now on; a longer wait than the longest is cut.
    pub(super) fn leave_alone(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let mut hold = self.lock();
        *hold = Some(hold.map_or(until, |earlier| earlier.max(until)));
    }

    /// How much longer SAP is left alone.
    pub(super) fn remaining(&self) -> Option<Duration> {
        let until = (*self.lock())?;
        let remaining = until.saturating_duration_since(Instant::now());
        (!remaining.is_zero()).then_some(remaining)
    }

    /// A person says that SAP may be asked again.
    pub(super) fn lift(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long SAP wants to be left alone: seconds, or a moment. The moment is compared with the
/// answer's own `Date`, so that it does not matter whose clock is wrong.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wanted = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let moment = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let (then, now) = (moment(wanted)?, moment(text(header::DATE)?)?);
    let seconds = u64::try_from(then.as_second() - now.as_second()).unwrap_or_default();
    Some(Duration::from_secs(seconds).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_moments_are_read_and_cut() {
        let date = "Sun, 22 Nov 2026 10:00:00 GMT";
        for (wanted, date, expected) in [
            ("30", "", Some(30)),
            (" 30 ", "", Some(30)),
            ("0", "", Some(0)),
            ("86400", "", Some(60)),
            ("-1", date, None),
            ("soon", date, None),
            ("1.5", date, None),
            ("Sun, 22 Nov 2026 10:00:20 GMT", date, Some(20)),
            ("Sun, 22 Nov 2026 11:00:00 GMT", date, Some(60)),
            ("Sun, 22 Nov 2026 09:00:00 GMT", date, Some(0)),
            ("Sun, 22 Nov 2026 10:00:20 GMT", "", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, wanted.parse().unwrap());
            headers.insert(header::DATE, date.parse().unwrap());

            let told = retry_after(&headers).map(|wait| wait.as_secs());

            assert_eq!(told, expected, "{wanted} {date}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wait_counts_and_ends() {
        let hold = Hold::default();
        assert_eq!(hold.remaining(), None);

        hold.leave_alone(Duration::from_secs(30));
        hold.leave_alone(Duration::from_secs(1));
        assert_eq!(hold.remaining(), Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(hold.remaining(), None);

        hold.leave_alone(Duration::from_hours(9));
        assert_eq!(hold.remaining(), Some(LONGEST));
        hold.lift();
        assert_eq!(hold.remaining(), None);
    }
}
