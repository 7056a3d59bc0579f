//! Messages about records that are not in memory: where to look for them, and what to do with what is found.

use super::{Gone, Hidden, HistoryEvent, Missing, Recalled};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::colony::message::{Address, Answered, Body, Command, Decision, Reply, Turn};
use crate::colony::processes::ProcessEvent;
use crate::colony::state::State;
use crate::colony::workflows::WorkflowEvent;
use crate::crypto::Identity;
use crate::ids::{AttributeId, GraphId, IdSource, Incarnation, ProcessId};
use crate::refusal::Refusal;
use std::sync::Arc;

/// What becomes of a message whose record is past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It decides about a copy of that record alone. Executors, users and the clock are not there: a message that looks
    /// at them about something that has ended must look for itself. Where it would change the record, the record is
    /// brought back into memory first and the message decides again.
    Copies,
    /// The message looks for itself, or is about no single record.
    Itself,
}

/// What a message wants of a record of the past.
pub enum Verdict {
    /// To read it: this is the answer.
    Answer(Answered),
    /// To remove it: this is the answer when that is done.
    Removal(Answered),
    /// To change it.
    Change,
}

/// What a record of the past is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It comes back into memory.
    Revival,
    /// It is removed.
    Removal,
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
    pub fn read(self, recalled: Recalled, caller: &Identity) -> Result<Verdict, Refusal> {
        let Elsewhere { command, mut empty, .. } = self;
        empty.state.restore(recalled, 0);
        let turn = &mut Turn { colony: &empty, caller, now: 0, ids: &mut NoIds };
        let Decision::Reply(Reply { events, answer, payload_type, .. }) = command.decide(turn)? else {
            return Ok(Verdict::Change);
        };
        let answered = |colony: &Colony| Answered { payload_type, body: Body::Ready(answer(colony)) };
        Ok(match events.as_slice() {
            [] => Verdict::Answer(answered(&empty)),
            [Event::Process(ProcessEvent::Removed(_)) | Event::Workflow(WorkflowEvent::Removed(_))] => {
                Verdict::Removal(answered(&empty))
            }
            _ => Verdict::Change,
        })
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

    /// What happens to something that was found; `None` where the store may have changed since it was looked for.
    pub fn retrieval(&self, found: Found, purpose: Purpose) -> Option<Event> {
        let Found { recalled, lookup } = found;
        let history = &self.state.history;
        let hidden = history.hidden();
        let is_hidden = match &recalled {
            Recalled::Process(record) => hidden.has_process(record.number, record.process.state, None),
            Recalled::Workflow(workflow, _) => hidden.has_workflow(workflow.number, workflow.state),
        };
        let is_current = !is_hidden && lookup.batches == history.batches() && !self.retention.is_under_way();
        is_current.then(|| {
            Event::History(match purpose {
                Purpose::Revival => HistoryEvent::Revived(Box::new(recalled)),
                Purpose::Removal => HistoryEvent::Removed(Box::new(Gone::from(&recalled))),
            })
        })
    }
}
