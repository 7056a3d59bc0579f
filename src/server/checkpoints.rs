//! Makes checkpoints of all colonies while they work, on a thread of its own.
//!
//! The thread asks each colony's actor for one piece after the other; an actor copies a piece between two commands and
//! never waits. A colony that has not changed is taken over from the checkpoint before. The server's own part comes last,
//! so that each colony it lists is in the checkpoint, or began in the part of the log that is kept.

use super::actor::{ServerActor, TakeServer};
use super::directory::{ColonyHandle, Directory};
use crate::colony::mailbox::{Begun, CheckpointStep, Ended, Taken};
use crate::limits;
use crate::metrics::CheckpointMetrics;
use crate::storage::checkpoint;
use crate::storage::replay::SERVER_STREAM;
use actix::Addr;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wal::{CheckpointError, Committed, FileLog, Log, Round, StreamId};

/// How often it is looked whether a checkpoint is due.
const LOOK: Duration = Duration::from_millis(100);

/// The thread that makes checkpoints. Dropped, it ends: a round that is under way is given up.
pub struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub struct Sources {
    /// The log.
    pub log: Arc<FileLog>,
    /// Where colonies are found.
    pub directory: Arc<Directory>,
    /// Colony zero.
    pub server: Addr<ServerActor>,
    /// Bytes that the log grows by before a checkpoint is made, at least.
    pub every_bytes: u64,
    /// Bytes of records that the log held at the start beyond the newest checkpoint.
    pub replayed_bytes: u64,
    /// Where it is counted.
    pub metrics: Arc<CheckpointMetrics>,
}

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Written(#[from] CheckpointError),
    #[error("Colony with name <{0}> has stopped after a defect: see above, and docs/operations.md")]
    Broken(String),
    #[error("a colony or the server itself does not answer any more")]
    Gone,
    #[error("the server is ending")]
    Stopping,
}

impl Checkpoints {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(sources: Sources) -> io::Result<Checkpoints> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(move || Maker { sources, stopped }.run())?;
        Ok(Checkpoints { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that makes checkpoints panicked");
        }
    }
}

struct Maker {
    sources: Sources,
    stopped: Receiver<()>,
}

impl Maker {
    fn run(&self) {
        let Sources { log, every_bytes, replayed_bytes, .. } = &self.sources;
        // What was replayed counts as written since the newest checkpoint.
        let mut before = *replayed_bytes;
        let mut written = 0;
        let mut not_before = Instant::now();
        loop {
            // A large state is not written again for every little change.
            let due = (*every_bytes).max(log.checkpoint_bytes() / 2);
            let now = log.status().written_bytes;
            if before + (now - written) >= due && Instant::now() >= not_before {
                match self.make() {
                    Ok(()) => (before, written) = (0, now),
                    Err(Failed::Stopping) => return,
                    Err(failed) => {
                        self.sources.metrics.failed();
                        tracing::warn!(
                            error = %failed, retry_seconds = limits::CHECKPOINT_RETRY.as_secs(),
                            "no checkpoint could be made: nothing is lost, but the log grows and a start takes longer"
                        );
                        not_before = Instant::now() + limits::CHECKPOINT_RETRY;
                    }
                }
            }
            match self.stopped.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    fn make(&self) -> Result<(), Failed> {
        let begin = Instant::now();
        let Committed { round, bytes, written, removed_segments, .. } = self.round()?;
        self.sources.metrics.made(begin.elapsed(), bytes);
        tracing::info!(
            round,
            bytes,
            written,
            removed_segments,
            milliseconds = begin.elapsed().as_millis() as u64,
            "a checkpoint was made"
        );
        Ok(())
    }

    fn round(&self) -> Result<Committed, Failed> {
        let mut round = self.sources.log.begin_checkpoint()?;
        let mut colonies = self.sources.directory.all();
        colonies.sort_by_key(|colony| colony.incarnation);
        for colony in colonies {
            let taken = self.take_colony(&mut round, &colony);
            if taken.is_err() {
                colony.mailbox.checkpoint(CheckpointStep::End);
            }
            taken?;
        }
        let (position, piece) = self.ask(|reply| {
            self.sources.server.do_send(TakeServer(Box::new(move |position, piece| reply((position, piece)))));
        })?;
        round.section(SERVER_STREAM, position);
        checkpoint::write_server(&mut round, &piece)?;
        Ok(round.commit()?)
    }

    fn take_colony(&self, round: &mut Round, colony: &ColonyHandle) -> Result<(), Failed> {
        let stream = StreamId(colony.incarnation.into());
        let unless = round.carriable(stream);
        let begun =
            self.ask(|reply| colony.mailbox.checkpoint(CheckpointStep::Begin { unless, reply: Box::new(reply) }))?;
        let first = match begun {
            // All that it will have is in the part of the log that is kept; or it is not listed any more at the end.
            Begun::NoRecord | Begun::Ended(Ended::Sealed) => return Ok(()),
            Begun::Unchanged(position) => {
                round.carry_over(stream, position);
                return Ok(());
            }
            Begun::Ended(Ended::Broken) => return Err(Failed::Broken(colony.name.clone())),
            Begun::At(position, first) => {
                round.section(stream, position);
                first
            }
        };
        checkpoint::write(round, &first)?;
        loop {
            match self.ask(|reply| colony.mailbox.checkpoint(CheckpointStep::Next(Box::new(reply))))? {
                Taken::Piece(piece) => checkpoint::write(round, &piece)?,
                Taken::All => return Ok(()),
                Taken::Ended(Ended::Sealed) => {
                    round.drop_section();
                    return Ok(());
                }
                Taken::Ended(Ended::Broken) => return Err(Failed::Broken(colony.name.clone())),
            }
        }
    }

    /// Asks an actor for something and waits for it.
    fn ask<T: Send + 'static>(&self, send: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> Result<T, Failed> {
        if self.stopped.try_recv() != Err(TryRecvError::Empty) {
            return Err(Failed::Stopping);
        }
        let (sender, receiver) = channel();
        send(Box::new(move |told| {
            // Nobody stops waiting.
            let _ = sender.send(told);
        }));
        receiver.recv().map_err(|_| Failed::Gone)
    }
}
