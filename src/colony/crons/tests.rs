//! Crons and their expressions at work.

use super::Cron;
use crate::colony::schedule::Starter;
use crate::crypto::Identity;
use crate::ids::CronId;
use crate::time::Time;

/// A cron that starts every minute.
pub(super) fn cron() -> Cron {
    Cron {
        id: CronId([0; 32]),
        starter: Starter { id: Identity::from_text("u"), name: "u".into(), must_be_member: true },
        name: "c".into(),
        expression: "0 * * * * *".into(),
        interval: -1,
        random: false,
        waits: false,
        workflow: "{}".into(),
        next_run: Time::UNSET,
        last_run: Time::UNSET,
        previous: None,
        anchor: Time::UNSET,
    }
}

use super::expression::{Expression, Timing};
use super::next::next_time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn stockholm() -> TimeZone {
    TimeZone::get("Europe/Stockholm").expect("a zone of the program")
}

/// The next time after `now`, or "never".
fn next(expression: &str, now: &str) -> String {
    let now = Time::from_text(now).expect(now);
    let expression = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    next_time(&expression, now, &stockholm()).map_or("never".into(), Time::to_text)
}

fn utc(text: &str) -> String {
    Time::from_text(text).map_or_else(|| text.to_owned(), Time::to_text)
}

#[test]
fn the_vectors_of_the_protocol() {
    let (early, late) = ("2026-11-24T03:17:54+01:00", "2026-11-24T03:27:16+01:00");
    for (expressions, now, wanted) in [
        ("@yearly|@annually", early, "2027-01-01T00:00:00+01:00"),
        ("@monthly", early, "2026-12-01T00:00:00+01:00"),
        ("@weekly", early, "2026-11-29T00:00:00+01:00"),
        ("@daily|@midnight", early, "2026-11-25T00:00:00+01:00"),
        ("@hourly", early, "2026-11-24T04:00:00+01:00"),
        ("@every 1h30m", early, "2026-11-24T04:47:54+01:00"),
        ("@every 1h0m0.5s", early, "2026-11-24T04:17:54+01:00"),
        ("@every 1.5h", late, "2026-11-24T04:57:16+01:00"),
        ("@every 0s|@every 1µs|@every -5s", late, "2026-11-24T03:27:17+01:00"),
        ("TZ=Asia/Tokyo @every 3h", early, "2026-11-24T06:17:54+01:00"),
        ("0 0 12 * * MON-FRI", early, "2026-11-24T12:00:00+01:00"),
        ("0 0 12 ? * mon", early, "2026-11-30T12:00:00+01:00"),
        ("0 0 12 1,15 * 5|0 0 12 */10 * 5", early, "2026-11-27T12:00:00+01:00"),
        ("0 0 0 13 * 5", early, "2026-11-27T00:00:00+01:00"),
        ("0 0 12 29 2 0", early, "2027-02-07T12:00:00+01:00"),
        ("0 0 12 29 2 ?", early, "2028-02-29T12:00:00+01:00"),
        ("0 0 0 29 feb ?", early, "2028-02-29T00:00:00+01:00"),
        ("0 0 12 * jan-mar *|0 0 12 1 */3 *", early, "2027-01-01T12:00:00+01:00"),
        ("0 0 0 1 1 */2", early, "2027-01-01T00:00:00+01:00"),
        ("0 0 12 * * SUN,sat|0 0 12 * * 0,6", early, "2026-11-28T12:00:00+01:00"),
        ("0 0 12 * * sun-sat", early, "2026-11-24T12:00:00+01:00"),
        ("0 0 12 * * fri/2", early, "2026-11-27T12:00:00+01:00"),
        ("5/15 0 0 * * *", early, "2026-11-25T00:00:05+01:00"),
        ("0 5-10/2 5 * * *", early, "2026-11-24T05:05:00+01:00"),
        ("0 1,2, 5 * * *", early, "2026-11-24T05:01:00+01:00"),
        ("0 0 *-5 * * *", early, "2026-11-24T04:00:00+01:00"),
        ("0 0 22-23,0-1 * * *", early, "2026-11-24T22:00:00+01:00"),
        ("0 0 +12 * * *|0 0 012 * * *|0 0 12 ? ? ?|TZ=Local 0 0 12 * * *", early, "2026-11-24T12:00:00+01:00"),
        ("CRON_TZ=UTC 0 0 12 * * *|TZ= 0 0 12 * * *", early, "2026-11-24T13:00:00+01:00"),
        ("TZ=UTC @daily", early, "2026-11-25T01:00:00+01:00"),
        ("TZ=America/New_York 0 0 12 * * *", early, "2026-11-24T18:00:00+01:00"),
        ("TZ=America/New_York 0 30 1 7 11 *", early, "2027-11-07T06:30:00+01:00"),
        ("TZ=Australia/Lord_Howe 0 15 2 3 10 *", early, "2028-10-02T17:15:00+02:00"),
        ("TZ=Asia/Beirut 0 0 0 28 3 *", early, "2028-03-27T23:00:00+02:00"),
        ("0 0 0 30 2 *|0 0 0 31 4,6 *|,, * * * * *", early, "never"),
    ] {
        for expression in expressions.split('|') {
            assert_eq!(next(expression, now), utc(wanted), "{expression}");
        }
    }
}

#[test]
fn clocks_that_change() {
    let now = "2026-11-24T03:17:54+01:00";
    for (expression, now, wanted) in [
        // Left out: the next date that has the time.
        ("0 30 2 28 3 *", now, "2028-03-28T02:30:00+02:00"),
        ("TZ=America/New_York 0 30 2 14 3 *", now, "2028-03-14T02:30:00-04:00"),
        ("TZ=Asia/Beirut 0 30 0 28 3 *", now, "2028-03-28T00:30:00+03:00"),
        // The rest of such a day is there.
        ("TZ=America/Havana 0 0 5 14 3 *", now, "2027-03-14T05:00:00-04:00"),
        ("TZ=Asia/Beirut 0 0 5 28 3 *", now, "2027-03-28T05:00:00+03:00"),
        // Twice.
        ("TZ=America/New_York 0 30 1 * * *", "2027-11-07T00:00:00-04:00", "2027-11-07T01:30:00-04:00"),
        ("TZ=America/New_York 0 30 1 * * *", "2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00"),
        ("TZ=America/New_York 0 30 1 * * *", "2027-11-07T01:30:00-05:00", "2027-11-08T01:30:00-05:00"),
        // Every real hour.
        ("@hourly", "2027-10-31T02:00:00+02:00", "2027-10-31T02:00:00+01:00"),
        ("@hourly", "2027-03-28T01:00:00+01:00", "2027-03-28T03:00:00+02:00"),
    ] {
        assert_eq!(next(expression, now), utc(wanted), "{expression} after {now}");
    }
}

/// Whether an instant matches, looked at from the outside.
fn matches(expression: &Expression, second: i64) -> bool {
    let Timing::Calendar(calendar) = &expression.timing else { return false };
    let zone = expression.zone.clone().unwrap_or_else(stockholm);
    let local = zone.to_datetime(Timestamp::from_second(second).expect("a time"));
    let has = |set: u64, number: i8| set & (1 << number) != 0;
    has(calendar.seconds, local.second())
        && has(calendar.minutes, local.minute())
        && has(calendar.hours, local.hour())
        && calendar.has_day(local.month(), local.day(), local.weekday().to_sunday_zero_offset())
}

proptest! {
    #[test]
    fn the_next_time_is_later_matches_and_is_the_first(
        zone in prop_oneof![Just(""), Just("TZ=UTC "), Just("TZ=America/New_York "), Just("TZ=Australia/Lord_Howe ")],
        seconds in "(\\*|\\*/7|0|[1-5][0-9],3)", minutes in "(\\*|\\*/9|[1-5]?[0-9])", hours in "(\\*|[0-9]|1[0-9]|2-5/2)",
        days in "(\\*|\\?|[1-9]|2[0-9]|\\*/6)", months in "(\\*|[1-9]|oct-dec)", weekdays in "(\\*|[0-6]|mon-fri|\\*/2)",
        second in 1_700_000_000i64..2_000_000_000, micros in 0i64..1_000_000,
    ) {
        let text = format!("{zone}{seconds} {minutes} {hours} {days} {months} {weekdays}");
        let expression = Expression::parse(&text).expect(&text);
        let now = Time::from_micros(second * 1_000_000 + micros);
        if let Some(next) = next_time(&expression, now, &stockholm()) {
            prop_assert!(next > now && next.micros() % 1_000_000 == 0);
            let next = next.micros() / 1_000_000;
            prop_assert!(matches(&expression, next), "{text}");
            // As far as it is bearable.
            let passed_over = (second + 1..next).take(5_000).chain((next - 5_000).max(second + 1)..next);
            for earlier in passed_over {
                prop_assert!(!matches(&expression, earlier), "{text}: {earlier} is before {next}");
            }
        }
    }
}
