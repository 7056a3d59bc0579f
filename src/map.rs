//! The hash map of the core.

/// A map with a hash that is several times faster than the standard library's on the short keys that the core has
/// (ids, names), and seeded at random, so that nobody can choose keys that collide. Its order is never relied on.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
