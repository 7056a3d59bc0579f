//! The registry of functions (chapter 2, 9): information only, with statistics of their runs.

pub mod add;
pub mod list;
pub mod remove;

use super::state::Changes;
use super::table::{Keyed, Table};
use crate::json::plain_number;
use crate::map::HashMap;
use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A registered function as it is stored, sent and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Function {
    /// The client's, or random.
    pub functionid: String,
    /// The executor that offers it.
    pub executorname: String,
    /// As sent.
    pub executortype: String,
    /// The colony's name.
    pub colonyname: String,
    /// What specs name.
    pub funcname: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// Successful runs.
    pub counter: i64,
    /// Shortest wait, seconds.
    #[serde(serialize_with = "plain_number")]
    pub minwaittime: f64,
    /// Longest wait, seconds.
    #[serde(serialize_with = "plain_number")]
    pub maxwaittime: f64,
    /// Shortest run, seconds.
    #[serde(serialize_with = "plain_number")]
    pub minexectime: f64,
    /// Longest run, seconds.
    #[serde(serialize_with = "plain_number")]
    pub maxexectime: f64,
    /// Smoothed wait, seconds.
    #[serde(serialize_with = "plain_number")]
    pub avgwaittime: f64,
    /// Smoothed run, seconds.
    #[serde(serialize_with = "plain_number")]
    pub avgexectime: f64,
    /// Where the executor is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub locationname: String,
}

/// What a function takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its type, as text.
    #[serde(rename = "type")]
    pub kind: String,
    /// Free text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it must be given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What may be given.
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Keyed for Function {
    type Key = String;
    fn key(&self) -> &String {
        &self.functionid
    }
}

/// What happens to functions; their statistics follow from closed processes.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum FunctionEvent {
    /// One was registered.
    Added(Box<Function>),
    /// One was removed by its executor.
    Removed(String),
}

/// The functions of one colony.
#[derive(Debug, Default, PartialEq)]
pub struct Functions {
    table: Table<Function>,
    /// Ids by executor name, then function name.
    by_executor: HashMap<String, HashMap<String, Vec<String>>>,
}

impl Functions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The function of this id.
    pub fn get(&self, id: &str) -> Option<&Function> {
        self.table.get(id)
    }

    /// All functions in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Function> {
        self.table.iter()
    }

    /// The functions of one executor in the order in which they were added.
    pub fn of(&self, executor: &str) -> Vec<&Function> {
        let ids = self.by_executor.get(executor).into_iter().flat_map(|names| names.values().flatten());
        let mut slots: Vec<_> = ids.filter_map(|id| self.table.slot(id)).collect();
        slots.sort_by_key(|&slot| self.table.number(slot));
        slots.into_iter().filter_map(|slot| self.table.at(slot)).collect()
    }

    /// Carries out what happened.
    pub fn apply(&mut self, event: FunctionEvent, changes: &mut Changes) {
        match event {
            FunctionEvent::Added(function) => {
                changes.functions.push((function.functionid.clone(), true));
                self.index(&function);
                self.table.insert(*function);
            }
            FunctionEvent::Removed(id) => {
                if let Some(function) = self.table.remove(&id)
                    && let Some(names) = self.by_executor.get_mut(&function.executorname)
                {
                    if let Some(ids) = names.get_mut(&function.funcname) {
                        ids.retain(|other| *other != id);
                        if ids.is_empty() {
                            names.remove(&function.funcname);
                        }
                    }
                    if names.is_empty() {
                        self.by_executor.remove(&function.executorname);
                    }
                    changes.functions.push((id, false));
                }
            }
        }
    }

    fn index(&mut self, function: &Function) {
        self.by_executor
            .entry(function.executorname.clone())
            .or_default()
            .entry(function.funcname.clone())
            .or_default()
            .push(function.functionid.clone());
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Function> {
        &mut self.table
    }

    /// Puts a function back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, function: Function) {
        self.index(&function);
        self.table.restore(number, function);
    }

    /// Drops all functions of an executor that left.
    pub fn remove_of(&mut self, executor: &str, changes: &mut Changes) {
        for id in self.by_executor.remove(executor).into_iter().flat_map(HashMap::into_values).flatten() {
            self.table.remove(&id);
            changes.functions.push((id, false));
        }
    }

    /// Counts a successful run: seconds waited and run (chapter 2, 7.4). Where several records share executor and
    /// function name, the first one's figures are written to all.
    pub fn count(&mut self, executor: &str, function: &str, waited: f64, ran: f64) {
        let Some(ids) = self.by_executor.get(executor).and_then(|names| names.get(function)) else {
            return;
        };
        let Some(mut counted) = ids.first().and_then(|id| self.table.get(id)).cloned() else {
            return;
        };
        counted.counter = counted.counter.saturating_add(1);
        (counted.minwaittime, counted.maxwaittime, counted.avgwaittime) =
            smoothed(counted.minwaittime, counted.maxwaittime, counted.avgwaittime, waited);
        (counted.minexectime, counted.maxexectime, counted.avgexectime) =
            smoothed(counted.minexectime, counted.maxexectime, counted.avgexectime, ran);
        for id in ids {
            if let Some(record) = self.table.get_mut(id) {
                record.counter = counted.counter;
                record.minwaittime = counted.minwaittime;
                record.maxwaittime = counted.maxwaittime;
                record.avgwaittime = counted.avgwaittime;
                record.minexectime = counted.minexectime;
                record.maxexectime = counted.maxexectime;
                record.avgexectime = counted.avgexectime;
            }
        }
    }
}

/// Smallest, largest and average after one more run. The average gives the newest run half the weight; a figure of
/// zero or less counts as none yet.
fn smoothed(smallest: f64, largest: f64, average: f64, new: f64) -> (f64, f64, f64) {
    (
        if smallest > 0.0 { smallest.min(new) } else { new },
        if largest > 0.0 { largest.max(new) } else { new },
        if average > 0.0 { (average + new) / 2.0 } else { new },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_the_references() {
        // The sequence captured in chapter 2, 7.4.
        let mut figures = (0.0, 0.0, 0.0);
        for waited in [0.311, 0.112, 0.2131] {
            figures = smoothed(figures.0, figures.1, figures.2, waited);
        }
        assert_eq!((figures.0, figures.1), (0.112, 0.311));
        assert!((figures.2 - 0.2123).abs() < 1e-9);
    }
}
