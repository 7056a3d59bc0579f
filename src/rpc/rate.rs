//! How many requests a second an operator allows an identity, and an address.

use crate::crypto::Identity;
use crate::limits;
use crate::refusal::Refusal;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::RwLock;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests a second, and as many at once; `None` sets no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimits {
    /// Of one identity.
    pub identity: Option<NonZeroU32>,
    /// Of one address.
    pub address: Option<NonZeroU32>,
}

/// What has come of late.
pub struct Rates {
    identities: Option<Limiter<Identity>>,
    addresses: Option<Limiter<IpAddr>>,
}

impl Rates {
    /// Nothing has come yet.
    pub fn new(limits: RateLimits) -> Self {
        Rates { identities: limits.identity.map(Limiter::new), addresses: limits.address.map(Limiter::new) }
    }

    /// Counts a request of an identity that its signature has proved.
    ///
    /// # Errors
    /// 429 where it sends too many.
    pub fn count_identity(&self, identity: &Identity) -> Result<(), Refusal> {
        self.identities.as_ref().map_or(Ok(()), |limiter| limiter.count(identity, "identity"))
    }

    /// Counts a request that came from an address. Addresses of IPv6 count by their network of 64 bits, which one
    /// client has for itself.
    ///
    /// # Errors
    /// 429 where too many come from there.
    pub fn count_address(&self, address: IpAddr) -> Result<(), Refusal> {
        self.addresses.as_ref().map_or(Ok(()), |limiter| limiter.count(&network(address), "address"))
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

struct Limiter<K: Hash + Eq + Clone> {
    quota: Quota,
    counting: RwLock<DefaultKeyedRateLimiter<K>>,
    counted: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(per_second: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second);
        Limiter { quota, counting: RwLock::new(RateLimiter::keyed(quota)), counted: AtomicUsize::new(0) }
    }

    fn count(&self, key: &K, what: &str) -> Result<(), Refusal> {
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(limits::RATE_TIDY_EVERY) {
            self.tidy();
        }
        let allowed = self.quota.burst_size();
        self.counting.read().check_key(key).map_err(|_| {
            Refusal::new(
                429,
                format!(
                    "more than {allowed} requests a second from this {what}: nothing was changed, try again in a second"
                ),
            )
        })
    }

    /// Keeps the memory within its bound: forgets who has been quiet, or everybody where all of them are busy. Then each
    /// may send a burst anew, which is better than to refuse somebody for what others send.
    fn tidy(&self) {
        if self.counting.read().len() <= limits::RATE_KEYS {
            return;
        }
        let mut counting = self.counting.write();
        counting.retain_recent();
        if counting.len() > limits::RATE_KEYS {
            *counting = RateLimiter::keyed(self.quota);
        } else {
            counting.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Such that nothing comes back while a test runs.
    fn one_in_a_long_time() -> Limiter<u32> {
        let mut limiter = Limiter::new(NonZeroU32::MIN);
        limiter.quota = Quota::with_period(std::time::Duration::from_secs(1_000)).expect("a period");
        limiter.counting = RwLock::new(RateLimiter::keyed(limiter.quota));
        limiter
    }

    #[test]
    fn each_key_counts_for_itself() {
        let limiter = one_in_a_long_time();
        for key in 0..100 {
            assert_eq!(limiter.count(&key, "key"), Ok(()));
            assert_eq!(limiter.count(&key, "key").map_err(|refusal| refusal.status), Err(429));
        }
    }

    #[test]
    fn keys_are_forgotten_before_they_are_too_many() {
        let limiter = one_in_a_long_time();
        let most = limits::RATE_KEYS + limits::RATE_TIDY_EVERY;
        for key in 0..3 * most as u32 {
            assert_eq!(limiter.count(&key, "key"), Ok(()));
            if key.is_multiple_of(1_000) {
                assert!(limiter.counting.read().len() <= most);
            }
        }
    }

    #[test]
    fn an_address_of_ipv6_counts_by_its_network() {
        let of = |text: &str| text.parse().map(network).map_err(|_| ());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn without_a_limit_everything_may_come() {
        let rates = Rates::new(RateLimits::default());
        for _ in 0..100_000 {
            assert_eq!(rates.count_identity(&Identity::default()), Ok(()));
        }
    }
}
