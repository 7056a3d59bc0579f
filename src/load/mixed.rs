//! What a colony's day is made of, in turn: work, and those who look at it.

use super::LoadError;
use super::colony::LoadColony;
use super::lane::Lane;
use parking_lot::Mutex;
use serde_json::json;

/// Messages of one round.
const ROUND: usize = 6;

/// Where each connection is in its round.
pub struct Mixed<'a> {
    colony: &'a LoadColony,
    /// The process that each connection works on.
    at_work: Vec<Mutex<String>>,
}

impl<'a> Mixed<'a> {
    /// A mixed load of so many connections.
    pub fn new(colony: &'a LoadColony, connections: usize) -> Mixed<'a> {
        Mixed { colony, at_work: (0..connections.max(1)).map(|_| Mutex::default()).collect() }
    }

    /// The next message of a connection: submit, assign, a log line, a look at the process, close, the colony's
    /// statistics. Nobody waits for work: whoever assigns has submitted before.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn step(&self, lane: &mut Lane, number: usize, nth: usize) -> Result<(), LoadError> {
        let colony = self.colony;
        let mut process = self.at_work[number].lock();
        let (of_executor, of_user) = (colony.key_of(number), colony.user());
        match nth % ROUND {
            0 => colony.submit(lane),
            1 => {
                *process = colony.assign(lane, number)?;
                Ok(())
            }
            2 => ask(lane, of_executor, json!({"msgtype": "addlogmsg", "processid": *process, "message": "at work\n"})),
            3 => ask(lane, of_user, json!({"msgtype": "getprocessmsg", "processid": *process})),
            4 => colony.close(lane, number, &process),
            _ => ask(lane, of_user, json!({"msgtype": "getcolonystatsmsg", "colonyname": colony.name()})),
        }
    }
}

fn ask(lane: &mut Lane, key: &crate::crypto::PrivateKey, message: serde_json::Value) -> Result<(), LoadError> {
    let body = lane.sign(key, &message);
    lane.tell(&body)
}
