//! Numbers in JSON that is carried unread: any that a 64-bit float can hold, however it is written (chapter 2, 1.4).

use super::outside_strings;

/// Digits below which no number is out of range without an exponent.
const ALWAYS_IN_RANGE: usize = 308;

/// Whether a valid JSON text has a number beyond the range of a 64-bit float: other clients could not read it.
pub(super) fn any_out_of_range(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Nearly all texts are short and most have not even the letter.
    if bytes.len() <= ALWAYS_IN_RANGE && !bytes.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        return false;
    }
    outside_strings(text).any(|(at, byte)| {
        let begins = matches!(byte, b'-' | b'0'..=b'9') && (at == 0 || !is_of_number(bytes[at - 1]));
        begins && is_out_of_range(&text[at..])
    })
}

/// Whether the number at the beginning of this is beyond the range.
fn is_out_of_range(text: &str) -> bool {
    let length = text.bytes().take_while(|&byte| is_of_number(byte)).count();
    let number = &text[..length];
    is_suspect(number) && number.parse::<f64>().is_ok_and(f64::is_infinite)
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

fn is_suspect(number: &str) -> bool {
    number.len() > ALWAYS_IN_RANGE || number.bytes().any(|byte| matches!(byte, b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_no_float_holds_is_out_of_range() {
        let long = |digits: usize| format!("[{}]", "9".repeat(digits));
        for (text, is_out) in [
            ("[1e400]", true),
            (r#"{"a":[0,{"b":-1E+309}]}"#, true),
            (&long(309), true),
            (&long(308), false),
            ("[1e308,-1e-400,12345678901234567890,0e999]", false),
            (r#"["1e400","\"1e400",{"1e400":"e"}]"#, false),
            (r#"["\\",1e400]"#, true),
            ("[]", false),
        ] {
            assert_eq!(any_out_of_range(text), is_out, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_what_a_reader_into_floats_refuses(
            numbers in proptest::collection::vec("-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?", 0..6),
            strings in proptest::collection::vec("[e1\"\\\\]{0,6}", 0..3),
        ) {
            let strings: Vec<_> = strings.iter().map(|text| serde_json::json!(text).to_string()).collect();
            let text = format!("[{}]", [strings, numbers].concat().join(","));
            let is_refused = serde_json::from_str::<Vec<serde_json::Value>>(&text).is_err();
            prop_assert_eq!(any_out_of_range(&text), is_refused, "{}", text);
        }
    }
}
