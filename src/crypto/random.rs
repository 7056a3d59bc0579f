//! Random bytes, all from the operating system.

use std::cell::RefCell;

/// `N` random bytes, straight from the operating system: for whatever must be a secret.
///
/// # Panics
///
/// If the operating system has none, which it does not survive itself.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
}

/// How many ids one call of the operating system makes: an id then takes a quarter of the time of a call of its own, and
/// more than 2 KiB would bring little.
const IDS: usize = 64;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { ids: [[0; 32]; IDS], left: 0 }) };
}

struct Pool {
    ids: [[u8; 32]; IDS],
    left: usize,
}

impl Pool {
    fn take(&mut self) -> [u8; 32] {
        if self.left == 0 {
            fill(self.ids.as_flattened_mut());
            self.left = IDS;
        }
        self.left -= 1;
        // What is given away is not kept: an id is unique even if something is wrong with the count.
        std::mem::take(&mut self.ids[self.left])
    }
}

/// 32 random bytes for an id, which becomes public: from a pool of the thread, for hot paths.
///
/// # Panics
///
/// As [`random_bytes`].
pub fn random_id() -> [u8; 32] {
    POOL.with_borrow_mut(Pool::take)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn ids_do_not_repeat_within_or_between_threads() {
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(|| (0..1000).map(|_| random_id()).collect())).collect();
        let ids: Vec<Vec<_>> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let ids: HashSet<[u8; 32]> = ids.into_iter().flatten().collect();
        assert_eq!(ids.len(), 4000);
        assert!(!ids.contains(&[0; 32]));
    }

    #[test]
    fn bytes_are_random() {
        assert_ne!(random_bytes::<32>(), random_bytes::<32>());
    }
}
