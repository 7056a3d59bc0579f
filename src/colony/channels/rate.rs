//! How fast a process's channels may be appended to (chapter 4, 5.4).

use crate::limits;

/// Microseconds in which one token comes back.
const REFILL: u64 = 1_000_000 / limits::CHANNEL_RATE;

/// A bucket of tokens. It is known by the moment at which it will be full, on a clock that never leaps: each token
/// taken moves that by what one needs to come back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Takes a token at this moment, in microseconds; `false` where none is left.
    pub fn take(&mut self, monotonic: u64) -> bool {
        let full_at = self.full_at.max(monotonic) + REFILL;
        let fits = full_at - monotonic <= limits::CHANNEL_BURST * REFILL;
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_and_then_as_many_as_come_back() {
        let mut bucket = Bucket::default();
        assert_eq!((0..1_000).filter(|_| bucket.take(77)).count(), 500);
        // The first comes back after a hundredth of a second.
        assert!(!bucket.take(77 + 9_999));
        assert!(bucket.take(77 + 10_000));
        assert!(!bucket.take(77 + 10_000));
        assert_eq!((0..1_000).filter(|_| bucket.take(77 + 1_010_000)).count(), 100);
        assert_eq!((0..1_000).filter(|_| bucket.take(1 << 40)).count(), 500);
    }

    proptest! {
        /// The bucket as the chapter describes it: 500 tokens, 100 of which come back each second.
        #[test]
        fn it_is_a_token_bucket(pauses in proptest::collection::vec(0u64..40_000, 0..2_000)) {
            let (mut bucket, mut now, mut tokens) = (Bucket::default(), 0u64, 500 * REFILL);
            for pause in pauses {
                now += pause;
                tokens = (tokens + pause).min(500 * REFILL);
                let expected = tokens >= REFILL;
                if expected {
                    tokens -= REFILL;
                }
                prop_assert_eq!(bucket.take(now), expected);
            }
        }
    }
}
