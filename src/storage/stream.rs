//! A stream of the log as its one writer sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wal::{Append, Class, Credit, DurableMark, Log, NoRoom, OnDurable, Outcome, Position, StreamId};

/// One colony's stream (or the server's): where it ends and how far it is durable.
pub struct StreamWriter {
    log: Arc<dyn Log>,
    id: StreamId,
    last: Position,
    durable: DurableMark,
    /// Whether a record was refused, since somebody else appends to the stream: what is in memory is not what is in the
    /// log any more.
    disowned: Arc<AtomicBool>,
}

impl StreamWriter {
    /// The writer of a stream that ends at `last`.
    pub fn new(log: Arc<dyn Log>, id: StreamId, last: Position) -> StreamWriter {
        let durable = log.durable(id);
        StreamWriter { log, id, last, durable, disowned: Arc::default() }
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
        let disowned = self.disowned.clone();
        then.push(Box::new(move |outcome| {
            if outcome == Outcome::NotOwner {
                disowned.store(true, Ordering::Release);
            }
        }));
        let append = Append { stream: self.id, expected: self.last, record, credit, on_durable: then };
        self.last = self.log.append(append);
    }

    /// Whether the log has refused a record of this writer.
    pub fn is_disowned(&self) -> bool {
        self.disowned.load(Ordering::Acquire)
    }

    /// Runs `then` once all that is queued is durable.
    pub fn after_queued(&self, then: OnDurable) {
        self.log.after_queued(then);
    }
}
