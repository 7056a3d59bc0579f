//! Strict mode: each signed message is taken once, and soon after it was signed.
//!
//! The protocol itself has no such thing (chapter 1, 4.4), and its clients depend on that, so this is for operators who
//! own all of theirs. A message has two members more, which its signature covers: `sentat`, when it was signed, in
//! milliseconds since the Unix epoch, and `nonce`, a text that its sender does not use twice.

use crate::crypto::{Identity, sha3_256};
use crate::json;
use crate::limits;
use crate::refusal::Refusal;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Locks, enough that the worker threads of a large machine seldom wait for each other.
const SHARDS: usize = 16;

/// What was heard in one second, by the stamps: of each, a digest of sender and nonce.
type Second = HashSet<[u8; 16]>;

#[derive(Default)]
struct Shard {
    seconds: BTreeMap<i64, Second>,
    /// The second before which everything was forgotten: what is older can't be told from a repeated one, whatever the
    /// clock says meanwhile.
    forgotten_until: i64,
}

/// The messages of the last while.
pub struct Strict {
    /// Milliseconds that a message is good for.
    window: i64,
    /// Milliseconds since the Unix epoch before which, by its stamp, a message may have been taken by a server that this
    /// one follows: what that one heard is not known here.
    unknown_until: i64,
    shards: [Mutex<Shard>; SHARDS],
    kept: AtomicUsize,
    most: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stamp {
    sentat: i64,
    nonce: String,
}

impl Strict {
    /// Messages are good for so long; `now` is when the server started, in milliseconds since the Unix epoch.
    pub fn new(window: Duration, now: i64) -> Self {
        Strict {
            window: milliseconds(window),
            unknown_until: now.saturating_add(milliseconds(limits::STRICT_AHEAD)),
            shards: Default::default(),
            kept: AtomicUsize::new(0),
            most: limits::STRICT_NONCES,
        }
    }

    /// Takes a message of a sender that its signature has proved, and remembers it.
    ///
    /// # Errors
    /// 403 for one without a stamp, too old, from the future or repeated; 503 for one from before the start, and where
    /// too many came of late.
    pub fn take(&self, sender: &Identity, message: Option<&[u8]>, now: i64) -> Result<(), Refusal> {
        let stamp: Stamp = message.and_then(|message| json::decode(message).ok()).unwrap_or_default();
        if stamp.sentat == 0 || stamp.nonce.is_empty() {
            return Err(Refusal::forbidden(
                "this server is in strict mode: a message must say when it was signed (sentat, milliseconds since 1970) \
                 and have a nonce of its own (nonce, a text), and this one does not. Use a client that sends them",
            ));
        }
        let Stamp { sentat, nonce } = stamp;
        if !(limits::STRICT_NONCE_BYTES.0..=limits::STRICT_NONCE_BYTES.1).contains(&nonce.len()) {
            let (least, most) = limits::STRICT_NONCE_BYTES;
            return Err(Refusal::forbidden(format!("the nonce must have {least} to {most} bytes in strict mode")));
        }
        if sentat < now.saturating_sub(self.window) {
            return Err(self.too_old());
        }
        if sentat > now.saturating_add(milliseconds(limits::STRICT_AHEAD)) {
            return Err(Refusal::forbidden(
                "the message was signed in the future by this server's clock, and it is in strict mode: set the clocks",
            ));
        }
        if sentat <= self.unknown_until {
            return Err(Refusal::unavailable(
                "the server has just started, and in strict mode it takes nothing that may have been taken before: sign \
                 the message anew in some seconds",
            ));
        }
        self.remember(digest(sender, &nonce), sentat, now)
    }

    fn remember(&self, digest: [u8; 16], sentat: i64, now: i64) -> Result<(), Refusal> {
        let mut shard = self.shards[usize::from(digest[0]) % SHARDS].lock();
        shard.forgotten_until = shard.forgotten_until.max(now.saturating_sub(self.window) / 1000);
        let Shard { seconds, forgotten_until } = &mut *shard;
        while let Some(first) = seconds.first_entry().filter(|first| first.key() < forgotten_until) {
            self.kept.fetch_sub(first.remove().len(), Ordering::Relaxed);
        }
        let second = sentat / 1000;
        if second < *forgotten_until {
            return Err(self.too_old());
        }
        if self.kept.load(Ordering::Relaxed) >= self.most {
            return Err(Refusal::unavailable(
                "so many messages came of late that the server could not tell this one from a repeated one: nothing was \
                 changed, try again later",
            ));
        }
        if !seconds.entry(second).or_default().insert(digest) {
            return Err(Refusal::forbidden(
                "this message was taken before, and the server is in strict mode: sign each message anew",
            ));
        }
        self.kept.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn too_old(&self) -> Refusal {
        let seconds = self.window / 1000;
        Refusal::forbidden(format!(
            "the message was signed more than {seconds} seconds ago by this server's clock, and it is in strict mode: sign \
             it anew; if it is new, set the clocks"
        ))
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Enough of a hash that nobody finds two with the same.
fn digest(sender: &Identity, nonce: &str) -> [u8; 16] {
    // Ids have one length, so that no two pairs make one text.
    let hash = sha3_256(format!("{sender}{nonce}").as_bytes());
    std::array::from_fn(|place| hash[place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const START: i64 = 1_700_000_000_000;
    /// When what may have come before the start is past.
    const SOON: i64 = START + 10_000;

    fn strict(seconds: u64) -> Strict {
        Strict::new(Duration::from_secs(seconds), START)
    }

    fn sender(n: u8) -> Identity {
        Identity::from_bytes([n; 32])
    }

    fn take(strict: &Strict, from: u8, sentat: i64, nonce: &str, now: i64) -> u16 {
        let message = json!({ "msgtype": "m", "sentat": sentat, "nonce": nonce }).to_string();
        strict.take(&sender(from), Some(message.as_bytes()), now).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn a_message_is_taken_once() {
        let strict = strict(60);
        assert_eq!(take(&strict, 1, SOON, "0123456789abcdef", SOON), 200);
        for later in [0, 1, 59_999, 60_000, 60_001, 1_000_000] {
            assert_eq!(take(&strict, 1, SOON, "0123456789abcdef", SOON + later), 403, "{later} ms later");
        }
        assert_eq!(take(&strict, 2, SOON, "0123456789abcdef", SOON), 200);
        assert_eq!(take(&strict, 1, SOON, "0123456789abcdeg", SOON), 200);
    }

    #[test]
    fn only_what_is_fresh_is_taken() {
        let strict = strict(60);
        let now = SOON + 100_000;
        for (sentat, status) in [(-60_001, 403), (-60_000, 200), (0, 200), (2_000, 200), (2_001, 403)] {
            assert_eq!(take(&strict, 1, now + sentat, &format!("0123456789abcdef{sentat}"), now), status, "{sentat}");
        }
    }

    #[test]
    fn what_may_have_been_taken_before_the_start_is_not_taken_again() {
        let strict = strict(60);
        assert_eq!(take(&strict, 1, START + 2_000, "0123456789abcdef", START + 1_000), 503);
        assert_eq!(take(&strict, 1, START - 1, "0123456789abcdef", START + 1), 503);
        assert_eq!(take(&strict, 1, START + 2_001, "0123456789abcdef", START + 2_001), 200);
    }

    #[test]
    fn messages_without_a_stamp_are_told_what_is_missing() {
        let strict = strict(60);
        let long = "x".repeat(65);
        let all = [
            "{}".to_owned(),
            "nonsense".to_owned(),
            "null".to_owned(),
            json!({ "sentat": SOON }).to_string(),
            json!({ "nonce": "0123456789abcdef" }).to_string(),
            json!({ "sentat": "now", "nonce": "0123456789abcdef" }).to_string(),
            json!({ "sentat": SOON, "nonce": "short" }).to_string(),
            json!({ "sentat": SOON, "nonce": long }).to_string(),
        ];
        for message in all {
            let refusal = strict.take(&sender(1), Some(message.as_bytes()), SOON).expect_err(&message);
            assert!(refusal.status == 403 && refusal.message.contains("strict mode"), "{message}: {refusal:?}");
        }
        assert!(strict.take(&sender(1), None, SOON).is_err());
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_only_what_is_too_old() {
        let mut strict = strict(10);
        strict.most = 1_000;
        let nonce = |n: usize| format!("0123456789abcdef{n}");
        let taken =
            (0..2_000).filter(|&n| take(&strict, 1, SOON + n as i64, &nonce(n), SOON + n as i64) == 200).count();
        assert_eq!(taken, 1_000);
        assert_eq!(take(&strict, 1, SOON, &nonce(0), SOON + 9_000), 503, "rather than twice");
        let later = SOON + 20_000;
        // Each shard forgets when it is asked next.
        let again = (0..900).filter(|&n| take(&strict, 1, later, &nonce(n), later) == 200).count();
        assert!(again > 800, "{again}");
        assert!(strict.kept.load(Ordering::Relaxed) <= 1_000);
    }

    proptest! {
        /// Whatever comes in whatever order while the clock goes on, or back: nothing is taken twice.
        #[test]
        fn nothing_is_taken_twice(steps in prop::collection::vec((-3_000i64..5_000, 0usize..30, -12_000i64..4_000), 1..200)) {
            let strict = strict(10);
            let (mut now, mut taken) = (SOON, HashSet::new());
            let mut sent: Vec<i64> = Vec::new();
            for (pause, which, skew) in steps {
                now += pause;
                let which = which % (sent.len() + 1);
                if which == sent.len() {
                    sent.push(now + skew);
                }
                let nonce = format!("0123456789abcdef{which}");
                if take(&strict, 1, sent[which], &nonce, now) == 200 {
                    prop_assert!(taken.insert(which));
                }
            }
        }
    }
}
