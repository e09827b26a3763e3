//! The wall clock, read here and nowhere else: records carry it, durations never do.

use std::fmt;

use jiff::{Timestamp, ToSpan, fmt::temporal::DateTimePrinter};
use uuid::{Builder, Uuid};

/// Seconds since 1970, for timestamps in metrics.
pub fn unix_seconds() -> i64 {
    Timestamp::now().as_second()
}

/// Milliseconds since 1970, for what another process reads.
pub fn unix_milliseconds() -> u64 {
    Moment::now().unix_milliseconds()
}

/// A day of the calendar, in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Day {
    /// Year.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
}

impl Day {
    /// The day so many days later, or earlier where negative.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        let (year, month) = (i16::try_from(self.year), i8::try_from(self.month));
        let date = year.ok().zip(month.ok()).zip(i8::try_from(self.day).ok()).and_then(
            |((year, month), day)| {
                jiff::civil::Date::new(year, month, day).ok()?.checked_add(days.days()).ok()
            },
        );
        date.map_or(self, Self::from)
    }
}

/// As RFC 3339 writes it: `2026-11-22`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<jiff::civil::Date> for Day {
    fn from(date: jiff::civil::Date) -> Self {
        Self {
            year: date.year().into(),
            month: date.month().unsigned_abs(),
            day: date.day().unsigned_abs(),
        }
    }
}

/// The present day in UTC.
pub fn today() -> Day {
    today_date().into()
}

/// The same, to compare it with others.
pub fn today_date() -> jiff::civil::Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The day in UTC of a second since 1970, such as the end of a certificate.
pub fn day_of(unix_seconds: i64) -> Day {
    let moment = Timestamp::from_second(unix_seconds).unwrap_or(if unix_seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().into()
}

/// Whole days from now to a second since 1970; negative where it has passed.
pub fn days_until(unix_seconds: i64) -> i64 {
    (unix_seconds - self::unix_seconds()).div_euclid(24 * 60 * 60)
}

/// With milliseconds.
const RECORDS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// A moment as records write it: `2026-11-22T15:04:05.123Z`.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Timestamp);

impl Moment {
    /// The present one.
    pub fn now() -> Self {
        Self(Timestamp::now())
    }

    /// The moment so much later.
    #[must_use]
    pub fn after(self, wait: std::time::Duration) -> Self {
        Self(self.0.checked_add(wait).unwrap_or(Timestamp::MAX))
    }

    /// A second since 1970, such as the end of a certificate; `None`: no calendar has it.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self)
    }

    /// For people: `2026-11-22T15:04:05Z`.
    pub fn to_the_second(self) -> String {
        format!("{:.0}", self.0)
    }

    /// Nanoseconds since 1970.
    pub fn unix_nanoseconds(self) -> u64 {
        u64::try_from(self.0.as_nanosecond()).unwrap_or_default()
    }

    /// Appends it as records write it.
    pub fn write_to(self, text: &mut Vec<u8>) {
        // Writing to memory: nothing here can fail.
        RECORDS.print_timestamp(&self.0, text).unwrap_or_default();
    }

    fn unix_milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millisecond()).unwrap_or_default()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

/// Names one call in its answer, its records and the log: a version 7 UUID (RFC 9562). Later ones are
/// greater, but for those of one millisecond.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallId(Uuid);

impl CallId {
    /// A new one. The random part names, it does not protect, so a fast generator without a lock
    /// or a system call is right.
    pub fn new(at: Moment) -> Self {
        let mut random = [0; 10];
        fastrand::fill(&mut random);
        Self(Builder::from_unix_timestamp_millis(at.unix_milliseconds(), &random).into_uuid())
    }

    /// All of its bits.
    pub fn number(self) -> u128 {
        self.0.as_u128()
    }

    /// The 36 characters of its text form.
    pub fn text(self) -> CallIdText {
        let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
        self.0.hyphenated().encode_lower(&mut buffer);
        CallIdText(buffer)
    }
}

impl From<Uuid> for CallId {
    fn from(name: Uuid) -> Self {
        Self(name)
    }
}

/// A call's name as text, in place.
#[derive(Clone, Copy)]
pub struct CallIdText([u8; uuid::fmt::Hyphenated::LENGTH]);

impl CallIdText {
    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<[u8]> for CallIdText {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for CallIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_of_one_moment_have_different_names() {
        let at = Moment::now();

        assert_ne!(CallId::new(at).to_string(), CallId::new(at).to_string());
    }

    #[test]
    fn a_year_later_is_the_same_day_or_the_one_before() {
        let day = Day { year: 2027, month: 12, day: 31 };

        assert_eq!(day.plus_days(1), Day { year: 2028, month: 1, day: 1 });
        assert_eq!(day.plus_days(366), Day { year: 2028, month: 12, day: 31 });
        assert_eq!(day.plus_days(-365), Day { year: 2026, month: 12, day: 31 });
    }

    #[test]
    fn the_end_of_a_certificate_is_a_day() {
        assert_eq!(day_of(1_795_359_845).to_string(), "2026-11-22");
        assert_eq!(day_of(0).to_string(), "1970-01-01");
        assert_eq!(day_of(i64::MAX).to_string(), "9999-12-30");
    }

    #[test]
    fn a_moment_is_written_in_utc_with_milliseconds() {
        let moment = Moment(Timestamp::from_millisecond(1_795_359_845_123).unwrap());

        assert_eq!(moment.to_string(), "2026-11-22T15:04:05.123Z");
        assert_eq!(moment.to_the_second(), "2026-11-22T15:04:05Z");
    }
}
