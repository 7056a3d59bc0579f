//! Any text as a cron's expression, at any time: refused with a text, or its next time is later, matches, and there is
//! no end of them that comes back.

#![no_main]

use colonies::colony::crons::expression::{Expression, Timing};
use colonies::colony::crons::next::next_time;
use colonies::time::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((now, text)) = input.split_first_chunk::<8>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(reason) => return assert!(!reason.is_empty()),
    };
    let mut now = Time::from_micros(i64::from_le_bytes(*now));
    for _ in 0..3 {
        let Some(next) = next_time(&expression, now, &TimeZone::UTC) else { return };
        assert!(next > now && next.micros() % 1_000_000 == 0, "{text:?}: {next:?} after {now:?}");
        if let Timing::Calendar(calendar) = &expression.timing {
            let zone = expression.zone.clone().unwrap_or(TimeZone::UTC);
            let local = zone.to_datetime(Timestamp::from_microsecond(next.micros()).expect("within the calendar"));
            let has = |set: u64, number: i8| set & (1 << number) != 0;
            assert!(has(calendar.seconds, local.second()), "{text:?}: {local}");
            assert!(has(calendar.minutes, local.minute()), "{text:?}: {local}");
            assert!(has(calendar.hours, local.hour()), "{text:?}: {local}");
            let weekday = local.date().weekday().to_sunday_zero_offset();
            assert!(calendar.has_day(local.month(), local.day(), weekday), "{text:?}: {local}");
        }
        now = next;
    }
});
