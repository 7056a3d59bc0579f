//! A memo of recovered signers.
//!
//! Nonces are deterministic, so a client that polls with an unchanged message sends the same bytes each time, and the
//! work on the curve, most of what a request costs, can be done once. Recovery is a pure function of hash and signature;
//! what an identity may do is decided anew for every request.

use super::signature::{Signature, SignatureError};
use super::{Identity, recover, sha3_256};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many signers a server remembers: one for each of the polls that some ten thousand executors repeat, in about
/// 18 MiB when it is full.
pub const DEFAULT_CAPACITY: usize = 65_536;

/// Locks, enough that the worker threads of a large machine seldom wait for each other.
const SHARDS: usize = 16;

/// A memo smaller than this, of a test, is one shard, so that it holds what it says.
const SHARDED_FROM: usize = 64 * SHARDS;

/// Everything that the signer depends on, in full: the memo cannot take one signature for another.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    hash: [u8; 32],
    signature: Signature,
}

type Generation = HashMap<Key, Identity>;

/// Two generations in place of a list in the order of use: what is found moves to the young one, and when that is full
/// it becomes the old one, whose entries nobody asked for meanwhile are dropped at once.
#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
}

impl Shard {
    fn get(&mut self, key: Key, room: usize) -> Option<Identity> {
        if let Some(id) = self.young.get(&key) {
            return Some(id.clone());
        }
        let id = self.old.remove(&key)?;
        self.insert(key, id.clone(), room);
        Some(id)
    }

    fn insert(&mut self, key: Key, id: Identity, room: usize) {
        if self.young.len() >= room && !self.young.contains_key(&key) {
            // The maps keep their memory, which is bounded, so that nothing grows again after the first round.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, id);
    }
}

/// A bounded memo from (hash, signature) to signer. Threads share it.
///
/// Only successes are remembered: honest clients do not repeat what is refused.
pub struct Memo {
    shards: Box<[Mutex<Shard>]>,
    /// Entries of a generation of a shard.
    room: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Memo {
    /// A memo of at most `capacity` entries; less than two are none. Memory is taken as it fills.
    pub fn new(capacity: usize) -> Self {
        let shards = match capacity {
            0..2 => 0,
            2..SHARDED_FROM => 1,
            _ => SHARDS,
        };
        Memo {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            room: capacity / 2 / shards.max(1),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// A memo that remembers nothing, to see every signature recovered.
    pub fn disabled() -> Self {
        Memo::new(0)
    }

    /// The signer of `hash` by `signature`, if it is remembered. Counts a hit or a miss.
    pub fn get(&self, hash: &[u8; 32], signature: &Signature) -> Option<Identity> {
        let found = self.shard(signature).and_then(|shard| {
            let key = Key { hash: *hash, signature: *signature };
            shard.lock().get(key, self.room)
        });
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Remembers that [`recover`](super::recover()) gave `id`.
    pub fn insert(&self, hash: &[u8; 32], signature: &Signature, id: &Identity) {
        if let Some(shard) = self.shard(signature) {
            let key = Key { hash: *hash, signature: *signature };
            shard.lock().insert(key, id.clone(), self.room);
        }
    }

    /// R is as good as random, whereas many executors send the same payload and thus the same hash. Who crowds one shard
    /// with chosen signatures pushes out less than who does not.
    fn shard(&self, signature: &Signature) -> Option<&Mutex<Shard>> {
        let first = usize::from(signature.0[0]);
        self.shards.get(first % self.shards.len().max(1))
    }

    /// How many signers are remembered.
    pub fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        };
        self.shards.iter().map(len).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many lookups found their signer.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How many did not, so that it was recovered.
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }
}

/// A memo of [`DEFAULT_CAPACITY`].
impl Default for Memo {
    fn default() -> Self {
        Memo::new(DEFAULT_CAPACITY)
    }
}

/// The signer of a request: `payload_text` as it was sent, and the digits of its signature.
pub fn signer(memo: &Memo, payload_text: &[u8], signature_hex: &str) -> Result<Identity, SignatureError> {
    let signature = Signature::from_text(signature_hex)?;
    let hash = sha3_256(payload_text);
    if let Some(id) = memo.get(&hash, &signature) {
        return Ok(id);
    }
    let id = recover(&hash, &signature)?;
    memo.insert(&hash, &signature, &id);
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> ([u8; 32], Signature) {
        let mut signature = [0; 65];
        signature[..32].copy_from_slice(&sha3_256(&n.to_le_bytes()));
        ([0; 32], Signature(signature))
    }

    fn id(n: u64) -> Identity {
        Identity::from_bytes(sha3_256(&n.to_be_bytes()))
    }

    fn put(memo: &Memo, n: u64) {
        let (hash, signature) = key(n);
        memo.insert(&hash, &signature, &id(n));
    }

    fn has(memo: &Memo, n: u64) -> bool {
        let (hash, signature) = key(n);
        let found = memo.get(&hash, &signature);
        assert!(found.as_ref().is_none_or(|found| *found == id(n)));
        found.is_some()
    }

    #[test]
    fn it_stays_bounded() {
        for capacity in [0, 1, 2, 3, 10, 1023, 1024, 5000] {
            let memo = Memo::new(capacity);
            for n in 0..20_000 {
                put(&memo, n);
                has(&memo, n / 2);
                if n % 100 == 0 {
                    assert!(memo.len() <= capacity, "{} of {capacity}", memo.len());
                }
            }
            assert!(memo.len() >= capacity / 2 - SHARDS.min(capacity / 2), "{capacity}");
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let memo = Memo::new(100);
        put(&memo, 0);
        put(&memo, 1);
        for n in 2..1000 {
            put(&memo, n);
            assert!(has(&memo, 0), "{n}");
        }
        assert!(!has(&memo, 1));
    }

    #[test]
    fn a_repeated_insert_pushes_nothing_out() {
        let memo = Memo::new(4);
        put(&memo, 0);
        for _ in 0..10 {
            put(&memo, 1);
        }
        assert!(has(&memo, 0) && has(&memo, 1));
    }

    #[test]
    fn keys_are_compared_in_full() {
        let memo = Memo::new(100);
        put(&memo, 7);
        let (mut hash, mut signature) = key(7);
        signature.0[64] ^= 1;
        assert_eq!(memo.get(&hash, &signature), None);
        signature.0[64] ^= 1;
        hash[31] ^= 1;
        assert_eq!(memo.get(&hash, &signature), None);
    }

    #[test]
    fn lookups_are_counted() {
        let memo = Memo::new(100);
        put(&memo, 0);
        for n in [0, 0, 1] {
            has(&memo, n);
        }
        assert_eq!((memo.hits(), memo.misses(), memo.len()), (2, 1, 1));
        let disabled = Memo::disabled();
        put(&disabled, 0);
        assert!(!has(&disabled, 0) && disabled.is_empty());
        assert_eq!((disabled.hits(), disabled.misses()), (0, 1));
    }

    #[test]
    fn refusals_are_not_remembered() {
        let memo = Memo::default();
        for signature in ["", "0", "xx", &"00".repeat(65), &"ff".repeat(65)] {
            assert!(signer(&memo, b"payload", signature).is_err());
        }
        assert!(memo.is_empty());
    }
}
