//! A table as it is at one moment, taken out in slices while it goes on changing: what a checkpoint writes.
//!
//! Nothing is copied beforehand. A record that is changed or removed before its turn is saved as it was, once; so a
//! round costs memory only for what changes meanwhile.

use super::{Keyed, Slot, Table};
use std::collections::BTreeMap;

/// A round through a table.
#[derive(Debug)]
pub(super) struct Round<V> {
    /// Records below this number were taken.
    next: u64,
    /// Records from this number on are newer than the moment.
    end: u64,
    /// Records that changed before their turn, as they were; `None` for one that was not there.
    saved: BTreeMap<u64, Option<V>>,
}

impl<V> Round<V> {
    fn awaits(&self, number: u64) -> bool {
        (self.next..self.end).contains(&number)
    }

    /// A record of this number comes into the table.
    pub(super) fn note_absent(&mut self, number: u64) {
        if self.awaits(number) {
            self.saved.entry(number).or_insert(None);
        }
    }
}

impl<V: Clone> Round<V> {
    /// This record is about to change, or to go.
    pub(super) fn save(&mut self, number: u64, value: &V) {
        if self.awaits(number) {
            self.saved.entry(number).or_insert_with(|| Some(value.clone()));
        }
    }
}

impl<V: Keyed + Clone> Table<V> {
    /// Begins to take out what is in the table now. A round that was under way is over.
    pub fn begin_round(&mut self) {
        self.round = Some(Box::new(Round { next: 0, end: self.next, saved: BTreeMap::new() }));
    }

    /// Ends a round before all was taken.
    pub fn end_round(&mut self) {
        self.round = None;
    }

    /// The next records of the round, with their numbers: until their weights reach `budget`, but at least one. None
    /// when all were taken, or no round is under way.
    pub fn next_slice(&mut self, budget: usize, weight: impl Fn(&V) -> usize) -> Vec<(u64, V)> {
        let Some(mut round) = self.round.take() else {
            return Vec::new();
        };
        let mut slice = Vec::new();
        let mut taken = 0;
        let of_round = self.order.range_from((round.next, 0)).take_while(|(number, _)| *number < round.end);
        let mut live = of_round.peekable();
        let mut saved = round.saved.iter().peekable();
        while taken < budget.max(1) {
            let from_saved = saved.peek().map(|(number, _)| **number);
            let from_live = live.peek().map(|(number, _)| *number);
            let Some(number) = from_saved.into_iter().chain(from_live).min() else {
                break;
            };
            let row = live.next_if(|(live, _)| *live == number).and_then(|&(_, slot)| self.at(Slot(slot)));
            // What was saved is what counts.
            let value = match saved.next_if(|(saved, _)| **saved == number) {
                Some((_, value)) => value.as_ref(),
                None => row,
            };
            round.next = number + 1;
            if let Some(value) = value {
                taken += weight(value).max(1);
                slice.push((number, value.clone()));
            }
        }
        round.saved = round.saved.split_off(&round.next);
        if !slice.is_empty() {
            self.round = Some(round);
        }
        slice
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Item;
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u8, u32),
        Change(u8),
        Remove(u8),
        Restore(u8),
        Slice(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..20, any::<u32>()).prop_map(|(key, value)| Step::Add(key, value)),
            (0u8..20).prop_map(Step::Change),
            (0u8..20).prop_map(Step::Remove),
            (0u8..20).prop_map(Step::Restore),
            (0usize..4).prop_map(Step::Slice),
        ]
    }

    fn carry_out(table: &mut Table<Item>, gone: &mut Vec<(u64, Item)>, step: &Step) {
        match *step {
            Step::Add(key, value) => {
                table.insert(Item(key, value));
            }
            Step::Change(key) => {
                if let Some(item) = table.get_mut(&key) {
                    item.1 = item.1.wrapping_add(1);
                }
            }
            Step::Remove(key) => {
                let number = table.slot(&key).and_then(|slot| table.number(slot));
                gone.extend(number.zip(table.remove(&key)));
            }
            Step::Restore(key) => {
                if let Some(at) = gone.iter().rposition(|(_, item)| item.0 == key) {
                    let (number, item) = gone.remove(at);
                    table.restore(number, item);
                }
            }
            Step::Slice(_) => {}
        }
    }

    proptest! {
        /// Whatever happens meanwhile, a round is the table as it was when it began.
        #[test]
        fn a_round_is_one_moment(
            before in proptest::collection::vec(step(), 0..40),
            during in proptest::collection::vec(step(), 0..80),
        ) {
            let (mut table, mut gone) = (Table::default(), Vec::new());
            before.iter().for_each(|step| carry_out(&mut table, &mut gone, step));
            let as_it_was: Vec<(u64, Item)> = table.iter_from(0).map(|(number, item)| (number, item.clone())).collect();
            table.begin_round();
            let mut taken = Vec::new();
            for step in &during {
                if let Step::Slice(budget) = step {
                    taken.extend(table.next_slice(*budget, |_| 1));
                }
                carry_out(&mut table, &mut gone, step);
            }
            loop {
                let slice = table.next_slice(3, |_| 1);
                if slice.is_empty() {
                    break;
                }
                taken.extend(slice);
            }
            prop_assert_eq!(taken, as_it_was);
            prop_assert!(table.round.is_none());
        }
    }
}
