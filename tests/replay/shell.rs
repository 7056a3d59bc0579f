//! A colony without its actor: turns as the actor gives them, with a log that is a list and a clock that the test moves.

use colonies::colony::event::Event;
use colonies::colony::matching::{Moment, PollAnswer, Record, Settled};
use colonies::colony::message::{Body, Command, Decision, Turn};
use colonies::colony::poll::{Delivery, PollSlot};
use colonies::colony::state::{Changes, State};
use colonies::colony::waiters::Poll;
use colonies::colony::{Colony, Options, access};
use colonies::crypto::Identity;
use colonies::ids::IdSource;
use colonies::limits::LIST_ELEMENTS;
use colonies::refusal::Refusal;
use colonies::rpc::dispatch::{self, Decoded};
use colonies::storage::codec::{self, RecordWriter};
use colonies::storage::history::HistoryStore;
use colonies::time::Nanos;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Ids that are the same in every run.
#[derive(Default)]
struct Counting(u64);

impl IdSource for Counting {
    fn random(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut id = [0; 32];
        id[24..].copy_from_slice(&self.0.to_be_bytes());
        id
    }
}

struct Room(RecordWriter);

impl Record for Room {
    fn has_room(&self) -> bool {
        true
    }
    fn add(&mut self, event: &Event) {
        self.0.add(event);
    }
}

/// What came of a long poll.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Process(String),
    Refused(u16),
}

/// A long poll from the worker's side.
pub struct Asked {
    slot: Arc<PollSlot>,
    /// What was delivered and not looked at yet.
    inbox: Arc<Mutex<Vec<Delivery>>>,
    pub outcome: Option<Outcome>,
    left: bool,
}

/// The outcome of a message.
pub enum Told {
    Answer(Value),
    /// A poll of this number was taken in.
    Asking(usize),
}

/// A colony, its records, and its polls.
pub struct Shell {
    pub colony: Colony,
    pub records: Vec<Vec<u8>>,
    pub polls: Vec<Asked>,
    ids: Counting,
    wall: Nanos,
    monotonic: u64,
    /// Answers whose record is not durable yet.
    undurable: Vec<PollAnswer>,
    /// Polls whose client has gone and that no turn has looked at yet.
    leavers: Vec<usize>,
    /// Where past things are, for histories that have a store.
    pub past: Option<HistoryStore>,
}

impl Shell {
    pub fn new(name: &str, owner: &Identity) -> Shell {
        let options = Options { allow_reregister: true, ..Options::default() };
        let mut shell = Shell {
            colony: Colony::new(State::default(), Arc::new(options)),
            records: Vec::new(),
            polls: Vec::new(),
            ids: Counting::default(),
            wall: 1_700_000_000_000_000_000,
            monotonic: 0,
            undurable: Vec::new(),
            leavers: Vec::new(),
            past: None,
        };
        let founded = Event::Founded { name: name.to_owned(), owner: owner.clone(), incarnation: 7 };
        shell.own_turn(vec![founded]);
        shell
    }

    pub fn moment(&self) -> Moment {
        Moment {
            now: self.colony.next_turn(self.wall),
            monotonic: self.monotonic,
            number: self.records.len() as u64 + 1,
        }
    }

    pub fn pass(&mut self, millis: u64) {
        self.wall += millis as i64 * 1_000_000;
        self.monotonic += millis * 1_000;
    }

    /// A message of a caller.
    pub fn call(&mut self, caller: &Identity, message: &Value) -> Result<Told, Refusal> {
        let entry = dispatch::find(message["msgtype"].as_str().unwrap()).unwrap();
        let Decoded::Colony(command) = entry.decode(Some(message.to_string().as_bytes()), LIST_ELEMENTS)? else {
            panic!("{message} is not for a colony");
        };
        command.check()?;
        access::check(command.access(), &self.colony.state, caller)?;
        self.decide(caller, command)
    }

    /// A message whose sender may send it.
    pub fn decide(&mut self, caller: &Identity, command: Box<dyn Command>) -> Result<Told, Refusal> {
        let at = self.moment();
        let mut turn = Turn { colony: &self.colony, caller, now: at.now, ids: &mut self.ids };
        match command.decide(&mut turn)? {
            Decision::Reply(reply) => {
                let events = reply.events;
                let applied = self.apply(events, at);
                let answer = (reply.answer)(&self.colony).json().unwrap();
                self.settle(applied, at);
                Ok(Told::Answer(serde_json::from_slice(&answer).unwrap()))
            }
            Decision::Park(poll) => Ok(Told::Asking(self.ask(poll, at))),
            Decision::Gradually(mut work) => loop {
                let (events, is_last) = work.step(&self.colony);
                self.own_turn(events);
                if is_last {
                    return Ok(Told::Answer(Value::Null));
                }
            },
            Decision::FromPast(read) => {
                let past = self.past.as_ref().expect("a store, where something is past").reader().unwrap();
                Ok(Told::Answer(serde_json::from_slice(&read(&past)?.json().unwrap()).unwrap()))
            }
            Decision::Volatile(_) => panic!("this changes only what is in memory, which no history here has"),
        }
    }

    fn ask(&mut self, poll: Poll, at: Moment) -> usize {
        let inbox = Arc::new(Mutex::new(Vec::new()));
        let box_of_slot = inbox.clone();
        let slot = Arc::new(PollSlot::new(move |delivery| box_of_slot.lock().unwrap().push(delivery)));
        self.polls.push(Asked { slot: slot.clone(), inbox, outcome: None, left: false });
        let mut record = Room(RecordWriter::new(at.now));
        let answers = self.colony.poll(poll, slot, at, &mut record);
        self.undurable.extend(answers);
        self.settle(record, at);
        self.polls.len() - 1
    }

    /// A turn of the colony's own.
    pub fn own_turn(&mut self, events: Vec<Event>) {
        let at = self.moment();
        let record = self.apply(events, at);
        self.settle(record, at);
    }

    fn apply(&mut self, events: Vec<Event>, at: Moment) -> Room {
        let mut record = Room(RecordWriter::new(at.now));
        for event in events {
            record.add(&event);
            self.colony.apply(event, at.now, at.number);
        }
        record
    }

    fn settle(&mut self, mut record: Room, at: Moment) {
        let Settled { answers, .. } = self.colony.settle(at, &mut record);
        self.undurable.extend(answers);
        if !record.0.is_empty() {
            self.records.push(record.0.into_bytes());
        }
    }

    /// The log has caught up: answers reach their workers, which pass them on unless they were revoked meanwhile.
    pub fn sync(&mut self) {
        for PollAnswer { slot, generation, outcome } in std::mem::take(&mut self.undurable) {
            slot.deliver(generation, outcome);
        }
        for poll in self.polls.iter_mut().filter(|poll| !poll.left) {
            for (generation, outcome) in std::mem::take(&mut *poll.inbox.lock().unwrap()) {
                let outcome = match outcome {
                    Err(refusal) => Outcome::Refused(refusal.status),
                    Ok(_) if !poll.slot.send(generation) => continue,
                    Ok(answered) => {
                        let Body::Ready(body) = answered.body else { panic!("an assignment is in memory") };
                        let process: Value = serde_json::from_slice(&body.json().unwrap()).unwrap();
                        Outcome::Process(process["processid"].as_str().unwrap().to_owned())
                    }
                };
                assert!(poll.outcome.is_none(), "a poll was answered twice");
                poll.outcome = Some(outcome);
            }
        }
    }

    /// The client of a poll goes away. The colony hears of it later.
    pub fn leave(&mut self, poll: usize) {
        if self.polls[poll].outcome.is_none() && !self.polls[poll].left {
            self.polls[poll].left = true;
            // Where it was answered in the same moment there is nothing to take back.
            if self.polls[poll].slot.leave() != colonies::colony::poll::Left::Answered {
                self.leavers.push(poll);
            }
        }
    }

    pub fn left(&self, poll: usize) -> bool {
        self.polls[poll].left
    }

    /// The colony hears of those who left.
    pub fn hear_of_leavers(&mut self) -> Vec<usize> {
        let leavers = std::mem::take(&mut self.leavers);
        let events = leavers.iter().flat_map(|&poll| self.colony.gone(&self.polls[poll].slot)).collect();
        self.own_turn(events);
        leavers
    }

    /// What the clock brings about: polls that give up, and processes that expire.
    pub fn tick(&mut self) {
        let answers = self.colony.give_up(self.monotonic);
        self.undurable.extend(answers);
        let events = self.colony.expired(self.monotonic);
        if !events.is_empty() {
            self.own_turn(events);
        }
    }

    /// The state that replaying the records gives.
    pub fn replayed(&self) -> State {
        let mut state = State::default();
        self.replay_into(&mut state);
        state
    }

    /// The state that replaying the records up to this one gives.
    pub fn replayed_up_to(&self, last: u64) -> State {
        let mut state = State::default();
        self.replay_range(&mut state, last);
        state
    }

    /// Replays the records that this state does not have yet.
    pub fn replay_into(&self, state: &mut State) {
        self.replay_range(state, u64::MAX);
    }

    fn replay_range(&self, state: &mut State, last: u64) {
        let begin = state.number as usize;
        for (number, record) in (1..=last).zip(&self.records).skip(begin) {
            let (now, events) = codec::decode::<Event>(record).unwrap();
            events.into_iter().for_each(|event| state.apply(event, now, number));
            state.changes = Changes::default();
        }
    }
}
