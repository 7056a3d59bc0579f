//! One look at a server: what it says about itself and, to those who have a key, about a colony.

use super::super::connection::Session;
use crate::client::{Executor, ExecutorState, Samples, Statistics};
use std::cmp::Reverse;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a server said at one moment.
#[derive(Debug)]
pub struct Look {
    /// When, for rates.
    pub at: Instant,
    /// When, since 1970.
    pub time: Duration,
    /// Where the server is.
    pub url: String,
    /// The page of `GET /metrics`.
    pub samples: Samples,
    /// The colony that is named, if somebody is there to ask about it.
    pub colony: Option<ColonyLook>,
}

/// What the server said about a colony.
#[derive(Debug)]
pub struct ColonyLook {
    /// The colony's name.
    pub name: String,
    /// What is in it, counted.
    pub statistics: Statistics,
    /// Its executors, without those that were removed.
    pub executors: Vec<Executor>,
}

impl Look {
    /// Asks the server.
    ///
    /// # Errors
    /// Where it can't be reached, or refuses.
    pub fn at(session: &Session) -> anyhow::Result<Look> {
        let colony = if session.names_a_member() { Some(ColonyLook::at(session)?) } else { None };
        let samples = session.client.metrics()?;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Look { at: Instant::now(), time, url: session.client.url().to_owned(), samples, colony })
    }
}

impl ColonyLook {
    fn at(session: &Session) -> anyhow::Result<ColonyLook> {
        let (member, name) = (session.member()?, session.colony()?);
        let statistics = session.client.colony_statistics(&member, name)?;
        let mut executors = session.client.executors(&member, name)?;
        executors.retain(|executor| executor.state != ExecutorState::Unregistered);
        executors.sort_by_key(|executor| Reverse(executor.lastheardfromtime));
        Ok(ColonyLook { name: name.to_owned(), statistics, executors })
    }
}
