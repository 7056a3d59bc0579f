//! Keeps the index of log lines close behind them: knows how long each colony's tail is and makes a segment of it when
//! it is long enough. Part of the store's one writer.

use super::segments::{self, Amount, IndexBounds};
use crate::ids::Incarnation;
use rusqlite::Connection;
use std::collections::{HashMap, VecDeque};

/// Which tails are long enough.
#[derive(Debug)]
pub struct Indexer {
    bounds: IndexBounds,
    /// Of the colonies whose tail was counted, with what was added to it since.
    tails: HashMap<Incarnation, Amount>,
    /// Colonies whose tail may be long enough, each once.
    due: VecDeque<Incarnation>,
}

impl Indexer {
    /// For these colonies, about whose tails nothing is known yet.
    pub fn new(bounds: IndexBounds, colonies: impl IntoIterator<Item = Incarnation>) -> Indexer {
        Indexer { bounds, tails: HashMap::new(), due: colonies.into_iter().collect() }
    }

    /// Whether there is something to do.
    pub fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Notes what was added to a colony's tail; `None` where that is not known.
    pub fn grew(&mut self, of: Incarnation, by: Option<Amount>) {
        let is_due = match (self.tails.get_mut(&of), by) {
            (Some(tail), Some(by)) => {
                *tail = Amount { lines: tail.lines + by.lines, bytes: tail.bytes + by.bytes };
                tail.is_full(&self.bounds)
            }
            (None, Some(by)) => by.lines > 0,
            (_, None) => true,
        };
        if is_due && !self.due.contains(&of) {
            self.due.push_back(of);
        }
    }

    /// Forgets a colony that is removed.
    pub fn forget(&mut self, of: Incarnation) {
        self.tails.remove(&of);
        self.due.retain(|due| *due != of);
    }

    /// Makes one segment, or finds that a tail is too short for one.
    ///
    /// # Errors
    /// Of which colony, and what SQLite says.
    pub fn step(&mut self, connection: &mut Connection) -> Result<(), (Incarnation, rusqlite::Error)> {
        let Some(of) = self.due.pop_front() else {
            return Ok(());
        };
        // Where this fails, the tail is not known any more, and counted again when it grows.
        self.tails.remove(&of);
        self.index(connection, of).map_err(|error| (of, error))
    }

    fn index(&mut self, connection: &mut Connection, of: Incarnation) -> rusqlite::Result<()> {
        let tail = segments::tail(connection, of, &self.bounds)?;
        if tail.is_full(&self.bounds) {
            segments::add(connection, of, &self.bounds)?;
            self.due.push_back(of);
        } else {
            self.tails.insert(of, tail);
        }
        Ok(())
    }
}
