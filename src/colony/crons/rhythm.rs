//! When a cron starts next (chapter 3, 6.4).

use super::Cron;
use super::expression::Expression;
use super::next::next_time;
use crate::time::Time;
use jiff::tz::TimeZone;

/// The next start of a cron strictly after `now`; unset where there is none.
///
/// Intervals are counted from the cron's anchor, so that crons of one interval that were added at different times keep
/// their distance, also after a time in which the server was down. A slot that comes sooner than half an interval after
/// a late start is left out.
pub fn next_run(cron: &Cron, now: Time, zone: &TimeZone, random: [u8; 32]) -> Time {
    if cron.interval <= 0 {
        let expression = Expression::parse(&cron.expression).ok();
        return expression.and_then(|expression| next_time(&expression, now, zone)).unwrap_or(Time::UNSET);
    }
    let interval = i64::from(cron.interval) * 1_000_000;
    let since = now.micros().saturating_sub(cron.anchor.micros()).max(0);
    if cron.random {
        // One start in each interval, at a random moment of its last nine tenths: never two at once.
        let number = if since > 0 { since / interval + 1 } else { 0 };
        let begin = cron.anchor.plus_micros(interval.saturating_mul(number));
        let fraction = u64::from_be_bytes(random.first_chunk().copied().unwrap_or_default());
        let span = interval - interval / 10;
        // Below the span, which fits.
        let part = ((u128::from(fraction) * span as u128) >> 64) as i64;
        return begin.plus_micros(interval / 10 + part);
    }
    let number = since.saturating_add(interval / 2).saturating_add(interval - 1) / interval;
    cron.anchor.plus_micros(interval.saturating_mul(number.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::crons::tests::cron;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn next(anchor: i64, interval: i32, now: Time) -> Time {
        next_run(&Cron { anchor: at(anchor), interval, ..cron() }, now, &TimeZone::UTC, [0; 32])
    }

    #[test]
    fn an_interval_keeps_its_phase() {
        assert_eq!(next(1_000, 60, at(1_000)), at(1_060));
        assert_eq!(next(1_000, 60, at(1_060).plus_micros(1_200)), at(1_120));
        assert_eq!(next(1_000, 60, at(1_080)), at(1_120));
        // Too close after a late start.
        assert_eq!(next(1_000, 60, at(1_100)), at(1_180));
        // An anchor that is yet to come.
        assert_eq!(next(5_000, 60, at(1_000)), at(5_060));
    }

    proptest! {
        #[test]
        fn the_next_start_is_later_and_within_one_and_a_half_intervals(
            since in 0i64..10_000_000_000, interval in 1i32..100_000, random in any::<[u8; 32]>(), is_random in any::<bool>(),
        ) {
            let now = at(7).plus_micros(since);
            let cron = Cron { anchor: at(7), interval, random: is_random, ..cron() };
            let next = next_run(&cron, now, &TimeZone::UTC, random).micros() - now.micros();
            prop_assert!(next > 0 && next <= i64::from(interval) * 2_000_000);
            prop_assert!(is_random || next * 2 >= i64::from(interval) * 1_000_000);
            prop_assert!(is_random || next * 2 <= i64::from(interval) * 3_000_000);
        }
    }
}
