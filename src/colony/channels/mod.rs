//! Channels: what the submitter and the executor of a process say to each other while it lives (chapter 4, 5).
//!
//! Contents are kept in memory only, beside the state: they are neither logged nor there after a restart. That a channel
//! exists, and who may use it, follows from the process alone: its specification names the channels, and its parties
//! are its submitter and the executor that it is with. So there is nothing to create and nothing to forget but entries.

pub mod append;
mod entry;
pub mod rate;
pub mod read;
pub mod room;
mod subscribe;

pub use entry::{Draft, Entry, page};

use crate::colony::matching::Moment;
use crate::colony::processes::Process;
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::limits;
use crate::map::HashMap;
use crate::refusal::Refusal;
use crate::time::Time;
use rate::Bucket;
use room::Room;
use std::collections::HashSet;
use std::sync::Arc;

/// The entries of all channels of one colony.
#[derive(Debug, Default)]
pub struct Channels {
    of: HashMap<ProcessId, ProcessChannels>,
}

/// What was said on the channels of one process.
#[derive(Debug, Default)]
struct ProcessChannels {
    logs: HashMap<Box<str>, Vec<Arc<Entry>>>,
    bucket: Bucket,
    /// About how many bytes of memory the entries take.
    bytes: usize,
}

impl Channels {
    /// The entries of a channel, in order.
    pub fn log(&self, process: &ProcessId, name: &str) -> &[Arc<Entry>] {
        self.of.get(process).and_then(|channels| channels.logs.get(name)).map_or(&[], Vec::as_slice)
    }

    /// Appends to a channel that exists, for a sender that may.
    ///
    /// # Errors
    /// 500 where the process's channels are appended to too fast, or where there is no room.
    pub fn append(
        &mut self,
        to: (ProcessId, &str),
        draft: Draft,
        sender: Identity,
        room: &Room,
        at: Moment,
    ) -> Result<Arc<Entry>, Refusal> {
        let (process, name) = to;
        let channels = self.of.entry(process).or_default();
        // What is refused further on has cost its token.
        if !channels.bucket.take(at.monotonic) {
            return Err(Refusal::odd("rate limit exceeded"));
        }
        let bytes = draft.bytes();
        let count = channels.logs.get(name).map_or(0, Vec::len);
        let fits = count < limits::CHANNEL_ENTRIES && channels.bytes + bytes <= limits::CHANNEL_BYTES_PER_PROCESS;
        let taken = if fits { room.take(bytes) } else { None };
        let taken = taken.ok_or_else(|| Refusal::odd("channel log is full"))?;
        let entry = Arc::new(Entry::new(draft, sender, Time::from_nanos(at.now), taken));
        channels.bytes += bytes;
        let log = match channels.logs.get_mut(name) {
            Some(log) => log,
            None => channels.logs.entry(name.into()).or_default(),
        };
        let overtaken = log.iter().rev().take_while(|earlier| entry.overtakes(earlier)).count();
        log.insert(log.len() - overtaken, entry.clone());
        Ok(entry)
    }

    /// Forgets what was said about a process that has ended.
    pub fn close(&mut self, process: &ProcessId) {
        self.of.remove(process);
    }
}

/// Why a process has no such channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChannel {
    /// It never named it, or has ended.
    NotFound,
    /// It named too many others before it.
    TooMany,
}

impl From<NoChannel> for Refusal {
    fn from(reason: NoChannel) -> Refusal {
        match reason {
            NoChannel::NotFound => Refusal::not_found("Channel not found"),
            NoChannel::TooMany => Refusal::odd("process has too many channels"),
        }
    }
}

/// 404 for a process that is not there.
pub fn unknown_process() -> Refusal {
    Refusal::not_found("Process not found")
}

/// Looks whether a process has this channel.
///
/// # Errors
/// Says why it has not.
pub fn find(process: &Process, name: &str) -> Result<(), NoChannel> {
    let names = &process.spec.channels;
    if process.state.is_final() {
        return Err(NoChannel::NotFound);
    }
    let place = names.iter().position(|other| **other == *name).ok_or(NoChannel::NotFound)?;
    // A name that is repeated is one channel.
    let is_too_many = place >= limits::CHANNELS_PER_PROCESS
        && names[..place].iter().collect::<HashSet<_>>().len() >= limits::CHANNELS_PER_PROCESS;
    if is_too_many { Err(NoChannel::TooMany) } else { Ok(()) }
}

/// Whether this is one of the two who may use a process's channels: its submitter, or the executor that it is with.
pub fn is_party(process: &Process, caller: &Identity) -> bool {
    process.initiator == *caller || process.is_with(caller)
}

#[cfg(test)]
mod tests;
