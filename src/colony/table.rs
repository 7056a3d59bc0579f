//! Records by key: the one kind of container that durable state lives in.

mod round;

use crate::colony::sorted::SortedSet;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use round::Round;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// What tells a record apart from the others of its table.
pub trait Keyed {
    /// The key's type.
    type Key: Eq + Hash + Clone;
    /// The record's key. It must not change while the record is in the table.
    fn key(&self) -> &Self::Key;
}

impl<V: Keyed> Keyed for Arc<V> {
    type Key = V::Key;
    fn key(&self) -> &V::Key {
        (**self).key()
    }
}

/// Where a record stands while it is in its table: small and cheap to look up, for use in indexes. A place is used
/// again after its record was removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(u32);

impl Slot {
    /// The least of all slots, for the beginning of a range.
    pub const FIRST: Slot = Slot(0);
}

/// Records by key, in the order in which they were added.
///
/// Each record is an allocation of its own behind a slot, so that growth moves pointers only; finding by slot costs no
/// hashing, finding by key one hash, adding and removing O(log n) for the order.
#[derive(Debug)]
pub struct Table<V: Keyed> {
    slots: Vec<Option<Box<Row<V>>>>,
    free: Vec<u32>,
    /// Slots by the hash of their record's key. The keys are in the records alone: a million of 32 bytes weigh. Their
    /// hashes are here, so that growth and what is not it need no look at a record.
    by_key: HashTable<Entry>,
    hasher: RandomState,
    /// Numbers and slots.
    order: SortedSet<(u64, u32)>,
    next: u64,
    /// What is being written to a checkpoint. No part of what the table is.
    round: Option<Box<Round<V>>>,
}

/// A slot, and the hash of its record's key.
#[derive(Clone, Copy, Debug)]
struct Entry {
    slot: u32,
    hash: u32,
}

impl Entry {
    /// The hash as the index wants it: it takes the place from the low bits and a tag from the high ones.
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

#[derive(Debug)]
struct Row<V> {
    number: u64,
    value: V,
}

impl<V: Keyed> Default for Table<V> {
    fn default() -> Self {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            hasher: RandomState::default(),
            order: SortedSet::default(),
            next: 0,
            round: None,
        }
    }
}

impl<V: Keyed + Clone> Table<V> {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Adds a record; one of the same key is replaced and keeps its place in the order.
    pub fn insert(&mut self, value: V) -> Slot {
        let hash = self.hash(value.key());
        if let Some(slot) = self.find(hash, value.key()) {
            if let Some(current) = self.at_mut(slot) {
                *current = value;
            }
            return slot;
        }
        let number = self.next;
        self.next += 1;
        self.place(number, hash, value)
    }

    /// Puts a record of a new key into a free slot.
    fn place(&mut self, number: u64, hash: u32, value: V) -> Slot {
        let row = Some(Box::new(Row { number, value }));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = row;
                slot
            }
            None => {
                // 4 billion records of at least 100 bytes do not fit into the memory of any machine this runs on.
                let slot = u32::try_from(self.slots.len()).expect("a table holds fewer than 2^32 records");
                self.slots.push(row);
                slot
            }
        };
        self.by_key.insert_unique(spread(hash), Entry { slot, hash }, Entry::spread);
        self.order.insert((number, slot));
        Slot(slot)
    }

    /// Takes a record out.
    pub fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        V::Key: Borrow<Q>,
    {
        let (hash, slots) = (self.hash(key), &self.slots);
        let found = self.by_key.find_entry(spread(hash), |entry| is_of(slots, *entry, hash, key)).ok()?;
        let (Entry { slot, .. }, _) = found.remove();
        let row = self.slots[slot as usize].take()?;
        if let Some(round) = &mut self.round {
            round.save(row.number, &row.value);
        }
        self.free.push(slot);
        self.order.remove(&(row.number, slot));
        Some(row.value)
    }

    /// Takes all records out.
    pub fn clear(&mut self) {
        let keys: Vec<V::Key> = self.iter().map(|value| value.key().clone()).collect();
        keys.iter().for_each(|key| {
            self.remove(key);
        });
    }

    /// Where the record of this key stands.
    pub fn slot<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<Slot>
    where
        V::Key: Borrow<Q>,
    {
        self.find(self.hash(key), key)
    }

    fn hash<Q: ?Sized + Hash>(&self, key: &Q) -> u32 {
        // Its high half: as good as all of it.
        (self.hasher.hash_one(key) >> 32) as u32
    }

    fn find<Q: ?Sized + Eq>(&self, hash: u32, key: &Q) -> Option<Slot>
    where
        V::Key: Borrow<Q>,
    {
        let found = self.by_key.find(spread(hash), |entry| is_of(&self.slots, *entry, hash, key));
        found.map(|entry| Slot(entry.slot))
    }

    /// The record of this key.
    pub fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        V::Key: Borrow<Q>,
    {
        self.at(self.slot(key)?)
    }

    /// The record of this key, to be changed in place.
    pub fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        V::Key: Borrow<Q>,
    {
        self.at_mut(self.slot(key)?)
    }

    /// The record in this place.
    pub fn at(&self, slot: Slot) -> Option<&V> {
        self.slots.get(slot.0 as usize)?.as_ref().map(|row| &row.value)
    }

    /// The record in this place, to be changed.
    pub fn at_mut(&mut self, slot: Slot) -> Option<&mut V> {
        let row = self.slots.get_mut(slot.0 as usize)?.as_mut()?;
        if let Some(round) = &mut self.round {
            round.save(row.number, &row.value);
        }
        Some(&mut row.value)
    }

    /// The number under which the record in this place was added: grows from record to record, never repeats.
    pub fn number(&self, slot: Slot) -> Option<u64> {
        self.slots.get(slot.0 as usize)?.as_ref().map(|row| row.number)
    }

    /// The record of this number.
    pub fn by_number(&self, number: u64) -> Option<&V> {
        self.at(self.numbered(number)?)
    }

    fn numbered(&self, number: u64) -> Option<Slot> {
        let first = self.order.range_from((number, 0)).next();
        first.filter(|(found, _)| *found == number).map(|&(_, slot)| Slot(slot))
    }

    /// Puts a record back that had this number and was taken out; nothing happens where its number or key is taken.
    pub fn restore(&mut self, number: u64, value: V) -> Option<Slot> {
        let hash = self.hash(value.key());
        if self.find(hash, value.key()).is_some() || self.numbered(number).is_some() {
            return None;
        }
        self.next = self.next.max(number.saturating_add(1));
        if let Some(round) = &mut self.round {
            round.note_absent(number);
        }
        Some(self.place(number, hash, value))
    }

    /// The number that the next new record will have.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Goes on with this number at least: what was there and is gone leaves its numbers behind.
    pub fn go_on_from(&mut self, number: u64) {
        self.next = self.next.max(number);
    }

    /// The records from this number on, with their numbers, in the order in which they were added.
    pub fn iter_from(&self, number: u64) -> impl Iterator<Item = (u64, &V)> {
        self.order.range_from((number, 0)).filter_map(|&(number, slot)| Some((number, self.at(Slot(slot))?)))
    }

    /// All records in the order in which they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.order.iter().filter_map(|&(_, slot)| self.at(Slot(slot)))
    }
}

/// Whether the record of this entry has this key with this hash.
fn is_of<V: Keyed, Q: ?Sized + Eq>(slots: &[Option<Box<Row<V>>>], entry: Entry, hash: u32, key: &Q) -> bool
where
    V::Key: Borrow<Q>,
{
    let row = || slots.get(entry.slot as usize).and_then(Option::as_ref);
    entry.hash == hash && row().is_some_and(|row| row.value.key().borrow() == key)
}

/// Equal when the same records were added in the same order; where they stand does not matter.
impl<V: Keyed + Clone + PartialEq> PartialEq for Table<V> {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next
            && self.order.len() == other.order.len()
            && self
                .order
                .iter()
                .zip(other.order.iter())
                .all(|(&(a, left), &(b, right))| a == b && self.at(Slot(left)) == other.at(Slot(right)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Clone)]
    pub(super) struct Item(pub(super) u8, pub(super) u32);

    impl Keyed for Item {
        type Key = u8;
        fn key(&self) -> &u8 {
            &self.0
        }
    }

    proptest! {
        /// Against a plain list.
        #[test]
        fn a_table_is_a_list_with_keys(steps in proptest::collection::vec((any::<bool>(), 0u8..12, any::<u32>()), 0..60)) {
            let mut table = Table::default();
            let mut list: Vec<Item> = Vec::new();
            for (add, key, value) in steps {
                if add {
                    let slot = table.insert(Item(key, value));
                    prop_assert_eq!(table.at(slot), Some(&Item(key, value)));
                    match list.iter_mut().find(|item| item.0 == key) {
                        Some(item) => item.1 = value,
                        None => list.push(Item(key, value)),
                    }
                } else {
                    let place = list.iter().position(|item| item.0 == key);
                    prop_assert_eq!(table.remove(&key), place.map(|place| list.remove(place)));
                }
                prop_assert_eq!(table.iter().cloned().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(table.len(), list.len());
                for item in &list {
                    prop_assert_eq!(table.get(&item.0), Some(item));
                }
            }
        }
    }
}
