use super::append::AppendToChannel;
use super::read::{ReadChannel, range};
use super::*;
use crate::colony::event::Event;
use crate::colony::executors::{Executor, ExecutorEvent};
use crate::colony::matching::Record;
use crate::colony::message::{ColonyMessage, Decision, Turn};
use crate::colony::processes::{ProcessEvent, Submission};
use crate::colony::state::State;
use crate::colony::subscriptions::{Notice, Said, Subscriber, Subscription, Topic};
use crate::colony::{Colony, Options};
use crate::ids::IdSource;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::Value;

const PROCESS: ProcessId = ProcessId([1; 32]);

struct Unlimited;
impl Record for Unlimited {
    fn has_room(&self) -> bool {
        true
    }
    fn add(&mut self, _: &Event) {}
}

struct NoIds;
impl IdSource for NoIds {
    fn random(&mut self) -> [u8; 32] {
        [0; 32]
    }
}

/// What a listener was told, in words.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Subscriber for Ear {
    fn tell(&self, said: Said) {
        let sequences =
            |entries: &[Arc<Entry>]| format!("{:?}", entries.iter().map(|e| e.sequence()).collect::<Vec<_>>());
        self.0.lock().push(match said {
            Said::Event(_) => "event".to_owned(),
            Said::Backlog(entries) => format!("backlog {}", sequences(&entries)),
            Said::Entry(entry) => format!("entry {}", entry.sequence()),
            Said::Closed => "closed".to_owned(),
            Said::Refused(refusal) => format!("{} {}", refusal.status, refusal.message),
        });
    }
}

impl Ear {
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

struct Fixture {
    colony: Colony,
    at: Moment,
}

impl Fixture {
    /// A process of `u` with these channels, and the executors `e` and `f`.
    fn new(channels: &str) -> Fixture {
        Fixture::with(channels, Options::default())
    }

    fn with(channels: &str, options: Options) -> Fixture {
        let colony = Colony::new(State { name: "c".into(), ..State::default() }, Arc::new(options));
        let mut fixture = Fixture { colony, at: Moment { now: 1_000, monotonic: 1, number: 1 } };
        for name in ["e", "f", "u"] {
            let (executorname, executorid) = (name.to_owned(), Identity::from_text(name));
            let executor = Executor { executorname, executorid, ..Executor::default() };
            fixture.happens(Event::Executor(ExecutorEvent::Added(Box::new(executor))));
            fixture.happens(Event::Executor(ExecutorEvent::Approved(name.to_owned())));
        }
        let request = format!(r#"{{"funcname":"f","maxretries":-1,"channels":{channels}}}"#);
        let submission = Submission::sample(PROCESS, &request);
        fixture.happens(Event::Process(ProcessEvent::Submitted(Box::new(submission))));
        fixture
    }

    fn happens(&mut self, event: Event) {
        self.at.number += 1;
        self.colony.apply(event, self.at.now, self.at.number);
        self.colony.settle(self.at, &mut Unlimited).notices.into_iter().for_each(Notice::tell);
    }

    fn assign(&mut self, executor: &str) {
        let executor = Identity::from_text(executor);
        self.happens(Event::Process(ProcessEvent::Assigned { id: PROCESS, executor }));
    }

    fn ask<M: ColonyMessage>(&mut self, caller: &str, request: &str) -> Result<Value, (u16, String)> {
        let request = request.replace('{', &format!(r#"{{"processid":"{PROCESS}","#)).replace(",}", "}");
        let message: M = crate::json::decode(request.as_bytes()).expect("a request");
        let caller = Identity::from_text(caller);
        let mut turn = Turn { colony: &self.colony, caller: &caller, now: self.at.now, ids: &mut NoIds };
        let answer = match message.decide(&mut turn) {
            Ok(Decision::Reply(reply)) => {
                assert!(reply.events.is_empty(), "nothing is recorded");
                Ok((reply.answer)(&self.colony))
            }
            Ok(Decision::Volatile(volatile)) => (volatile.effect)(&mut self.colony, self.at),
            Ok(_) => panic!("another decision"),
            Err(refusal) => Err(refusal),
        };
        self.colony.take_notices().into_iter().for_each(Notice::tell);
        let json = answer.map_err(|refusal| (refusal.status, refusal.message.into_owned()))?.json();
        Ok(serde_json::from_slice(&json.expect("an answer")).expect("JSON"))
    }

    fn append(&mut self, caller: &str, request: &str) -> Result<(), (u16, String)> {
        self.ask::<AppendToChannel>(caller, request).map(|answer| assert_eq!(answer, serde_json::json!({})))
    }

    /// The sequences that a read shows.
    fn read(&mut self, caller: &str, request: &str) -> Result<Vec<i64>, (u16, String)> {
        let answer = self.ask::<ReadChannel>(caller, request)?;
        let entries = answer.as_array().expect("a list").iter();
        Ok(entries.map(|entry| entry["sequence"].as_i64().expect("a number")).collect())
    }

    fn listen(&mut self, caller: &str, name: &str, after: i64) -> Result<Arc<Ear>, (u16, String)> {
        let ear = Arc::new(Ear::default());
        let topic = Topic::Channel { process: PROCESS, name: name.into(), after };
        let subscription = Subscription { identity: Identity::from_text(caller), topic, subscriber: ear.clone() };
        let (_, notice) = self
            .colony
            .subscribe(subscription, None)
            .map_err(|refusal| (refusal.status, refusal.message.into_owned()))?;
        notice.into_iter().for_each(Notice::tell);
        Ok(ear)
    }
}

fn refused<T>(status: u16, text: &str) -> Result<T, (u16, String)> {
    Err((status, text.to_owned()))
}

#[test]
fn its_two_parties_use_a_channel_and_nobody_else() {
    let mut fixture = Fixture::new(r#"["in"]"#);
    assert_eq!(fixture.read("u", r#"{"name":"in"}"#), Ok(vec![]));
    assert_eq!(fixture.append("u", r#"{"name":"in","sequence":1}"#), Ok(()));
    assert_eq!(fixture.append("e", r#"{"name":"in"}"#), refused(403, "Not authorized to write to channel"));
    fixture.assign("e");
    assert_eq!(fixture.append("e", r#"{"name":"in","sequence":2}"#), Ok(()));
    for reader in ["u", "e"] {
        assert_eq!(fixture.read(reader, r#"{"name":"in"}"#), Ok(vec![1, 2]));
    }
    assert_eq!(fixture.read("f", r#"{"name":"in"}"#), refused(403, "Not authorized to read from channel"));
    // Its time is over: the executor has lost it at once, the next one sees all that was said.
    fixture.happens(Event::Process(ProcessEvent::ExecExpired(PROCESS)));
    assert_eq!(fixture.read("e", r#"{"name":"in"}"#), refused(403, "Not authorized to read from channel"));
    fixture.assign("f");
    assert_eq!(fixture.read("f", r#"{"name":"in"}"#), Ok(vec![1, 2]));
    // An unknown channel is not found, whoever asks.
    for caller in ["u", "e"] {
        assert_eq!(fixture.append(caller, r#"{"name":"x"}"#), refused(404, "Channel not found"));
        assert_eq!(fixture.read(caller, r#"{"name":""}"#), refused(404, "Channel not found"));
    }
}

#[test]
fn nothing_is_left_of_a_process_that_ended() {
    let ends = |fixture: &mut Fixture, event: ProcessEvent| {
        fixture.append("u", r#"{"name":"in","payload":"aGk="}"#).expect("an entry");
        assert!(fixture.colony.options.channel_room.taken() > 0);
        fixture.happens(Event::Process(event));
        assert_eq!(fixture.colony.options.channel_room.taken(), 0);
        assert!(fixture.colony.channels.of.is_empty());
    };
    for event in [
        ProcessEvent::Cancelled(PROCESS),
        ProcessEvent::WaitExpired(PROCESS),
        ProcessEvent::ClosedSuccessful { id: PROCESS, out: None },
        ProcessEvent::ClosedFailed { id: PROCESS, errors: Vec::new() },
    ] {
        let mut fixture = Fixture::new(r#"["in"]"#);
        ends(&mut fixture, event);
        assert_eq!(fixture.append("u", r#"{"name":"in"}"#), refused(404, "Channel not found"));
        assert_eq!(fixture.read("u", r#"{"name":"in"}"#), refused(404, "Channel not found"));
        assert!(fixture.colony.channels.of.is_empty());
    }
    let mut fixture = Fixture::new(r#"["in"]"#);
    ends(&mut fixture, ProcessEvent::Removed(PROCESS));
    assert_eq!(fixture.append("u", r#"{"name":"in"}"#), refused(404, "Process not found"));
}

#[test]
fn a_hundred_names_count() {
    let mut names: Vec<String> = (0..101).map(|n| format!("c{n}")).collect();
    // Repeated ones are one.
    names.splice(50..50, ["c0".to_owned(), "c1".to_owned(), String::new()]);
    let mut fixture = Fixture::new(&serde_json::to_string(&names).expect("names"));
    for (name, outcome) in [
        ("c0", Ok(())),
        ("", Ok(())),
        ("c98", Ok(())),
        ("c99", refused(500, "process has too many channels")),
        ("c100", refused(500, "process has too many channels")),
        ("c101", refused(404, "Channel not found")),
    ] {
        assert_eq!(fixture.append("u", &format!(r#"{{"name":"{name}"}}"#)), outcome, "{name}");
    }
    assert_eq!(fixture.read("u", r#"{"name":"c99"}"#), refused(500, "process has too many channels"));
    assert_eq!(fixture.listen("u", "c99", 0).map(|_| ()), refused(404, "Channel not found"));
}

#[test]
fn too_many_too_fast_and_too_large() {
    let mut fixture = Fixture::new(r#"["in","out"]"#);
    let append = |fixture: &mut Fixture, name: &str| fixture.append("u", &format!(r#"{{"name":"{name}"}}"#));
    (0..250).for_each(|_| append(&mut fixture, "in").expect("room"));
    (0..250).for_each(|_| append(&mut fixture, "out").expect("room"));
    assert_eq!(append(&mut fixture, "in"), refused(500, "rate limit exceeded"));
    let mut count = 250;
    while count < limits::CHANNEL_ENTRIES {
        fixture.at.monotonic += 10_000;
        append(&mut fixture, "in").expect("room");
        count += 1;
    }
    // A refusal for want of room costs a token too.
    fixture.at.monotonic += 10_000;
    assert_eq!(append(&mut fixture, "in"), refused(500, "channel log is full"));
    assert_eq!(append(&mut fixture, "in"), refused(500, "rate limit exceeded"));
    fixture.at.monotonic += 10_000;
    append(&mut fixture, "out").expect("room");
    let large = "A".repeat((limits::CHANNEL_PAYLOAD_BYTES / 3 + 1) * 4);
    let large = format!(r#"{{"name":"out","payload":"{large}"}}"#);
    assert_eq!(fixture.append("u", &large), refused(500, "message payload exceeds maximum size"));
    assert_eq!(fixture.append("f", &large), refused(500, "message payload exceeds maximum size"));
}

#[test]
fn the_servers_room_is_shared() {
    let room = Room::new(1_000);
    let options = || Options { channel_room: room.clone(), ..Options::default() };
    let (mut one, mut other) = (Fixture::with(r#"["in"]"#, options()), Fixture::with(r#"["in"]"#, options()));
    let append = |fixture: &mut Fixture| fixture.append("u", r#"{"name":"in","payload":"aGk="}"#);
    (0..2).for_each(|_| append(&mut one).expect("room"));
    append(&mut other).expect("room");
    assert_eq!(append(&mut other), refused(500, "channel log is full"));
    drop(one);
    append(&mut other).expect("room");
}

#[test]
fn listeners_hear_all_and_then_the_end() {
    let mut fixture = Fixture::new(r#"["in","out"]"#);
    fixture.assign("e");
    (1..=3).for_each(|n| fixture.append("u", &format!(r#"{{"name":"in","sequence":{n}}}"#)).expect("room"));
    let (all, rest, none) =
        (fixture.listen("e", "in", -1), fixture.listen("u", "in", 2), fixture.listen("u", "out", 9));
    let (all, rest, none) = (all.expect("all"), rest.expect("the rest"), none.expect("none"));
    fixture.append("u", r#"{"name":"in","sequence":0}"#).expect("room");
    fixture.append("e", r#"{"name":"out","sequence":7}"#).expect("room");
    assert_eq!(all.heard(), ["backlog [1, 2, 3]", "entry 0"]);
    assert_eq!(rest.heard(), ["backlog [3]", "entry 0"]);
    assert_eq!(none.heard(), ["entry 7"]);
    fixture.happens(Event::Process(ProcessEvent::ClosedSuccessful { id: PROCESS, out: None }));
    for ear in [all, rest, none] {
        assert_eq!(ear.heard(), ["closed"]);
    }
    assert!(fixture.colony.subscriptions.is_empty());
    assert_eq!(fixture.listen("u", "in", 0).map(|_| ()), refused(404, "Channel not found"));
}

#[test]
fn whoever_loses_the_process_hears_no_more() {
    let mut fixture = Fixture::new(r#"["in"]"#);
    let not_a_party = "Not authorized to subscribe to channel";
    assert_eq!(fixture.listen("e", "in", 0).map(|_| ()), refused(403, not_a_party));
    let stranger = "Access denied, not a member of Colony with name <c>";
    assert_eq!(fixture.listen("x", "x", 0).map(|_| ()), refused(403, stranger));
    assert_eq!(fixture.listen("u", "x", 0).map(|_| ()), refused(404, "Channel not found"));
    fixture.assign("e");
    let (executor, submitter) =
        (fixture.listen("e", "in", 0).expect("a party"), fixture.listen("u", "in", 0).expect("a party"));
    fixture.happens(Event::Process(ProcessEvent::ExecExpired(PROCESS)));
    assert_eq!(executor.heard(), [format!("403 {not_a_party}")]);
    fixture.assign("f");
    let executor = fixture.listen("f", "in", 0).expect("a party");
    fixture.append("u", r#"{"name":"in","sequence":5}"#).expect("room");
    assert_eq!(submitter.heard(), ["entry 5"]);
    assert_eq!(executor.heard(), ["entry 5"]);
    fixture.happens(Event::Executor(ExecutorEvent::Removed("f".to_owned())));
    assert_eq!(executor.heard().len(), 1);
    assert_eq!(submitter.heard(), [""; 0]);
}

/// The order as the chapter has it: each entry moves towards the front past the sender's own with larger numbers.
fn model(log: &mut Vec<(u8, i64)>, sender: u8, sequence: i64) {
    log.push((sender, sequence));
    let mut place = log.len() - 1;
    while place > 0 && log[place - 1].0 == sender && log[place - 1].1 > sequence {
        log.swap(place - 1, place);
        place -= 1;
    }
}

proptest! {
    #[test]
    fn entries_are_in_the_order_of_the_chapter(said in proptest::collection::vec((0u8..3, -3i64..6), 0..80)) {
        let (mut channels, mut expected, room) = (Channels::default(), Vec::new(), Room::new(1 << 20));
        let at = Moment { now: 1, monotonic: 1, number: 1 };
        for (sender, sequence) in said {
            let draft = Draft { sequence, payload: Some(vec![sender]), ..Draft::default() };
            let identity = Identity::from_text(&sender.to_string());
            channels.append((PROCESS, "in"), draft, identity, &room, at).expect("room");
            model(&mut expected, sender, sequence);
        }
        let shown = serde_json::to_value(channels.log(&PROCESS, "in")).expect("entries");
        let expected: Vec<_> = expected.iter().map(|(sender, sequence)| (sender.to_string(), *sequence)).collect();
        let found: Vec<_> = shown.as_array().expect("a list").iter().map(|entry| {
            (entry["senderid"].as_str().unwrap_or_default().to_owned(), entry["sequence"].as_i64().unwrap_or(-99))
        }).collect();
        prop_assert_eq!(found, expected);
        channels.close(&PROCESS);
        prop_assert_eq!(room.taken(), 0);
    }

    /// Pages of any size put together are the whole, whatever was asked for.
    #[test]
    fn pages_are_the_whole(count in 0usize..40, size in 1i64..10, odd in any::<(i64, i64)>()) {
        let room = Room::new(1 << 20);
        let at = Moment { now: 1, monotonic: 1, number: 1 };
        let mut channels = Channels::default();
        for sequence in 0..count as i64 {
            let draft = Draft { sequence, ..Draft::default() };
            channels.append((PROCESS, "in"), draft, Identity::from_text("u"), &room, at).expect("room");
        }
        let log = channels.log(&PROCESS, "in");
        let (mut read, mut after) = (Vec::new(), 0i64);
        loop {
            let page = range(log, after, size);
            if page.is_empty() {
                break;
            }
            after += page.len() as i64;
            read.extend(page.iter().map(|entry| entry.sequence()));
        }
        prop_assert_eq!(read, (0..count as i64).collect::<Vec<_>>());
        let page = range(log, odd.0, odd.1);
        let skipped = usize::try_from(odd.0.max(0)).unwrap_or(usize::MAX).min(count);
        let most = if odd.1 > 0 { usize::try_from(odd.1).unwrap_or(usize::MAX) } else { usize::MAX };
        prop_assert_eq!(page.len(), (count - skipped).min(most));
    }
}

#[test]
fn a_submitter_with_another_key_keeps_its_channels() {
    let mut fixture = Fixture::with(r#"["a"]"#, Options::default());
    fixture.assign("e");
    assert_eq!(fixture.append("u", r#"{"name":"a","sequence":1,"payload":"eA=="}"#), Ok(()));
    let (from, to) = (Identity::from_text("u"), Identity::from_text("new"));
    fixture.happens(Event::Executor(ExecutorEvent::Rekeyed { from, to }));
    assert_eq!(fixture.append("new", r#"{"name":"a","sequence":2,"payload":"eA=="}"#), Ok(()));
    assert_eq!(fixture.read("new", r#"{"name":"a"}"#), fixture.read("e", r#"{"name":"a"}"#));
    assert!(fixture.append("u", r#"{"name":"a","sequence":3,"payload":"eA=="}"#).is_err());
    // It is part of the record.
    assert_eq!(
        fixture.colony.state.processes.get(&PROCESS).map(|process| process.initiator.to_string()),
        Some("new".into())
    );
}
