//! A sorted set for what mostly comes and goes at its ends, as in queues and in lists by time.

use std::collections::VecDeque;
use std::iter::FusedIterator;

/// Values for which a chunk has room whatever is in it.
const LEAST_ROOM: usize = 16;

/// Values in their order, in chunks of at most `CHUNK`.
///
/// A value behind or before all others is added in O(1), another one found, added and removed in O(log n) comparisons and
/// the moving of at most half a chunk. What comes in order, at an end or between two chunks, fills its chunks, where a B-tree
/// leaves half of each node empty.
#[derive(Clone, Debug)]
pub struct SortedSet<T, const CHUNK: usize = 256> {
    /// None of them is empty.
    chunks: VecDeque<VecDeque<T>>,
    len: usize,
}

impl<T, const CHUNK: usize> Default for SortedSet<T, CHUNK> {
    fn default() -> Self {
        SortedSet { chunks: VecDeque::new(), len: 0 }
    }
}

impl<T: Ord + Copy, const CHUNK: usize> SortedSet<T, CHUNK> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The least value.
    pub fn first(&self) -> Option<&T> {
        self.chunks.front()?.front()
    }

    /// The first chunk with a value that is not less than this one; their number, where there is none.
    fn chunk_of(&self, value: &T) -> usize {
        let ends_before = |chunk: &VecDeque<T>| chunk.back().is_some_and(|last| last < value);
        // Most are added behind all others.
        if self.chunks.back().is_none_or(ends_before) {
            return self.chunks.len();
        }
        self.chunks.partition_point(ends_before)
    }

    /// Adds a value. Says whether it is new.
    pub fn insert(&mut self, value: T) -> bool {
        let at = self.chunk_of(&value);
        let place = match self.chunks.get(at).map(|chunk| chunk.binary_search(&value)) {
            Some(Ok(_)) => return false,
            Some(Err(place)) => place,
            None => 0,
        };
        self.len += 1;
        let before = at.checked_sub(1).filter(|_| place == 0).and_then(|before| self.chunks.get_mut(before));
        if let Some(before) = before.filter(|before| before.len() < CHUNK) {
            // Behind all others or between two chunks: what comes in order there fills the one before.
            before.push_back(value);
            return true;
        }
        match self.chunks.get_mut(at) {
            Some(chunk) if chunk.len() < CHUNK => chunk.insert(place, value),
            Some(chunk) if place > 0 => {
                let mut upper = chunk.split_off(CHUNK / 2);
                match place.checked_sub(chunk.len()) {
                    Some(place) => upper.insert(place, value),
                    None => chunk.insert(place, value),
                }
                self.chunks.insert(at + 1, upper);
            }
            _ => self.chunks.insert(at, VecDeque::from([value])),
        }
        true
    }

    /// Takes a value out. Says whether it was there.
    pub fn remove(&mut self, value: &T) -> bool {
        let at = self.chunk_of(value);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return false;
        };
        let Ok(place) = chunk.binary_search(value) else {
            return false;
        };
        chunk.remove(place);
        self.len -= 1;
        if chunk.len() < chunk.capacity() / 4 && chunk.capacity() > LEAST_ROOM {
            chunk.shrink_to(2 * chunk.len());
        }
        match chunk.len() {
            0 => {
                self.chunks.remove(at);
            }
            len if len < CHUNK / 4 && !self.join(at) && at > 0 => {
                self.join(at - 1);
            }
            _ => {}
        }
        true
    }

    /// Makes one of this chunk and the next, where both together are small. Says whether they were.
    fn join(&mut self, at: usize) -> bool {
        let lens = (self.chunks.get(at).map(VecDeque::len), self.chunks.get(at + 1).map(VecDeque::len));
        let (Some(len), Some(next)) = lens else {
            return false;
        };
        if len + next > CHUNK / 2 {
            return false;
        }
        if let (Some(mut next), Some(chunk)) = (self.chunks.remove(at + 1), self.chunks.get_mut(at)) {
            chunk.append(&mut next);
        }
        true
    }

    /// All values in their order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + FusedIterator + Clone {
        self.chunks.iter().flatten()
    }

    /// The values that are not less than this one, in their order.
    pub fn range_from(&self, from: T) -> impl DoubleEndedIterator<Item = &T> {
        let at = self.chunk_of(&from);
        let first = self.chunks.get(at).map(|chunk| chunk.range(chunk.partition_point(|value| *value < from)..));
        let rest = self.chunks.range((at + 1).min(self.chunks.len())..);
        first.into_iter().flatten().chain(rest.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Chunks small enough that few values make, split and join many.
    type Small = SortedSet<u16, 8>;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16),
        Remove(u16),
        /// Behind all others, and before them.
        Append,
        Prepend,
        RemoveFirst,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0u16..400).prop_map(Step::Insert),
            3 => (0u16..400).prop_map(Step::Remove),
            4 => Just(Step::Append),
            2 => Just(Step::Prepend),
            2 => Just(Step::RemoveFirst),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_set(steps in proptest::collection::vec(step(), 0..400), from in 0u16..500) {
            let (mut set, mut model) = (Small::default(), BTreeSet::new());
            for step in steps {
                let least = model.first().copied();
                match step {
                    Step::Insert(value) => prop_assert_eq!(set.insert(value), model.insert(value)),
                    Step::Remove(value) => prop_assert_eq!(set.remove(&value), model.remove(&value)),
                    Step::Append => {
                        let value = model.last().map_or(0, |last| last + 1);
                        prop_assert_eq!(set.insert(value), model.insert(value));
                    }
                    Step::Prepend => {
                        let value = least.map_or(200, |least: u16| least.saturating_sub(1));
                        prop_assert_eq!(set.insert(value), model.insert(value));
                    }
                    Step::RemoveFirst => {
                        let value = least.unwrap_or_default();
                        prop_assert_eq!(set.remove(&value), model.remove(&value));
                    }
                }
                prop_assert_eq!((set.len(), set.is_empty(), set.first()), (model.len(), model.is_empty(), model.first()));
                prop_assert!(set.chunks.iter().all(|chunk| (1..=8).contains(&chunk.len())));
            }
            prop_assert!(set.iter().eq(&model));
            prop_assert!(set.iter().rev().eq(model.iter().rev()));
            prop_assert!(set.range_from(from).eq(model.range(from..)));
            prop_assert!(set.range_from(from).rev().eq(model.range(from..).rev()));
        }
    }

    #[test]
    fn what_comes_in_order_fills_its_chunks_and_what_leaves_takes_them_along() {
        let mut set = Small::default();
        (0..80).for_each(|value| assert!(set.insert(value)));
        assert_eq!(set.chunks.len(), 10);
        (0..80).filter(|value| value % 8 != 0).for_each(|value| assert!(set.remove(&value)));
        assert!(set.chunks.len() <= 4, "{:?}", set.chunks);
        (0..80).for_each(|value| assert_eq!(set.remove(&value), value % 8 == 0));
        assert!(set.chunks.is_empty());
    }

    #[test]
    fn what_comes_in_order_between_others_fills_its_chunks_too() {
        let mut set = Small::default();
        (1_000..1_080).for_each(|value| assert!(set.insert(value)));
        (0..80).for_each(|value| assert!(set.insert(value)));
        assert_eq!(set.chunks.len(), 20);
        assert!(set.iter().copied().eq((0..80).chain(1_000..1_080)));
    }
}
