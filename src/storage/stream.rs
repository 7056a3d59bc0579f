//! A stream of the log as its one writer sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wal::{Append, Class, Credit, DurableMark, Log, NoRoom, OnDurable, Outcome, Position, StreamId};

/// One colony's stream (or the server's): where it ends and how far it is durable.
pub struct StreamWriter {
    log: Arc<dyn Log>,
    id: StreamId,
    last: Position,
    durable: DurableMark,
    fate: Arc<Fate>,
}

/// What has become of what was queued.
#[derive(Default)]
struct Fate {
    /// Whether a record was refused, since somebody else appends to the stream: what is in memory is not what is in the
    /// log any more.
    disowned: AtomicBool,
    /// How many answers wait for what is queued.
    waiting: AtomicUsize,
}

impl Fate {
    /// What the outcome of what was queued before means for who waited for it.
    fn judge(&self, outcome: Outcome) -> Outcome {
        let is_refused = outcome == Outcome::Durable && self.disowned.load(Ordering::Acquire);
        if is_refused { Outcome::NotOwner } else { outcome }
    }
}

impl StreamWriter {
    /// The writer of a stream that ends at `last`.
    pub fn new(log: Arc<dyn Log>, id: StreamId, last: Position) -> StreamWriter {
        let durable = log.durable(id);
        StreamWriter { log, id, last, durable, fate: Arc::default() }
    }

    /// The stream's number.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Where the newest record is.
    pub fn position(&self) -> Position {
        self.last
    }

    /// The number of the newest record.
    pub fn number(&self) -> u64 {
        self.last.number
    }

    /// Whether the record of this number, and so all before it, is durable.
    pub fn is_durable(&self, number: u64) -> bool {
        // What was read back at start-up is durable; the mark only knows what was appended since.
        number <= self.durable.position().number
    }

    /// Takes room for a record. See [`Log::reserve`].
    ///
    /// # Errors
    /// Says why there is none.
    pub fn reserve(&self, bytes: usize, class: Class) -> Result<Credit, NoRoom> {
        self.log.reserve(bytes, class)
    }

    /// Queues a record; `then` runs on the log's thread when it is durable, or when it can't be.
    pub fn append(&mut self, record: Vec<u8>, credit: Credit, mut then: Vec<OnDurable>) {
        let fate = self.fate.clone();
        then.push(Box::new(move |outcome| {
            if outcome == Outcome::NotOwner {
                fate.disowned.store(true, Ordering::Release);
            }
        }));
        let append = Append { stream: self.id, expected: self.last, record, credit, on_durable: then };
        self.last = self.log.append(append);
    }

    /// Whether the log has refused a record of this writer.
    pub fn is_disowned(&self) -> bool {
        self.fate.disowned.load(Ordering::Acquire)
    }

    /// How many wait by [`StreamWriter::answer_after_queued`].
    pub fn waiting(&self) -> usize {
        self.fate.waiting.load(Ordering::Relaxed)
    }

    /// Runs `then` once all that is queued is durable; with [`Outcome::NotOwner`] where a record of this stream was
    /// refused, since what is in memory has never been durable then.
    pub fn after_queued(&self, then: OnDurable) {
        let fate = self.fate.clone();
        self.log.after_queued(Box::new(move |outcome| then(fate.judge(outcome))));
    }

    /// As [`StreamWriter::after_queued`], for an answer, which is counted until then: it may be large, and stays where its
    /// client has gone.
    pub fn answer_after_queued(&self, then: impl FnOnce(Outcome) + Send + 'static) {
        let fate = self.fate.clone();
        fate.waiting.fetch_add(1, Ordering::Relaxed);
        self.log.after_queued(Box::new(move |outcome| {
            fate.waiting.fetch_sub(1, Ordering::Relaxed);
            then(fate.judge(outcome));
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;
    use wal::MemoryLog;

    #[test]
    fn what_comes_after_a_refused_record_is_not_durable_either() {
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
        for expected in [Outcome::Durable, Outcome::NotOwner] {
            let mut stream = StreamWriter::new(log.clone(), StreamId(1), Position::ZERO);
            let credit = stream.reserve(1, Class::Ordinary).expect("room");
            stream.append(vec![1], credit, Vec::new());
            let (tell, told) = channel();
            stream.answer_after_queued(move |outcome| tell.send(outcome).unwrap_or_default());
            assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(expected));
            assert_eq!(stream.is_disowned(), expected == Outcome::NotOwner);
            assert_eq!(stream.waiting(), 0);
        }
    }
}
