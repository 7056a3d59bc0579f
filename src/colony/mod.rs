//! A colony: its durable state and what it keeps in memory beside it, without I/O, clock, randomness or threads. The
//! actor around it ([`actor`]) gives it turns.

pub mod access;
pub mod actor;
pub mod attributes;
pub mod blueprints;
pub mod channels;
pub mod checkpoint;
pub mod colonies;
pub mod crons;
pub mod event;
pub mod executors;
pub mod files;
pub mod functions;
pub mod generators;
pub mod history;
pub mod listing;
pub mod locations;
pub mod logs;
pub mod mailbox;
pub mod matching;
pub mod message;
pub mod names;
pub mod poll;
pub mod processes;
#[cfg(test)]
mod proptests;
pub mod retention;
pub mod schedule;
pub mod snapshots;
mod sorted;
pub mod starter;
pub mod state;
pub mod subscriptions;
pub mod table;
pub mod timers;
pub mod users;
pub mod waiters;
pub mod workflows;

use crate::limits;
use crate::map::HashMap;
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};
use channels::Channels;
use channels::room::Room;
use event::Event;
use executors::Executor;
use executors::stale::SignsOfLife;
use history::Archiving;
use jiff::tz::TimeZone;
use matching::Held;
use poll::{Generation, PollSlot};
use retention::Retention;
use schedule::Schedule;
use state::State;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use subscriptions::Subscriptions;
use timers::Timers;
use waiters::Waiters;

/// What an operator chose for all colonies.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether an executor may come back under a name that is in use (chapter 1, 9.3).
    pub allow_reregister: bool,
    /// Processes that may wait.
    pub max_waiting: usize,
    /// Bytes of memory that processes, log lines, files and snapshots may take, about.
    pub max_bytes: usize,
    /// How much one message may ask for.
    pub bounds: Bounds,
    /// Long polls that may wait.
    pub max_waiters: usize,
    /// Websocket subscriptions.
    pub max_subscriptions: usize,
    /// Memory for the entries of channels, shared by all colonies.
    pub channel_room: Room,
    /// How long an executor that asked for work may be silent; `None` is for ever.
    pub stale_after: Option<Duration>,
    /// How old what succeeded and what was said may become; `None` is for ever.
    pub retention: Option<Duration>,
    /// How often silent executors are looked for.
    pub sweep_every: Duration,
    /// Milliseconds: shown with a cron, and how soon one is tried again that could not start.
    pub cron_checker_period: u32,
    /// Milliseconds: shown with a generator, how soon one is tried again that could not start, and how long an argument
    /// waits that comes after the timeout.
    pub generator_checker_period: u32,
    /// The zone of cron expressions that name none.
    pub zone: TimeZone,
    /// How long what has ended stays in memory before it goes to the history store.
    pub archive_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            allow_reregister: false,
            max_waiting: limits::WAITING_PER_COLONY,
            max_bytes: limits::BYTES_PER_COLONY,
            bounds: Bounds::default(),
            max_waiters: limits::WAITERS_PER_COLONY,
            max_subscriptions: limits::SUBSCRIPTIONS_PER_COLONY,
            channel_room: Room::new(limits::CHANNEL_BYTES),
            stale_after: Some(limits::STALE_EXECUTOR),
            retention: None,
            sweep_every: limits::SWEEP,
            cron_checker_period: limits::CHECKER_PERIOD_MS,
            generator_checker_period: limits::CHECKER_PERIOD_MS,
            zone: TimeZone::UTC,
            archive_after: limits::ARCHIVE_AFTER,
        }
    }
}

/// Bounds of one message that an operator may choose.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a name.
    pub name_bytes: usize,
    /// Elements of one list.
    pub list_elements: usize,
    /// Nodes of one workflow; below 2³².
    pub graph_nodes: usize,
    /// Dependencies of all nodes of one workflow together.
    pub graph_dependencies: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            name_bytes: limits::NAME_BYTES,
            list_elements: limits::LIST_ELEMENTS,
            graph_nodes: limits::GRAPH_NODES,
            graph_dependencies: limits::GRAPH_DEPENDENCIES,
        }
    }
}

/// A colony as its turns see it.
#[derive(Debug)]
pub struct Colony {
    /// What must be remembered.
    pub state: State,
    /// What the operator chose.
    pub options: Arc<Options>,
    /// Executors that wait for work.
    pub(crate) waiters: Waiters<PollSlot>,
    /// Clients that wait for events.
    pub(crate) subscriptions: Subscriptions,
    /// What was said on channels.
    pub(crate) channels: Channels,
    /// Deadlines of processes.
    pub(crate) timers: Timers,
    /// Assignments whose answer is not known to have left, by process.
    held: HashMap<crate::ids::ProcessId, Held>,
    /// The same in the order in which they were given, to forget those that have left.
    held_order: VecDeque<(crate::ids::ProcessId, Arc<PollSlot>, Generation)>,
    /// When each executor last gave a sign of life, by name.
    heard: HashMap<String, Time>,
    /// When crons and generators start.
    pub(crate) schedule: Schedule,
    /// What waits to go to the history store.
    pub(crate) archiving: Archiving,
    /// Which executors are alive, as far as the sweep for silent ones goes.
    pub(crate) signs: SignsOfLife,
    /// What may be removed when it is old enough.
    pub(crate) retention: Retention,
    /// Whether there was not room to hand out everything that could be.
    pub(crate) unmatched: bool,
}

impl Colony {
    /// A colony with this state, as after a start: nobody waits.
    pub fn new(state: State, options: Arc<Options>) -> Colony {
        Colony {
            state,
            options,
            waiters: Waiters::default(),
            subscriptions: Subscriptions::default(),
            channels: Channels::default(),
            timers: Timers::default(),
            held: HashMap::default(),
            held_order: VecDeque::new(),
            heard: HashMap::default(),
            schedule: Schedule::default(),
            archiving: Archiving::default(),
            signs: SignsOfLife::default(),
            retention: Retention::default(),
            unmatched: false,
        }
    }

    /// The time of the next turn, given the wall clock: strictly later than that of every record.
    pub fn next_turn(&self, wall: Nanos) -> Nanos {
        wall.max(self.state.newest.saturating_add(1))
    }

    /// An executor as it is shown: with its latest sign of life.
    pub fn with_last_heard(&self, mut executor: Executor) -> Executor {
        if let Some(&heard) = self.heard.get(&executor.executorname) {
            executor.lastheardfromtime = executor.lastheardfromtime.max(heard);
        }
        executor
    }

    /// Notes a sign of life.
    pub(crate) fn hear(&mut self, executor: &str, at: Time) {
        match self.heard.get_mut(executor) {
            Some(heard) => *heard = at,
            None => {
                self.heard.insert(executor.to_owned(), at);
            }
        }
    }

    /// Refuses new work when too much waits already.
    pub(crate) fn check_room(&self, more: usize) -> Result<(), Refusal> {
        let waiting = self.state.processes.count(processes::ProcessState::Waiting);
        if waiting + more > self.options.max_waiting {
            return Err(Refusal::unavailable(format!(
                "too many processes wait in Colony with name <{}>, try again later",
                self.state.name
            )));
        }
        Ok(())
    }

    /// Refuses what would take so many bytes of memory when the colony holds too much already.
    pub(crate) fn check_bytes(&self, more: usize) -> Result<(), Refusal> {
        let State { processes, files, snapshots, generators, crons, blueprints, .. } = &self.state;
        let registered = files.bytes() + snapshots.bytes() + generators.bytes() + crons.bytes() + blueprints.bytes();
        let held = processes.bytes() + registered;
        if held.saturating_add(more) > self.options.max_bytes {
            return Err(Refusal::unavailable(format!(
                "Colony with name <{}> holds too much, remove processes, files or snapshots, or try again later",
                self.state.name
            )));
        }
        Ok(())
    }

    /// Refuses a log line when the colony holds too many: lines stay when their process is removed, so they must not
    /// stand in the way of new work.
    pub(crate) fn check_log_bytes(&self, more: usize) -> Result<(), Refusal> {
        if self.state.logs.bytes().saturating_add(more) > self.options.max_bytes {
            return Err(Refusal::unavailable(format!(
                "Colony with name <{}> holds too many log lines: this one was not kept",
                self.state.name
            )));
        }
        Ok(())
    }

    /// Refuses one more record of a kind of which there are very many already.
    pub(crate) fn check_count(&self, prefix: &str, kind: &str, count: usize) -> Result<(), Refusal> {
        if count >= limits::RECORDS_PER_COLONY {
            return Err(Refusal::bad_request(format!(
                "{prefix}, Colony with name <{}> has too many {kind}",
                self.state.name
            )));
        }
        Ok(())
    }

    /// Carries out an event of the record of this number and time.
    pub fn apply(&mut self, event: Event, now: Nanos, number: u64) {
        self.state.apply(event, now, number);
        // At once: a process may enter another state in the same turn, and each is an event of its own.
        self.collect_notices();
    }
}
