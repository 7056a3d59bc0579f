//! The signature of a request as it is written, and everything that can be wrong with one.

use crate::hexadecimal;
use std::fmt;

/// The bytes of R, of S, and of all 65.
const SCALAR: usize = 32;
const LENGTH: usize = 2 * SCALAR + 1;

/// The order N of the group.
const ORDER: [u8; SCALAR] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
    0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// N / 2, rounded down: the highest low S.
const HALF_ORDER: [u8; SCALAR] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// P - N, with P the prime of the field: a reduced R is below it.
const PRIME_MINUS_ORDER: [u8; SCALAR] = [
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x45, 0x51, 0x23,
    0x19, 0x50, 0xb7, 0x5f, 0xc4, 0x40, 0x2d, 0xa1, 0x72, 0x2f, 0xc9, 0xba, 0xee,
];

/// Why a request's signature names no signer. The texts are replies of the protocol, all with status 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A byte that is no hex digit, the first one.
    #[error("encoding/hex: invalid byte: {}", CodePoint(*.0))]
    InvalidByte(u8),
    /// A digit is missing.
    #[error("encoding/hex: odd length hex string")]
    OddLength,
    /// Not 65 bytes.
    #[error("Invalid signature length")]
    Length,
    /// V is not 0..=3. Other programs count from 27, and so does the text.
    #[error(
        "Failed to recover public key: invalid signature: public key recovery code {} is not in the valid range [27, 34]",
        .0.wrapping_add(27)
    )]
    RecoveryCode(u8),
    /// R is not below the order.
    #[error("Failed to recover public key: invalid signature: R >= group order")]
    RTooLarge,
    /// R is 0.
    #[error("Failed to recover public key: invalid signature: R is 0")]
    RIsZero,
    /// S is not below the order.
    #[error("Failed to recover public key: invalid signature: S >= group order")]
    STooLarge,
    /// S is 0.
    #[error("Failed to recover public key: invalid signature: S is 0")]
    SIsZero,
    /// V says that R was reduced by the order, but R plus the order is no element of the field.
    #[error("Failed to recover public key: invalid signature: signature R + N >= P")]
    RNotReduced,
    /// No point of the curve has this R.
    #[error("Failed to recover public key: invalid signature: not for a valid curve point")]
    NotOnCurve,
    /// S is in the upper half: the twin of a good signature, which anyone can make of it.
    #[error("Failed verify signature: Signature s value is over half the order")]
    HighS,
    /// The recovered key would be the point at infinity.
    #[error("Invalid signature")]
    NoKey,
}

/// A byte as Go's `%#U` prints it, with the character if it is a printable one.
struct CodePoint(u8);

impl fmt::Display for CodePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", self.0)?;
        match self.0 {
            // Of Latin-1: the controls, the no-break space and the soft hyphen.
            0..=0x1f | 0x7f..=0xa0 | 0xad => Ok(()),
            printable => write!(f, " '{}'", char::from(printable)),
        }
    }
}

/// A signature as it is sent: R, S (32 bytes each, big-endian) and V, the recovery id.
///
/// The bytes may be anything; [`recover`](super::recover()) checks them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; LENGTH]);

impl Signature {
    /// Reads 130 hex digits of either case.
    ///
    /// As in the reference, a byte that is no digit is reported before the length, however long the text is.
    pub fn from_text(text: &str) -> Result<Self, SignatureError> {
        let digit = |&byte| hexadecimal::digit(byte).ok_or(SignatureError::InvalidByte(byte));
        let mut bytes = [0; LENGTH];
        let mut room = bytes.iter_mut();
        let pairs = text.as_bytes().chunks_exact(2);
        let odd = pairs.remainder().first();
        for pair in pairs {
            let byte = digit(&pair[0])? << 4 | digit(&pair[1])?;
            if let Some(place) = room.next() {
                *place = byte;
            }
        }
        if let Some(last) = odd {
            digit(last)?;
            return Err(SignatureError::OddLength);
        }
        if text.len() != 2 * LENGTH {
            return Err(SignatureError::Length);
        }
        Ok(Signature(bytes))
    }

    /// Whether the numbers are in their ranges, in the order in which the reference looks at them. That S is low is
    /// another question, asked later: see [`Signature::has_high_s`].
    pub(super) fn check_ranges(&self) -> Result<(), SignatureError> {
        // Big-endian numbers of one length compare as their bytes do.
        let (r, s, v) = (self.r(), self.s(), self.v());
        if v > 3 {
            Err(SignatureError::RecoveryCode(v))
        } else if r >= &ORDER[..] {
            Err(SignatureError::RTooLarge)
        } else if is_zero(r) {
            Err(SignatureError::RIsZero)
        } else if s >= &ORDER[..] {
            Err(SignatureError::STooLarge)
        } else if is_zero(s) {
            Err(SignatureError::SIsZero)
        } else if self.is_r_reduced() && r >= &PRIME_MINUS_ORDER[..] {
            Err(SignatureError::RNotReduced)
        } else {
            Ok(())
        }
    }

    /// Whether S is above half the order.
    pub(super) fn has_high_s(&self) -> bool {
        self.s() > &HALF_ORDER[..]
    }

    /// R and S, 64 bytes.
    pub(super) fn r_and_s(&self) -> &[u8; 2 * SCALAR] {
        let [r_and_s @ .., _] = &self.0;
        r_and_s
    }

    /// The recovery id: the parity of the point's y, plus 2 if R was reduced by the order.
    pub(super) fn v(&self) -> u8 {
        self.0[LENGTH - 1]
    }

    fn is_r_reduced(&self) -> bool {
        self.v() & 2 != 0
    }

    fn r(&self) -> &[u8] {
        &self.0[..SCALAR]
    }

    fn s(&self) -> &[u8] {
        &self.0[SCALAR..2 * SCALAR]
    }
}

fn is_zero(number: &[u8]) -> bool {
    number.iter().all(|&byte| byte == 0)
}

/// The 130 digits that [`Signature::from_text`] reads, lower case.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 2 * LENGTH];
        hexadecimal::write(&self.0, &mut text);
        f.write_str(hexadecimal::as_text(&text))
    }
}

/// Never the digits: whoever has a request's signature and its payload can send it again.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signature")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignatureError::*;
    use proptest::prelude::*;

    fn error(text: &str) -> Option<SignatureError> {
        Signature::from_text(text).err()
    }

    #[test]
    fn a_bad_byte_is_reported_before_an_odd_length_and_that_before_a_wrong_one() {
        assert_eq!(error("0x00"), Some(InvalidByte(b'x')));
        assert_eq!(error("invalid"), Some(InvalidByte(b'i')));
        assert_eq!(error("00g"), Some(InvalidByte(b'g')));
        assert_eq!(error("0g0"), Some(InvalidByte(b'g')));
        assert_eq!(error("000"), Some(OddLength));
        assert_eq!(error(""), Some(Length));
        assert_eq!(error(&"0".repeat(128)), Some(Length));
        assert_eq!(error(&"0".repeat(132)), Some(Length));
        assert_eq!(error(&"0".repeat(131)), Some(OddLength));
        assert_eq!(error(&("0".repeat(300) + "z")), Some(InvalidByte(b'z')));
        assert_eq!(error(&"0".repeat(130)), None);
    }

    #[test]
    fn a_debugged_signature_is_not_shown() {
        let signature = of([0xab; SCALAR], [0xcd; SCALAR], 1);
        for printed in [format!("{signature:?}"), format!("{:#?}", Some(signature))] {
            assert!(
                printed.contains("a signature") && !printed.contains("ab") && !printed.contains("171"),
                "{printed}"
            );
        }
    }

    #[test]
    fn a_bad_byte_is_printed_as_go_does() {
        let text = |byte| InvalidByte(byte).to_string();
        assert_eq!(text(b'x'), "encoding/hex: invalid byte: U+0078 'x'");
        assert_eq!(text(b' '), "encoding/hex: invalid byte: U+0020 ' '");
        assert_eq!(text(b'\''), "encoding/hex: invalid byte: U+0027 '''");
        assert_eq!(text(b'\n'), "encoding/hex: invalid byte: U+000A");
        assert_eq!(text(0xc3), "encoding/hex: invalid byte: U+00C3 'Ã'");
        assert_eq!(text(0xa0), "encoding/hex: invalid byte: U+00A0");
        assert_eq!(text(0xad), "encoding/hex: invalid byte: U+00AD");
    }

    #[test]
    fn the_recovery_code_wraps_as_a_byte() {
        for (v, code) in [(4, "31"), (27, "54"), (28, "55"), (228, "255"), (229, "0"), (255, "26")] {
            let text = RecoveryCode(v).to_string();
            assert!(text.contains(&format!(" code {code} is not")), "{text}");
        }
    }

    /// A signature of these numbers.
    fn of(r: [u8; SCALAR], s: [u8; SCALAR], v: u8) -> Signature {
        let mut bytes = [v; LENGTH];
        bytes[..SCALAR].copy_from_slice(&r);
        bytes[SCALAR..2 * SCALAR].copy_from_slice(&s);
        Signature(bytes)
    }

    fn below(mut number: [u8; SCALAR]) -> [u8; SCALAR] {
        number[SCALAR - 1] -= 1;
        number
    }

    fn above(mut number: [u8; SCALAR]) -> [u8; SCALAR] {
        number[SCALAR - 1] += 1;
        number
    }

    #[test]
    fn the_ranges_end_where_they_should() {
        let zero = [0; SCALAR];
        let one = above(zero);
        let all = [0xff; SCALAR];
        let check = |r, s, v| of(r, s, v).check_ranges().err();
        assert_eq!(check(one, one, 0), None);
        assert_eq!(check(below(ORDER), below(ORDER), 1), None);
        assert_eq!(check(one, one, 3), None);
        assert_eq!(check(below(PRIME_MINUS_ORDER), one, 2), None);
        assert_eq!(check(PRIME_MINUS_ORDER, one, 2), Some(RNotReduced));
        assert_eq!(check(PRIME_MINUS_ORDER, one, 1), None);
        assert_eq!(check(ORDER, one, 0), Some(RTooLarge));
        assert_eq!(check(one, ORDER, 0), Some(STooLarge));
        // V comes first, R before S, and the sum last.
        assert_eq!(check(all, all, 4), Some(RecoveryCode(4)));
        assert_eq!(check(all, zero, 0), Some(RTooLarge));
        assert_eq!(check(zero, all, 0), Some(RIsZero));
        assert_eq!(check(below(ORDER), zero, 3), Some(SIsZero));
        assert!(!of(one, HALF_ORDER, 0).has_high_s());
        assert!(of(one, above(HALF_ORDER), 0).has_high_s());
    }

    proptest! {
        #[test]
        fn text_and_bytes_are_the_same(
            head in any::<[u8; 32]>(), tail in any::<[u8; 32]>(), v in any::<u8>(), upper in any::<bool>(),
        ) {
            let signature = of(head, tail, v);
            let text = if upper { signature.to_string().to_uppercase() } else { signature.to_string() };
            prop_assert_eq!(Signature::from_text(&text), Ok(signature));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}|[0-9a-fA-F]{0,140}") {
            let fits = text.len() == 130 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            prop_assert_eq!(Signature::from_text(&text).is_ok(), fits);
        }
    }
}
