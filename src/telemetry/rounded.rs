//! Durations as people read them: `300 ms`, `2.5 s`, `1 m 30 s`, `2 h 5 m`, `3 d 4 h`.

use std::{fmt, time::Duration};

/// A duration, rounded to what matters at its size.
#[derive(Clone, Copy)]
pub struct Rounded(Duration);

/// A duration for the text of a log line or an error. Fields keep exact figures.
pub fn rounded(duration: Duration) -> Rounded {
    Rounded(duration)
}

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each size is rounded before it is compared: 59.96 s are `1 m`, not `60 s`.
        let in_units = |nanoseconds: u128| (self.0.as_nanos() + nanoseconds / 2) / nanoseconds;
        let milliseconds = in_units(1_000_000);
        let tenths = in_units(100_000_000);
        let seconds = in_units(1_000_000_000);
        let minutes = in_units(60_000_000_000);
        let hours = in_units(3_600_000_000_000);
        match () {
            () if milliseconds == 0 && !self.0.is_zero() => f.write_str("less than 1 ms"),
            () if milliseconds < 1000 => write!(f, "{milliseconds} ms"),
            () if tenths < 600 && tenths % 10 == 0 => write!(f, "{} s", tenths / 10),
            () if tenths < 600 => write!(f, "{}.{} s", tenths / 10, tenths % 10),
            () if seconds < 3600 => two(f, seconds, 60, ["m", "s"]),
            () if minutes < 24 * 60 => two(f, minutes, 60, ["h", "m"]),
            () => two(f, hours, 24, ["d", "h"]),
        }
    }
}

/// Two units, or the larger one alone where nothing is left for the smaller.
fn two(f: &mut fmt::Formatter<'_>, count: u128, of: u128, units: [&str; 2]) -> fmt::Result {
    let ([large, small], rest) = (units, count % of);
    write!(f, "{} {large}", count / of)?;
    if rest > 0 {
        write!(f, " {rest} {small}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_to_what_matters_at_its_size() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.000_3, "less than 1 ms"),
            (0.000_6, "1 ms"),
            (0.3, "300 ms"),
            (0.347_2, "347 ms"),
            (0.999_6, "1 s"),
            (2.500_953_637, "2.5 s"),
            (10.0, "10 s"),
            (29.96, "30 s"),
            (59.94, "59.9 s"),
            (59.96, "1 m"),
            (90.4, "1 m 30 s"),
            (300.0, "5 m"),
            (3_599.7, "1 h"),
            (7_500.0, "2 h 5 m"),
            (86_399.0, "1 d"),
            (273_600.0, "3 d 4 h"),
        ] {
            assert_eq!(rounded(Duration::from_secs_f64(seconds)).to_string(), text, "{seconds}");
        }
    }
}
