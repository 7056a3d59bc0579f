//! The hash map and the hash set of the core.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::hash::Hash;

/// A map with a hash that is several times faster than the standard library's on the short keys that the core has
/// (ids, names), and seeded at random, so that nobody can choose keys that collide. Its order is never relied on.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// The same as a set.
pub type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// Takes a member out of the set under `key` of an index, and the set with its last member, so that an index never
/// holds empty sets.
pub fn remove_from<K, M, Q>(index: &mut HashMap<K, BTreeSet<M>>, key: &K, member: &Q)
where
    K: Eq + Hash,
    M: Ord + Borrow<Q>,
    Q: Ord + ?Sized,
{
    if let Some(members) = index.get_mut(key) {
        members.remove(member);
        if members.is_empty() {
            index.remove(key);
        }
    }
}
