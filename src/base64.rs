//! Base64 with padding, as the envelope's payload and binary members have it: the library's, with the processor's vector
//! instructions where it has some for this processor.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod fastest {
    use base64::engine::Simd;
    use base64::engine::general_purpose::PAD;
    use std::sync::LazyLock;

    /// Strict: nothing but the alphabet, padded, no bits beyond the last byte.
    pub static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod fastest {
    /// Strict: nothing but the alphabet, padded, no bits beyond the last byte.
    pub use base64::engine::general_purpose::STANDARD as BASE64;
}

pub use base64::Engine;
pub use fastest::BASE64;

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fastest_reads_and_writes_what_the_plain_one_does(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            with in any::<char>(),
        ) {
            let text = BASE64.encode(&bytes);
            prop_assert_eq!(&text, &STANDARD.encode(&bytes));
            prop_assert_eq!(BASE64.decode(&text).ok(), Some(bytes));
            let mut characters: Vec<char> = text.chars().collect();
            if !characters.is_empty() {
                let at = at.index(characters.len());
                characters[at] = with;
            }
            let changed: String = characters.into_iter().collect();
            prop_assert_eq!(BASE64.decode(&changed).ok(), STANDARD.decode(&changed).ok());
        }
    }
}
