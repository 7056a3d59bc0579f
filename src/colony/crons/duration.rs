//! Durations as Go writes them (chapter 3, 7.3): `1h30m`, `1.5h`.

/// Nanoseconds of a duration.
///
/// # Errors
/// Go's texts.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (is_negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_at_non_digit(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => split_at_non_digit(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let nanos: u64 = match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" => 1,
            // The micro sign and the Greek letter.
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| invalid())? };
        let part = whole.checked_mul(nanos).ok_or_else(invalid)?;
        // Below one unit, which fits; digits beyond what can matter are cut.
        let fraction = fraction
            .bytes()
            .take(18)
            .fold((0u128, 1u128), |(sum, scale), digit| (sum * 10 + u128::from(digit - b'0'), scale * 10));
        let fraction = (fraction.0 * u128::from(nanos) / fraction.1) as u64;
        total = total.checked_add(part).and_then(|sum| sum.checked_add(fraction)).ok_or_else(invalid)?;
        rest = after;
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if is_negative { -total } else { total })
}

fn split_at_non_digit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_are_go_s() {
        let second = 1_000_000_000;
        for (text, nanos) in [
            ("1h30m", 5_400 * second),
            ("1.5h", 5_400 * second),
            ("1h1h", 7_200 * second),
            ("-1.5s", -1_500_000_000),
            ("+.5s", 500_000_000),
            ("1µs", 1_000),
            ("1μs2us3ns", 3_003),
            ("0", 0),
            ("2562047h", 2_562_047 * 3_600 * second),
            ("0.3333333333333333333333h", 1_199_999_999_999),
        ] {
            assert_eq!(parse_duration(text), Ok(nanos), "{text}");
        }
        for text in ["", "-", "s", ".s", "1", "1x", "1 s", "2562048h", "99999999999999999999s", "é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
