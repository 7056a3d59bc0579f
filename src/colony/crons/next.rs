//! The next time of an expression (chapter 3, 7.5).

use super::expression::{Calendar, Expression, Timing};
use crate::time::Time;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::TimeZone;

/// Years that are looked through.
const YEARS: i16 = 5;

/// The first time strictly after `now`, on a whole second; `None` where there is none within about five years.
///
/// A local time that a change of clocks leaves out is passed over; one that comes twice matches twice.
pub fn next_time(expression: &Expression, now: Time, server_zone: &TimeZone) -> Option<Time> {
    let second = now.micros().div_euclid(1_000_000);
    match &expression.timing {
        Timing::Every(seconds) => second.checked_add(*seconds)?.checked_mul(1_000_000).map(Time::from_micros),
        Timing::Calendar(calendar) => {
            let start = Timestamp::from_second(second.checked_add(1)?).ok()?;
            let found = search(calendar, start, expression.zone.as_ref().unwrap_or(server_zone))?;
            found.as_second().checked_mul(1_000_000).map(Time::from_micros)
        }
    }
}

fn search(calendar: &Calendar, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if calendar.seconds == 0 || calendar.minutes == 0 || calendar.hours == 0 {
        return None;
    }
    let mut date = zone.to_datetime(start).date();
    let last_year = date.year().saturating_add(YEARS);
    while date.year() <= last_year {
        if calendar.has_day(date.month(), date.day(), date.weekday().to_sunday_zero_offset())
            && let Some(found) = search_day(calendar, date, start, zone)
        {
            return Some(found);
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The first match within one day, at `start` or later. A day is a row of stretches between changes of the clocks.
fn search_day(calendar: &Calendar, date: Date, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let begin = zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    let end = zone.to_timestamp(date.tomorrow().ok()?.at(0, 0, 0, 0)).ok()?;
    let mut from = begin.max(start);
    while from < end {
        let change = zone.following(from).next().map(|transition| transition.timestamp());
        let to = change.filter(|change| *change < end).unwrap_or(end);
        let offset = zone.to_offset(from);
        // Where the clocks go back over midnight, a stretch may begin on the day before or end on the day after.
        let local = offset.to_datetime(from).max(date.at(0, 0, 0, 0));
        if local.date() == date
            && let Some(time) = first_match(calendar, local.time())
        {
            let found = offset.to_timestamp(DateTime::from_parts(date, time)).ok()?;
            if found < to {
                return Some(found);
            }
        }
        from = to;
    }
    None
}

/// The first time of day that matches, at `from` or later.
fn first_match(calendar: &Calendar, from: Clock) -> Option<Clock> {
    let (hour, minute, second) = (from.hour(), from.minute(), from.second());
    if has(calendar.hours, hour) {
        if has(calendar.minutes, minute)
            && let Some(second) = first_from(calendar.seconds, second)
        {
            return Clock::new(hour, minute, second, 0).ok();
        }
        if let Some(minute) = first_from(calendar.minutes, minute + 1) {
            return Clock::new(hour, minute, first_from(calendar.seconds, 0)?, 0).ok();
        }
    }
    let hour = first_from(calendar.hours, hour + 1)?;
    Clock::new(hour, first_from(calendar.minutes, 0)?, first_from(calendar.seconds, 0)?, 0).ok()
}

fn has(set: u64, number: i8) -> bool {
    set & (1 << number) != 0
}

/// The smallest member of a set that is at least `from`.
fn first_from(set: u64, from: i8) -> Option<i8> {
    let rest = set & (u64::MAX << from);
    // At most 63.
    (rest != 0).then(|| rest.trailing_zeros() as i8)
}
