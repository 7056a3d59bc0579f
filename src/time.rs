//! Points in time as the protocol has them.

use bincode::{Decode, Encode};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Microseconds from year 1 to the Unix epoch.
const YEAR_1_US: i64 = -62_135_596_800_000_000;

/// The last microsecond of the year 9999.
const LAST_US: i64 = 253_402_300_799_999_999;

/// A turn's time in nanoseconds since the Unix epoch. Strictly increasing within one colony.
pub type Nanos = i64;

/// A length of time in whole microseconds, as clocks and timers count; saturates after half a million years.
pub fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

/// A point in time as it is stored and shown: whole microseconds since the Unix epoch, UTC.
///
/// Years 1 to 9999 fit, as the protocol's RFC 3339 texts need (chapter 1, 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Time(i64);

impl Default for Time {
    fn default() -> Self {
        Time::UNSET
    }
}

impl Time {
    /// "Not set": year 1, shown as `0001-01-01T00:00:00Z`.
    pub const UNSET: Time = Time(YEAR_1_US);
    /// The Unix epoch.
    pub const EPOCH: Time = Time(0);

    /// Rounded to the nearest microsecond, as the protocol stores times.
    pub fn from_nanos(nanos: Nanos) -> Time {
        Time(nanos.saturating_add(500).div_euclid(1_000))
    }

    /// From microseconds since the Unix epoch.
    pub fn from_micros(micros: i64) -> Time {
        Time(micros)
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whether this is a time and not "not set".
    pub fn is_set(self) -> bool {
        self.0 != YEAR_1_US
    }

    /// This time and `seconds` more; saturates.
    pub fn plus_seconds(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// This time and `micros` more; saturates.
    pub fn plus_micros(self, micros: i64) -> Time {
        Time(self.0.saturating_add(micros))
    }

    /// Seconds from `earlier` to this time, as the statistics of functions count them.
    pub fn seconds_since(self, earlier: Time) -> f64 {
        (self.0 - earlier.0) as f64 / 1e6
    }

    /// The RFC 3339 text in UTC: at most microseconds, trailing zeros of the fraction dropped (chapter 1, 3.5).
    pub fn to_text(self) -> String {
        let days = self.0.div_euclid(86_400_000_000);
        let in_day = self.0.rem_euclid(86_400_000_000);
        let (year, month, day) = civil_from_days(days);
        let (seconds, fraction) = (in_day / 1_000_000, in_day % 1_000_000);
        let mut text = String::with_capacity(27);
        push_padded(&mut text, year, 4);
        text.push('-');
        push_padded(&mut text, month, 2);
        text.push('-');
        push_padded(&mut text, day, 2);
        text.push('T');
        push_padded(&mut text, seconds / 3_600, 2);
        text.push(':');
        push_padded(&mut text, seconds / 60 % 60, 2);
        text.push(':');
        push_padded(&mut text, seconds % 60, 2);
        if fraction != 0 {
            text.push('.');
            push_padded(&mut text, fraction, 6);
            let kept = text.trim_end_matches('0').len();
            text.truncate(kept);
        }
        text.push('Z');
        text
    }

    /// Reads a strict RFC 3339 text (chapter 1, 2.1): upper-case `T` and `Z` or a numeric offset, years 0001 to 9999,
    /// `.` or `,` before the fraction; rounded to microseconds, and to these years. `None` for anything else.
    pub fn from_text(text: &str) -> Option<Time> {
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !text.is_ascii() {
            return None;
        }
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, mark)| bytes[at] != mark) {
            return None;
        }
        let year = digits(&bytes[0..4])?;
        let month = digits(&bytes[5..7])?;
        let day = digits(&bytes[8..10])?;
        let hour = digits(&bytes[11..13])?;
        let minute = digits(&bytes[14..16])?;
        let second = digits(&bytes[17..19])?;
        if year < 1
            || !(1..=12).contains(&month)
            || day < 1
            || day > days_in_month(year, month)
            || hour > 23
            || minute > 59
            || second > 59
        {
            return None;
        }
        let mut rest = &bytes[19..];
        let mut nanos = 0i64;
        if rest[0] == b'.' || rest[0] == b',' {
            let length = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            // Digits past the ninth are below a nanosecond and dropped.
            let kept = length.min(9);
            nanos = digits(&rest[1..1 + kept])? * 10i64.pow(9 - kept as u32);
            rest = &rest[1 + length..];
        }
        let offset = match rest {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = hours * 3_600 + minutes * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
        // By its zone or by rounding a time may come into a year that nobody reads.
        Some(Time((seconds * 1_000_000 + (nanos + 500) / 1_000).clamp(YEAR_1_US, LAST_US)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_set() {
            serializer.serialize_str(&self.to_text())
        } else {
            serializer.serialize_str("0001-01-01T00:00:00Z")
        }
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeText;
        impl serde::de::Visitor<'_> for TimeText {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an RFC 3339 time")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                Time::from_text(text).ok_or_else(|| E::custom("not an RFC 3339 time"))
            }
        }
        /// `null` is the unset time, while the empty text is none.
        struct TimeOrNull;
        impl<'de> serde::de::Visitor<'de> for TimeOrNull {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an RFC 3339 time or null")
            }
            fn visit_none<E>(self) -> Result<Time, E> {
                Ok(Time::UNSET)
            }
            fn visit_unit<E>(self) -> Result<Time, E> {
                Ok(Time::UNSET)
            }
            fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Time, D::Error> {
                deserializer.deserialize_str(TimeText)
            }
        }
        deserializer.deserialize_option(TimeOrNull)
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

fn push_padded(text: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        text.push(char::from(b'0' + (value / 10i64.pow(place) % 10) as u8));
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the Unix epoch of a day of the proleptic Gregorian calendar: whole 400-year eras of 146,097 days, years
/// counted from March so that the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let from_era_zero = days + 719_468;
    let era = from_era_zero.div_euclid(146_097);
    let day_of_era = from_era_zero.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_rounded_and_trimmed() {
        for (input, shown) in [
            ("2020-01-02T03:04:05.123456789+02:00", "2020-01-02T01:04:05.123457Z"),
            ("2026-11-24T03:46:51.7615200Z", "2026-11-24T03:46:51.76152Z"),
            ("2026-11-24T03:46:51,5Z", "2026-11-24T03:46:51.5Z"),
            ("2024-02-29T23:59:59-00:30", "2024-03-01T00:29:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:59:59-10:00", "9999-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(Time::from_text(input).map(Time::to_text).as_deref(), Some(shown), "{input}");
        }
        assert_eq!(serde_json::to_string(&Time::UNSET).ok().as_deref(), Some("\"0001-01-01T00:00:00Z\""));
        assert!(!Time::from_text("0001-01-01T00:00:00Z").is_some_and(Time::is_set));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2020-01-02 03:04:05Z",
            "2020-01-02t03:04:05Z",
            "2020-01-02T03:04:05z",
            "2020-01-02T03:04:05",
            "2020-13-02T03:04:05Z",
            "2023-02-29T03:04:05Z",
            "2020-01-02T24:04:05Z",
            "2020-01-02T03:04:60Z",
            "0000-01-02T03:04:05Z",
            "2020-01-02T03:04:05.Z",
            "2020-01-02T3:04:05Z",
            "2020-01-02T03:04:05+1:00",
            "2020-01-02T03:04:05+24:00",
            "20200-01-02T03:04:05Z",
            "2020-01-02T03:04:05Zx",
        ] {
            assert_eq!(Time::from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_reads_back(micros in YEAR_1_US..253_402_300_800_000_000i64) {
            let time = Time::from_micros(micros);
            prop_assert_eq!(Time::from_text(&time.to_text()), Some(time));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            let _ = Time::from_text(&text);
        }
    }
}
