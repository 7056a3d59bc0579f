//! Amounts of processor time and memory as text (chapter 2, 2.5).

use crate::refusal::Refusal;
use std::borrow::Cow;

/// Reads millicores: `"500m"`. What does not end in `m` counts as nothing.
///
/// # Errors
/// 400 where what stands before the `m` is not a 64-bit integer.
pub fn parse_cpu(text: &str) -> Result<i64, Refusal> {
    match text.strip_suffix('m') {
        None => Ok(0),
        Some(number) => parse_integer(number).ok_or(Refusal::bad_request("Error converting CPU to int")),
    }
}

/// The units of memory, longest endings first.
const UNITS: [(&str, i64); 20] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("KB", 1_000),
    ("Kb", 1_000),
    ("MB", 1_000_000),
    ("Mb", 1_000_000),
    ("GB", 1_000_000_000),
    ("Gb", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("Tb", 1_000_000_000_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];

/// Reads an amount of memory in bytes: `"2Gi"`. The empty text is nothing.
///
/// # Errors
/// 400 where there is no known unit, or no 64-bit integer before it, or the bytes do not fit into 64 bits.
pub fn parse_memory(text: &str) -> Result<i64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    // The text is the reference's: the rest is empty when no unit matched at all.
    let refusal = |rest: &str| {
        Refusal::bad_request(format!(
            "error converting memory to int: strconv.ParseInt: parsing {rest:?}: invalid syntax"
        ))
    };
    let Some((number, bytes)) =
        UNITS.iter().find_map(|&(unit, bytes)| text.strip_suffix(unit).map(|number| (number, bytes)))
    else {
        return Err(refusal(""));
    };
    let number = parse_integer(number).ok_or_else(|| refusal(number))?;
    number.checked_mul(bytes).ok_or_else(|| Refusal::bad_request("error converting memory to int: too many bytes"))
}

/// A signed decimal integer without blanks; a plus sign is taken as the reference takes it.
fn parse_integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Millicores as they are shown.
pub fn show_cpu(millicores: i64) -> Cow<'static, str> {
    // Of most processes: no memory is taken for it.
    if millicores == 0 { "0m".into() } else { format!("{millicores}m").into() }
}

/// Memory as it is shown: whole mebibytes, rounded towards zero.
pub fn show_memory(bytes: i64) -> Cow<'static, str> {
    if bytes == 0 { "0Mi".into() } else { format!("{}Mi", bytes / (1 << 20)).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        for (text, millicores) in [("500m", 500), ("-5m", -5), ("", 0), ("10", 0), ("1.5", 0), ("10M", 0), ("+7m", 7)] {
            assert_eq!(parse_cpu(text), Ok(millicores), "{text}");
        }
        for text in ["m", "1.5m", " 10m", "xm", "9223372036854775808m"] {
            assert_eq!(parse_cpu(text).map_err(|r| r.status), Err(400), "{text}");
        }
        for (text, shown) in [
            ("1G", "953Mi"),
            ("1K", "0Mi"),
            ("2Gi", "2048Mi"),
            ("", "0Mi"),
            ("3MiB", "3Mi"),
            ("1TiB", "1048576Mi"),
            ("1024Kb", "0Mi"),
            ("5MB", "4Mi"),
            ("1Ti", "1048576Mi"),
            ("-3Mi", "-3Mi"),
        ] {
            assert_eq!(parse_memory(text).map(show_memory), Ok(shown.into()), "{text}");
        }
        for (text, rest) in [("100", ""), ("1gi", ""), ("1.5Gi", "1.5"), ("Gi", ""), ("1 Gi", "1 "), ("xMi", "x")] {
            let message =
                format!("error converting memory to int: strconv.ParseInt: parsing \"{rest}\": invalid syntax");
            assert_eq!(parse_memory(text), Err(Refusal::bad_request(message)), "{text}");
        }
        assert_eq!(parse_memory("9223372036854775807Gi").map_err(|r| r.status), Err(400));
    }
}
