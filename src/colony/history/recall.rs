//! Messages about records that are not in memory: where to look for them, and what to do with what is found.

use super::{Hidden, HistoryEvent, Missing, Recalled};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::colony::message::{Address, Answered, Body, Command, Decision, Reply, Turn};
use crate::colony::state::State;
use crate::crypto::Identity;
use crate::ids::{AttributeId, GraphId, IdSource, Incarnation, ProcessId};
use crate::refusal::Refusal;
use std::sync::Arc;

/// What becomes of a message whose record is past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// The record is brought back into memory first: the message may change it.
    Revives,
    /// The message decides about a copy: it reads that record and nothing else.
    Reads,
    /// The message looks for itself, or is about no single record.
    Itself,
}

/// Where to look for something.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Whose it is.
    pub of: Incarnation,
    /// What.
    pub missing: Missing,
    /// What is not to be found.
    pub hidden: Arc<Hidden>,
    /// How many batches the store had when the colony was asked.
    batches: u64,
}

/// A message that is not decided yet, since what it is about may be past.
pub struct Elsewhere {
    /// The message.
    pub command: Box<dyn Command>,
    /// Where to look.
    pub lookup: Lookup,
    /// A colony of the same name in which nothing is.
    pub empty: Box<Colony>,
}

/// What was found, and when it was looked for.
pub struct Found {
    /// The record.
    pub recalled: Recalled,
    /// The look.
    pub lookup: Lookup,
}

impl Elsewhere {
    /// Decides about a copy of what was found.
    ///
    /// # Errors
    /// The message's refusal.
    pub fn read(self, recalled: Recalled, caller: &Identity) -> Result<Answered, Refusal> {
        let Elsewhere { command, mut empty, .. } = self;
        empty.state.restore(recalled, 0);
        let turn = &mut Turn { colony: &empty, caller, now: 0, ids: &mut NoIds };
        match command.decide(turn)? {
            Decision::Reply(Reply { events, answer, payload_type, .. }) if events.is_empty() => {
                Ok(Answered { payload_type, body: Body::Ready(answer(&empty)) })
            }
            _ => Err(Refusal::odd("this message wants to change what is past; this is a defect of the server")),
        }
    }
}

/// Reading needs no ids.
struct NoIds;

impl IdSource for NoIds {
    fn random(&mut self) -> [u8; 32] {
        [0; 32]
    }
}

impl Colony {
    /// Where to look for what this address names, where it is not in memory and may be past.
    pub fn lookup(&self, address: Address<'_>) -> Option<Lookup> {
        if self.state.history.is_empty() {
            return None;
        }
        let processes = &self.state.processes;
        let missing = match address {
            Address::Process(id) => {
                ProcessId::from_text(id).filter(|id| processes.get(id).is_none()).map(Missing::Process)
            }
            Address::Graph(id) => {
                let id = GraphId::from_text(id);
                id.filter(|id| self.state.workflows.get(id).is_none()).map(Missing::Workflow)
            }
            Address::Attribute(id) => {
                let id = AttributeId::from_text(id);
                id.filter(|id| processes.attribute(id).is_none()).map(Missing::Attribute)
            }
            _ => None,
        };
        missing.map(|missing| self.lookup_of(missing))
    }

    /// Where to look for this.
    pub fn lookup_of(&self, missing: Missing) -> Lookup {
        let history = &self.state.history;
        Lookup { of: self.state.incarnation, missing, hidden: history.hidden(), batches: history.batches() }
    }

    /// A colony of this name with nothing in it.
    pub fn empty(&self) -> Colony {
        let state = State { name: self.state.name.clone(), incarnation: self.state.incarnation, ..State::default() };
        Colony::new(state, self.options.clone())
    }

    /// What brings something back that was found; `None` where the store may have changed since it was looked for.
    pub fn revival(&self, found: Found) -> Option<Event> {
        let Found { recalled, lookup } = found;
        let history = &self.state.history;
        let hidden = history.hidden();
        let is_hidden = match &recalled {
            Recalled::Process(record) => hidden.has_process(record.number, record.process.state, None),
            Recalled::Workflow(workflow, _) => hidden.has_workflow(workflow.number, workflow.state),
        };
        let is_current = !is_hidden && lookup.batches == history.batches() && !self.retention.is_under_way();
        is_current.then(|| Event::History(HistoryEvent::Revived(Box::new(recalled))))
    }
}
