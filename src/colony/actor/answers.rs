//! Answers: none leaves before what it reveals is durable.

use super::ColonyActor;
use crate::colony::mailbox::{Outcome, ReplyTo};
use crate::colony::message::Reveals;
use crate::limits;
use crate::refusal::Refusal;
use crate::storage::stream::StreamWriter;

/// Who is told the outcome of a message.
pub type Tell = Box<dyn FnOnce(Outcome) + Send>;

impl ColonyActor {
    /// Answers a refusal once everything that it may reveal is durable.
    pub(super) fn answer_refusal(&mut self, reply: ReplyTo, refusal: Refusal) {
        self.answer_when_durable(tell_of(reply), Err(refusal), Reveals::Colony);
    }

    /// Answers once what the outcome reveals is durable: at once where it is.
    pub(super) fn answer_when_durable(&mut self, tell: Tell, outcome: Outcome, reveals: Reveals) {
        answer_when_durable(&self.stream, self.newest(reveals), tell, outcome);
    }

    /// The newest record that an answer reveals.
    pub(super) fn newest(&self, reveals: Reveals) -> u64 {
        match reveals {
            Reveals::Colony => self.stream.number(),
            Reveals::Record(number) => number,
        }
    }
}

/// Answers once the record of this number is durable: at once where it is.
pub fn answer_when_durable(stream: &StreamWriter, number: u64, tell: Tell, outcome: Outcome) {
    if stream.is_durable(number) {
        return tell(outcome);
    }
    if let Some(refusal) = too_many_wait(stream) {
        return tell(Err(refusal));
    }
    stream.answer_after_queued(move |log| tell(once_durable(log, outcome)));
}

/// The refusal where too many answers wait for a stream already.
pub(super) fn too_many_wait(stream: &StreamWriter) -> Option<Refusal> {
    let is_full = stream.waiting() >= limits::WAITING_ANSWERS;
    is_full.then(|| Refusal::unavailable("too many wait for the server's disk, try again soon"))
}

/// 503 for whoever waits for a log that has stopped: whether the change is there after a restart is not known.
pub(super) fn log_stopped() -> Refusal {
    Refusal::unavailable("the server's log has stopped: whether this was done is known after its restart")
}

/// What the caller is told when the log reports on the record that the outcome waited for.
pub fn once_durable(log: wal::Outcome, outcome: Outcome) -> Outcome {
    if log == wal::Outcome::Durable { outcome } else { Err(log_stopped()) }
}

/// Refuses at once what has revealed nothing.
pub(super) fn refuse(reply: ReplyTo, refusal: Refusal) {
    tell_of(reply)(Err(refusal));
}

/// Tells either of them.
fn tell_of(reply: ReplyTo) -> Tell {
    match reply {
        ReplyTo::Once(tell) => tell,
        ReplyTo::Poll(slot) => Box::new(move |outcome| {
            let generation = slot.generation();
            if slot.finish() {
                slot.deliver(generation, outcome);
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::actor::tests::Nobody;
    use crate::colony::colonies::statistics::GetColonyStats;
    use crate::colony::event::Event;
    use crate::colony::mailbox::Call;
    use crate::crypto::Identity;
    use crate::ids::Incarnation;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;
    use wal::{Enough, Gathering, Log, MemoryLog};

    const SOON: Duration = Duration::from_secs(30);

    fn founding() -> Event {
        Event::Founded { name: "c".into(), owner: Identity::default(), incarnation: Incarnation::default() }
    }

    /// The status of what a stranger is told.
    fn ask(actor: &mut ColonyActor) -> Receiver<Option<u16>> {
        let (tell, told) = channel();
        let reply = ReplyTo::Once(Box::new(move |outcome: Outcome| {
            tell.send(outcome.err().map(|refusal| refusal.status)).unwrap_or_default();
        }));
        let command = Box::new(GetColonyStats::default());
        actor.handle_call(Call { caller: Identity::from_text("stranger"), command, reply, searched: false });
        told
    }

    #[test]
    fn only_so_many_answers_wait_for_the_log() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        let mut actor = ColonyActor::sample(log, Arc::new(Nobody));
        // Nothing is written as long as this thread does not wake the log.
        let gathering = Gathering::begin(Enough { appends: u64::MAX, bytes: usize::MAX }, || ()).expect("the first");
        gathering.hold_back(true);
        actor.founding = Some(founding());
        let waiting: Vec<_> = (0..limits::WAITING_ANSWERS).map(|_| ask(&mut actor)).collect();
        assert!(
            waiting.iter().all(|told| told.try_recv().is_err()),
            "an answer left before what it reveals was durable"
        );
        assert_eq!(ask(&mut actor).try_recv(), Ok(Some(503)));
        drop(gathering);
        assert!(waiting.iter().all(|told| told.recv_timeout(SOON) == Ok(Some(403))));
        assert_eq!(actor.stream.waiting(), 0);
        assert_eq!(ask(&mut actor).recv_timeout(SOON), Ok(Some(403)));
    }

    #[test]
    fn a_colony_whose_record_is_refused_stops_by_itself() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        for is_refused in [false, true] {
            let mut actor = ColonyActor::sample(log.clone(), Arc::new(Nobody));
            actor.founding = Some(founding());
            assert!(actor.is_founded());
            let (tell, told) = channel();
            log.after_queued(Box::new(move |_| tell.send(()).unwrap_or_default()));
            told.recv_timeout(SOON).expect("the log goes on");
            actor.tick();
            assert_eq!(actor.ended.is_some(), is_refused);
        }
    }
}
