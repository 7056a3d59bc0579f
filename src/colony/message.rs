//! What every message to a colony has: its name, its texts, its access rule, the way to its colony, and its decision.

use super::Colony;
use super::access::{self, Access};
use super::event::Event;
use super::matching::Moment;
use super::processes::Process;
use crate::colony::crons::Cron;
use crate::colony::generators::Generator;
use crate::colony::history::{Elsewhere, Past, PastError, Recall};
use crate::colony::workflows::Workflow;
use crate::crypto::Identity;
use crate::ids::{CronId, GeneratorId, GraphId, IdSource, ProcessId};
use crate::json;
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wal::Class;

/// The fixed texts of a message for payloads that can't be read.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// 400: the payload is not JSON or does not fit.
    pub invalid_json: &'static str,
    /// 400: the inner `msgtype` is not the envelope's `payloadtype`.
    pub mismatch: &'static str,
}

/// The texts made from a message's prefix; a second argument is the prefix of the mismatch text where it differs.
#[macro_export]
macro_rules! texts {
    ($prefix:literal) => {
        $crate::texts!($prefix, $prefix)
    };
    ($prefix:literal, $mismatch:literal) => {
        $crate::colony::message::Texts {
            invalid_json: concat!($prefix, ", invalid JSON"),
            mismatch: concat!($mismatch, ", msg.MsgType does not match payloadType"),
        }
    };
}

/// How a message names what it is about, and so its colony.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// A colony by name.
    Colony(&'a str),
    /// The colony of a process.
    Process(&'a str),
    /// The colony of a workflow.
    Graph(&'a str),
    /// The colony of a cron.
    Cron(&'a str),
    /// The colony of a generator.
    Generator(&'a str),
    /// The colony of an attribute.
    Attribute(&'a str),
    /// The colony of a registered function.
    Function(&'a str),
    /// The colony of a blueprint.
    Blueprint(&'a str),
    /// The named colony; where nothing is found there, one in which the caller is known.
    Caller(&'a str),
}

/// A message to a colony. One file a message: the request, this, and nothing else.
pub trait ColonyMessage: DeserializeOwned + Send + Sized + 'static {
    /// The envelope's `payloadtype`.
    const NAME: &'static str;
    /// Its fixed texts.
    const TEXTS: Texts;
    /// Who may send it.
    const ACCESS: Access;
    /// Whether it may use the log's reserve on a full disk: what ends or removes work.
    const CLASS: Class = Class::Ordinary;
    /// What becomes of it where the process, workflow or attribute that it names is past.
    const RECALL: Recall = Recall::Copies;
    /// Whether the answer is the request's payload, byte for byte (chapter 1, 11).
    const ECHOES: bool = false;

    /// Looks at the request alone, before its colony is looked for.
    ///
    /// # Errors
    /// The refusal, where something is missing.
    fn check(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Where it goes.
    fn address(&self) -> Address<'_>;

    /// The refusal when the address leads nowhere.
    fn unknown(&self) -> Refusal {
        access::unknown(Self::ACCESS, self.address())
    }

    /// Decides. Runs after the access rule has let the caller through; changes nothing.
    ///
    /// # Errors
    /// The refusal; nothing has happened then.
    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal>;
}

/// What a decision may look at.
pub struct Turn<'a> {
    /// The colony as it is.
    pub colony: &'a Colony,
    /// Who asks.
    pub caller: &'a Identity,
    /// The turn's time; strictly later than that of the turn before.
    pub now: Nanos,
    /// Fresh ids.
    pub ids: &'a mut dyn IdSource,
}

impl Turn<'_> {
    /// The turn's time as it is stored.
    pub fn time(&self) -> Time {
        Time::from_nanos(self.now)
    }

    /// The workflow of this id, as the request has it.
    pub fn workflow(&self, id: &str) -> Option<&Workflow> {
        self.colony.state.workflows.get(&GraphId::from_text(id)?)
    }

    /// The cron of this id, as the request has it.
    pub fn cron(&self, id: &str) -> Option<&Cron> {
        self.colony.state.crons.get(&CronId::from_text(id)?)
    }

    /// The generator of this id, as the request has it.
    pub fn generator(&self, id: &str) -> Option<&Generator> {
        self.colony.state.generators.get(&GeneratorId::from_text(id)?)
    }

    /// The process of this id, as the request has it.
    pub fn process(&self, id: &str) -> Option<&Process> {
        self.colony.state.processes.get(&ProcessId::from_text(id)?)
    }
}

/// What is to happen, and what the caller is told.
pub enum Decision {
    /// These events, then this answer.
    Reply(Reply),
    /// The caller waits for a process.
    Park(super::waiters::Poll),
    /// Changes only what is in memory: done at once, without a record.
    Volatile(Volatile),
    /// The answer needs what is past: it is made with that, after the turn.
    FromPast(ReadPast),
    /// Too much for one turn: it is done in steps, and the caller is told after the last one.
    Gradually(Box<dyn Gradual>),
}

/// A change of what is in memory only. Unlike a decision it may change something and refuse nevertheless.
pub struct Volatile {
    /// Carries it out, within the turn that decided.
    pub effect: Effect,
    /// What the answer reveals.
    pub reveals: Reveals,
}

/// Makes an answer with what is past. It holds what it needs of the present.
pub type ReadPast = Box<dyn FnOnce(&dyn Past) -> Result<Box<dyn Answer>, Refusal> + Send>;

/// Changes what a colony keeps beside its state; never the state.
pub type Effect = Box<dyn FnOnce(&mut Colony, Moment) -> Result<Box<dyn Answer>, Refusal> + Send>;

/// Work in steps, a turn and a record each. Other messages are served between two steps, and a crash may leave a part
/// undone.
pub trait Gradual: Send {
    /// The next step: its events, and whether it is the last one. Looks at the colony as it is now; changes nothing.
    fn step(&mut self, colony: &Colony) -> (Vec<Event>, bool);
}

/// Events and the answer once they have been applied.
pub struct Reply {
    /// What happens; applied in order, in one record.
    pub events: Vec<Event>,
    /// The answer.
    pub answer: Plan,
    /// What the answer reveals.
    pub reveals: Reveals,
    /// The reply's `payloadtype` where it is not the request's.
    pub payload_type: Option<&'static str>,
}

/// Makes the answer from the colony as it is after the turn's events.
pub type Plan = Box<dyn FnOnce(&Colony) -> Box<dyn Answer> + Send>;

/// How far the log must be durable before an answer may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveals {
    /// All of the colony so far: lists, counts, refusals.
    Colony,
    /// One record, last changed by the record of this number in the colony's stream.
    Record(u64),
}

impl Decision {
    /// These events, then this answer.
    pub fn reply(events: Vec<Event>, answer: impl FnOnce(&Colony) -> Box<dyn Answer> + Send + 'static) -> Decision {
        Decision::Reply(Reply { events, answer: Box::new(answer), reveals: Reveals::Colony, payload_type: None })
    }

    /// These events, then the empty answer `{}`.
    pub fn done(events: Vec<Event>) -> Decision {
        Decision::reply(events, |_| Box::new(Empty {}))
    }

    /// Nothing happens; this is the answer.
    pub fn answer(answer: impl Answer + 'static) -> Decision {
        Decision::reply(Vec::new(), move |_| Box::new(answer))
    }

    /// A change of what is in memory only.
    pub fn volatile(
        effect: impl FnOnce(&mut Colony, Moment) -> Result<Box<dyn Answer>, Refusal> + Send + 'static,
    ) -> Decision {
        Decision::Volatile(Volatile { effect: Box::new(effect), reveals: Reveals::Colony })
    }

    /// Nothing happens; this is the answer, made with what is past.
    pub fn from_past<T: Answer + 'static>(
        read: impl FnOnce(&dyn Past) -> Result<T, PastError> + Send + 'static,
    ) -> Decision {
        Decision::FromPast(Box::new(move |past| Ok(Box::new(read(past)?))))
    }

    /// Says that the answer reveals one record only.
    pub fn revealing(mut self, number: u64) -> Decision {
        match &mut self {
            Decision::Reply(reply) => reply.reveals = Reveals::Record(number),
            Decision::Volatile(volatile) => volatile.reveals = Reveals::Record(number),
            Decision::Park(_) | Decision::Gradually(_) | Decision::FromPast(_) => {}
        }
        self
    }

    /// Names the reply's `payloadtype` where it is not the request's.
    pub fn named(mut self, payload_type: &'static str) -> Decision {
        if let Decision::Reply(reply) = &mut self {
            reply.payload_type = Some(payload_type);
        }
        self
    }
}

/// An answer's payload: typed until the http worker writes it, so that no JSON is made inside a turn.
pub trait Answer: Send {
    /// The payload's JSON text.
    ///
    /// # Errors
    /// What serde_json says; a value that can't be JSON is a defect of this program.
    fn json(&self) -> Result<Vec<u8>, serde_json::Error>;
}

/// Bytes that most answers fit in: a process with a small spec takes some 1,300. Growing to that from nothing would copy
/// it four times.
const USUAL_BYTES: usize = 2_048;

impl<T: Serialize + Send> Answer for T {
    fn json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        json::write(&mut bytes, self)?;
        Ok(bytes)
    }
}

/// The empty reply `{}`.
#[derive(Serialize)]
pub struct Empty {}

/// A list that is `null` when it is empty, as the reference's lists of records are.
pub struct NullIfEmpty<T>(pub Vec<T>);

impl<T: Serialize> Serialize for NullIfEmpty<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() { serializer.serialize_none() } else { self.0.serialize(serializer) }
    }
}

/// A message that was read and waits for its turn: a [`ColonyMessage`] whose type is forgotten.
pub trait Command: Send {
    /// The envelope's `payloadtype`.
    fn name(&self) -> &'static str;
    /// Where it goes.
    fn address(&self) -> Address<'_>;
    /// The refusal when the address leads nowhere.
    fn unknown(&self) -> Refusal;
    /// Looks at the request alone; see [`ColonyMessage::check`].
    ///
    /// # Errors
    /// The refusal.
    fn check(&self) -> Result<(), Refusal>;
    /// Who may send it.
    fn access(&self) -> Access;
    /// Whether it may use the log's reserve.
    fn class(&self) -> Class;
    /// What becomes of it where its record is past.
    fn recall(&self) -> Recall;
    /// Decides; see [`ColonyMessage::decide`].
    ///
    /// # Errors
    /// The refusal.
    fn decide(self: Box<Self>, turn: &mut Turn<'_>) -> Result<Decision, Refusal>;
}

impl<M: ColonyMessage> Command for M {
    fn name(&self) -> &'static str {
        M::NAME
    }
    fn address(&self) -> Address<'_> {
        ColonyMessage::address(self)
    }
    fn unknown(&self) -> Refusal {
        ColonyMessage::unknown(self)
    }
    fn check(&self) -> Result<(), Refusal> {
        ColonyMessage::check(self)
    }
    fn access(&self) -> Access {
        M::ACCESS
    }
    fn class(&self) -> Class {
        M::CLASS
    }
    fn recall(&self) -> Recall {
        M::RECALL
    }
    fn decide(self: Box<Self>, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        ColonyMessage::decide(*self, turn)
    }
}

/// An answer on its way to the http worker.
pub struct Answered {
    /// The reply's `payloadtype` where it is not the request's.
    pub payload_type: Option<&'static str>,
    /// The payload.
    pub body: Body,
}

/// A payload, or the way to it.
pub enum Body {
    /// The payload.
    Ready(Box<dyn Answer>),
    /// It is made with what is past.
    FromPast(ReadPast),
    /// Nothing is decided yet: what the message is about may be past.
    Elsewhere(Box<Elsewhere>),
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered").field("payload_type", &self.payload_type).finish_non_exhaustive()
    }
}
