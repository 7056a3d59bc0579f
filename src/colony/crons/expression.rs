//! Cron expressions (chapter 3, 7): six fields or a descriptor, with an optional time zone before them.
//!
//! The dialect is that of the reference's parser, error texts included. `croner` reads another one (`L`, `W`, `#`,
//! seven for Sunday, fields joined by "and" or "or" in other ways, shifted times on change days), so this is its own.

use super::duration::parse_duration;
use jiff::tz::TimeZone;

/// What a cron's expression says.
#[derive(Clone, Debug)]
pub struct Expression {
    /// When.
    pub timing: Timing,
    /// The zone that the expression names; `None` is the server's.
    pub zone: Option<TimeZone>,
}

/// When an expression matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At these points of the calendar.
    Calendar(Calendar),
    /// So many whole seconds after the last time.
    Every(i64),
}

/// The six fields, each a set of numbers as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// 0 to 59.
    pub seconds: u64,
    /// 0 to 59.
    pub minutes: u64,
    /// 0 to 23.
    pub hours: u64,
    /// 1 to 31.
    pub days: u64,
    /// 1 to 12.
    pub months: u64,
    /// 0 to 6, Sunday first.
    pub weekdays: u64,
    /// Whether both day fields must match; else one is enough.
    pub both_days: bool,
}

impl Calendar {
    /// Whether a day of the calendar matches.
    pub fn has_day(&self, month: i8, day: i8, weekday: i8) -> bool {
        let has = |set: u64, number: i8| set & (1 << number) != 0;
        let (day, weekday) = (has(self.days, day), has(self.weekdays, weekday));
        has(self.months, month) && if self.both_days { day && weekday } else { day || weekday }
    }
}

/// One of the six fields.
struct Field {
    min: i64,
    max: i64,
    /// Names of the numbers from `min` on.
    names: &'static [&'static str],
}

const SECONDS: Field = Field { min: 0, max: 59, names: &[] };
const MINUTES: Field = SECONDS;
const HOURS: Field = Field { min: 0, max: 23, names: &[] };
const DAYS: Field = Field { min: 1, max: 31, names: &[] };
const MONTHS: Field = Field {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Field = Field { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// The texts of chapter 3, 7.4.
    pub fn parse(text: &str) -> Result<Expression, String> {
        if text.is_empty() {
            return Err("empty cron expression string".into());
        }
        let (zone, rest) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(zoned) => {
                // Without a blank there are no fields either; the reference fails without a text there.
                let Some((name, rest)) = zoned.split_once(' ') else {
                    return Err(wrong_fields(&[]));
                };
                (find_zone(name)?, rest.trim())
            }
            None => (None, text),
        };
        let timing =
            if rest.starts_with('@') { parse_descriptor(rest)? } else { Timing::Calendar(parse_fields(rest)?) };
        Ok(Expression { timing, zone })
    }
}

/// The zone of this name; `None` is the server's. Names are those of the zone data in the program, in their exact case.
fn find_zone(name: &str) -> Result<Option<TimeZone>, String> {
    match name {
        "Local" => return Ok(None),
        "" | "UTC" => return Ok(Some(TimeZone::UTC)),
        _ => {}
    }
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name() == Some(name) => Ok(Some(zone)),
        _ => Err(format!("provided bad location {name}: unknown time zone {name}")),
    }
}

fn parse_descriptor(text: &str) -> Result<Timing, String> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * 0",
        "@daily" | "@midnight" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        _ => {
            let Some(duration) = text.strip_prefix("@every ") else {
                return Err(format!("unrecognized descriptor: {text}"));
            };
            let nanos =
                parse_duration(duration).map_err(|error| format!("failed to parse duration {text}: {error}"))?;
            return Ok(Timing::Every((nanos / 1_000_000_000).max(1)));
        }
    };
    parse_fields(fields).map(Timing::Calendar)
}

fn wrong_fields(fields: &[&str]) -> String {
    format!("expected exactly 6 fields, found {}: [{}]", fields.len(), fields.join(" "))
}

fn parse_fields(text: &str) -> Result<Calendar, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let &[seconds, minutes, hours, days, months, weekdays] = fields.as_slice() else {
        return Err(wrong_fields(&fields));
    };
    let set = |field: &Field, text: &str| parse_field(field, text);
    let (seconds, minutes, hours) = (set(&SECONDS, seconds)?, set(&MINUTES, minutes)?, set(&HOURS, hours)?);
    let (days, months, weekdays) = (set(&DAYS, days)?, set(&MONTHS, months)?, set(&WEEKDAYS, weekdays)?);
    Ok(Calendar {
        seconds: seconds.bits,
        minutes: minutes.bits,
        hours: hours.bits,
        days: days.bits,
        months: months.bits,
        weekdays: weekdays.bits,
        both_days: days.is_open || weekdays.is_open,
    })
}

/// The numbers of a field, and whether it leaves them open.
#[derive(Default)]
struct Numbers {
    bits: u64,
    is_open: bool,
}

fn parse_field(field: &Field, text: &str) -> Result<Numbers, String> {
    text.split(',').filter(|item| !item.is_empty()).try_fold(Numbers::default(), |mut all, item| {
        let numbers = parse_item(field, item)?;
        all.bits |= numbers.bits;
        all.is_open |= numbers.is_open;
        Ok(all)
    })
}

/// One item of a field. Checks in the reference's order, which decides about the text where several things are wrong.
fn parse_item(field: &Field, item: &str) -> Result<Numbers, String> {
    let parts: Vec<&str> = item.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let is_star = matches!(ends[0], "*" | "?");
    let (low, mut high) = if is_star {
        (field.min, field.max)
    } else {
        let low = field.number(ends[0])?;
        match ends.as_slice() {
            [_] => (low, low),
            [_, high] => (low, field.number(high)?),
            _ => return Err(format!("too many hyphens: {item}")),
        }
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            if ends.len() == 1 {
                high = field.max;
            }
            parse_number(step)?
        }
        _ => return Err(format!("too many slashes: {item}")),
    };
    if low < field.min {
        return Err(format!("beginning of range ({low}) below minimum ({}): {item}", field.min));
    }
    if high > field.max {
        return Err(format!("end of range ({high}) above maximum ({}): {item}", field.max));
    }
    if low > high {
        return Err(format!("beginning of range ({low}) beyond end of range ({high}): {item}"));
    }
    let Some(stride) = usize::try_from(step).ok().filter(|&stride| stride > 0) else {
        return Err(format!("step of range should be a positive number: {item}"));
    };
    let bits = (low..=high).step_by(stride).fold(0, |bits, number| bits | 1 << number);
    Ok(Numbers { bits, is_open: is_star && step == 1 })
}

impl Field {
    /// A number, by name or in digits.
    fn number(&self, text: &str) -> Result<i64, String> {
        match self.names.iter().zip(self.min..).find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, number)) => Ok(number),
            None => parse_number(text),
        }
    }
}

fn parse_number(text: &str) -> Result<i64, String> {
    let number = text.parse::<i64>().map_err(|error| {
        let reason = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {reason}")
    })?;
    if number < 0 {
        return Err(format!("negative number ({number}) not allowed: {text}"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn errors_are_the_reference_s() {
        for (text, error) in [
            ("", "empty cron expression string"),
            ("* * * * *", "expected exactly 6 fields, found 5: [* * * * *]"),
            ("0 0 0 0 * * *", "expected exactly 6 fields, found 7: [0 0 0 0 * * *]"),
            ("  ", "expected exactly 6 fields, found 0: []"),
            ("TZ=UTC", "expected exactly 6 fields, found 0: []"),
            ("TZ=UTC ", "expected exactly 6 fields, found 0: []"),
            ("60 0 0 * * *", "end of range (60) above maximum (59): 60"),
            ("0 0 24 * * *", "end of range (24) above maximum (23): 24"),
            ("0 0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("0 0 0 * * 7", "end of range (7) above maximum (6): 7"),
            ("0 10-5 * * * *", "beginning of range (10) beyond end of range (5): 10-5"),
            ("0 */0 * * * *", "step of range should be a positive number: */0"),
            ("0 1-5-7 * * * *", "too many hyphens: 1-5-7"),
            ("0 1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("a * * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("0 0 0 * janx *", "failed to parse int from janx: strconv.Atoi: parsing \"janx\": invalid syntax"),
            ("0 0 0 * * 5#2", "failed to parse int from 5#2: strconv.Atoi: parsing \"5#2\": invalid syntax"),
            ("-1 * * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
            (
                "99999999999999999999 * * * * *",
                "failed to parse int from 99999999999999999999: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
            ("@reboot", "unrecognized descriptor: @reboot"),
            ("@Daily", "unrecognized descriptor: @Daily"),
            ("@every", "unrecognized descriptor: @every"),
            ("@daily ", "unrecognized descriptor: @daily "),
            ("@every 90", "failed to parse duration @every 90: time: missing unit in duration \"90\""),
            ("@every 1d", "failed to parse duration @every 1d: time: unknown unit \"d\" in duration \"1d\""),
            ("@every 9999999h", "failed to parse duration @every 9999999h: time: invalid duration \"9999999h\""),
            ("TZ=Bad/Zone * * * * * *", "provided bad location Bad/Zone: unknown time zone Bad/Zone"),
            (
                "TZ=europe/stockholm * * * * * *",
                "provided bad location europe/stockholm: unknown time zone europe/stockholm",
            ),
            (" TZ=UTC * * * * *", "failed to parse int from TZ=UTC: strconv.Atoi: parsing \"TZ=UTC\": invalid syntax"),
        ] {
            assert_eq!(Expression::parse(text).err().as_deref(), Some(error), "{text:?}");
        }
    }

    #[test]
    fn only_commas_match_nothing_and_a_huge_step_matches_once() {
        let fields = |text: &str| parse_fields(text).expect(text);
        assert_eq!(fields(",, * * * * *").seconds, 0);
        assert_eq!(fields("3/9223372036854775807 * * * * *").seconds, 1 << 3);
        assert_eq!(fields("*-5 * * * * *"), fields("* * * * * *"));
        assert!(fields("* * * */1 * 5").both_days && !fields("* * * */2 * 5").both_days);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(TZ=)?[-*?/,0-9a-zA-Z@ .µ]{0,30}") {
            let _ = Expression::parse(&text);
        }
    }
}
