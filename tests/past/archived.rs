//! A colony whose ended work goes to a real history store, step by step, with crashes between any two of them.

use super::shell::{Shell, Told};
use colonies::colony::history::{Archive, Batch, Elsewhere, Found, Missing, Past, Purpose, Recall, Recalled, Verdict};
use colonies::colony::message::{Answered, Body};
use colonies::colony::{Colony, access};
use colonies::crypto::Identity;
use colonies::limits::LIST_ELEMENTS;
use colonies::refusal::Refusal;
use colonies::rpc::dispatch::{self, Decoded};
use colonies::storage::history::{HistoryStore, IndexBounds, Known, StoreOptions};
use serde_json::Value;
use std::sync::mpsc::channel;
use std::time::Duration;
use tempfile::TempDir;

/// A few lines make a segment of the index, and no batch waits for others: there is one colony.
const OPTIONS: StoreOptions =
    StoreOptions { index: IndexBounds { lines: 4, bytes: 200, large: 50 }, gather: Duration::ZERO };

/// A colony with a store.
pub struct Archived {
    pub shell: Shell,
    dir: TempDir,
    /// A batch that was selected and is not written yet.
    selected: Option<Batch>,
    /// A batch that was written and that the colony has not heard of.
    written: bool,
}

impl Archived {
    pub fn new(name: &str, owner: &Identity) -> Archived {
        let mut archived =
            Archived { shell: Shell::new(name, owner), dir: TempDir::new().unwrap(), selected: None, written: false };
        archived.open();
        archived
    }

    fn open(&mut self) {
        let history = &self.shell.colony.state.history;
        let of = self.shell.colony.state.incarnation;
        let known = Known { of, batches: history.batches(), lines_until: history.lines_until() };
        let store = HistoryStore::open(self.dir.path(), &[known], OPTIONS).unwrap();
        assert_eq!(store.holdings(of).batches, history.batches(), "nothing was lost");
        self.shell.past = Some(store);
        let now = self.shell.moment().monotonic;
        self.shell.colony.start_archiving(now);
    }

    /// One step of archiving: select, write, hear of it.
    pub fn step(&mut self) {
        if self.written {
            self.written = false;
            let now = self.shell.moment().monotonic;
            let events = self.shell.colony.batch_written(true, now);
            self.shell.own_turn(events);
        } else if let Some(batch) = self.selected.take() {
            let (tell, told) = channel();
            let store = self.shell.past.as_ref().unwrap();
            store.write(batch, Box::new(move |outcome| tell.send(outcome.is_ok()).unwrap()));
            assert!(told.recv().unwrap());
            self.written = true;
        } else {
            let at = self.shell.moment();
            self.selected = self.shell.colony.select_batch(at);
        }
    }

    /// The process dies: what is in memory goes, the log and the store stay.
    pub fn crash(&mut self) {
        let state = self.shell.replayed();
        assert!(state == self.shell.colony.state, "a live state and its replayed twin differ");
        let options = self.shell.colony.options.clone();
        self.shell.colony = Colony::new(state, options);
        self.selected = None;
        self.written = false;
        self.shell.past = None;
        self.open();
    }

    /// A message of a caller, as the server's workers send it.
    pub fn call(&mut self, caller: &Identity, message: &Value) -> Result<Told, Refusal> {
        let entry = dispatch::find(message["msgtype"].as_str().unwrap()).unwrap();
        let read = || match entry.decode(Some(message.to_string().as_bytes()), LIST_ELEMENTS) {
            Ok(Decoded::Colony(command)) => Ok(command),
            Ok(_) => panic!("{message} is not for a colony"),
            Err(refusal) => Err(refusal),
        };
        let command = read()?;
        command.check()?;
        access::check(command.access(), &self.shell.colony.state, caller)?;
        let lookup = self.shell.colony.lookup(command.address()).filter(|_| command.recall() != Recall::Itself);
        let Some(lookup) = lookup else {
            return self.shell.decide(caller, command);
        };
        let past = self.shell.past.as_ref().unwrap().reader().unwrap();
        let Some(recalled) = past.find(lookup.of, &lookup.missing, &lookup.hidden).unwrap() else {
            return self.shell.decide(caller, command);
        };
        let empty = Box::new(self.shell.colony.empty());
        let elsewhere = Elsewhere { command, lookup: lookup.clone(), empty };
        match elsewhere.read(recalled.clone(), caller)? {
            Verdict::Answer(answered) => Ok(told(answered)),
            Verdict::Removal(answered) => {
                self.retrieve(Found { recalled, lookup }, Purpose::Removal);
                Ok(told(answered))
            }
            Verdict::Change => {
                let recalled = match &recalled {
                    Recalled::Process(record) => match record.process.graph {
                        Some(graph) => {
                            past.find(lookup.of, &Missing::Workflow(graph), &lookup.hidden).unwrap().unwrap()
                        }
                        None => recalled,
                    },
                    Recalled::Workflow(..) => recalled,
                };
                self.retrieve(Found { recalled, lookup }, Purpose::Revival);
                self.shell.decide(caller, read()?)
            }
        }
    }

    fn retrieve(&mut self, found: Found, purpose: Purpose) {
        let event = self.shell.colony.retrieval(found, purpose).expect("nothing else goes on here");
        self.shell.own_turn(vec![event]);
    }
}

fn told(answered: Answered) -> Told {
    let Body::Ready(body) = answered.body else { panic!("a copy is at hand") };
    Told::Answer(serde_json::from_slice(&body.json().unwrap()).unwrap())
}
