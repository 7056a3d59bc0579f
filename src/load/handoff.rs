//! From a submit to an executor that waits, alone or among many.

use super::colony::LoadColony;
use super::lane::{Lane, Tally, process_id};
use super::measure::{Measured, Window};
use super::pulse::Pulse;
use super::{LoadError, cpu};
use crate::client::connection::HangUp;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Executors that wait, each on a thread and a connection of its own, and a submitter that hands over one process at a
/// time. The executors end with this.
pub struct Handoff {
    colony: Arc<LoadColony>,
    submitter: Lane,
    arrivals: mpsc::Receiver<Result<Arrival, LoadError>>,
    executors: Vec<Side>,
    /// How often each executor was handed a process.
    woken: Vec<u64>,
}

/// What an executor got.
struct Arrival {
    executor: usize,
    at: Instant,
    process: String,
}

/// An executor's side, as the submitter sees it.
struct Side {
    go_on: Option<mpsc::Sender<()>>,
    hang_up: HangUp,
    thread: Option<JoinHandle<()>>,
    done: Arc<Mutex<Done>>,
}

/// What an executor's thread has done, and its processor time.
#[derive(Clone, Copy, Default)]
struct Done {
    tally: Tally,
    used: Duration,
}

/// How long the submitter waits for the executor to be polling again.
const UNTIL_IT_WAITS: Duration = Duration::from_millis(1);

/// Stacks are many here, and nothing on them is deep.
const STACK_BYTES: usize = 512 << 10;

impl Handoff {
    /// Connects both sides: all executors of the colony wait.
    ///
    /// # Errors
    /// Where nobody listens, or no more threads are to be had.
    pub fn begin(address: SocketAddr, colony: Arc<LoadColony>) -> Result<Handoff, LoadError> {
        let (tell, arrivals) = mpsc::channel();
        let executors = (0..colony.executors()).map(|number| Side::begin(address, &colony, number, tell.clone()));
        let executors = executors.collect::<Result<Vec<_>, _>>()?;
        let woken = vec![0; executors.len()];
        Ok(Handoff { submitter: Lane::open(address)?, colony, arrivals, executors, woken })
    }

    /// Hands over one process: the time from the submit's first byte to the executor's last.
    ///
    /// # Errors
    /// See [`LoadError`]; also where another process arrives, or a second one.
    pub fn once(&mut self) -> Result<Duration, LoadError> {
        std::thread::sleep(UNTIL_IT_WAITS);
        let begin = Instant::now();
        let submitted = process_id(self.colony.submit_and_read(&mut self.submitter)?)?;
        let arrival = self.arrivals.recv().map_err(|_| LoadError::ExecutorEnded)??;
        if arrival.process != submitted {
            return Err(LoadError::Mixed { submitted, arrived: arrival.process });
        }
        self.woken[arrival.executor] += 1;
        let side = self.executors[arrival.executor].go_on.as_ref();
        side.and_then(|side| side.send(()).ok()).ok_or(LoadError::ExecutorEnded)?;
        Ok(arrival.at.saturating_duration_since(begin))
    }

    /// Hands over one process after the other until the window closes, and looks that each woke one executor.
    ///
    /// # Errors
    /// As [`Handoff::once`].
    pub fn run(&mut self, window: Window, pulse: &Pulse) -> Result<Measured, LoadError> {
        let mut measured = Measured::nothing()?;
        let mut opened = None;
        loop {
            let now = Instant::now();
            if now >= window.begin && opened.is_none() {
                opened = Some((self.tally(), self.used()));
            }
            if now >= window.end {
                break;
            }
            let took = self.once()?;
            pulse.step();
            if now >= window.begin {
                measured.record(took)?;
            }
        }
        if let Some((tally, used)) = opened {
            measured.in_window = self.tally().since(tally);
            measured.client = self.used().saturating_sub(used);
        }
        self.check_nobody_else_woke()?;
        // What came last is being closed.
        while self.tally().closed < self.tally().submitted {
            std::thread::sleep(UNTIL_IT_WAITS);
            self.check_nobody_else_woke()?;
        }
        measured.done = self.tally();
        Ok(measured)
    }

    /// How many executors were woken, and how often the one that was woken most.
    pub fn woken(&self) -> (usize, u64) {
        let woken = self.woken.iter().filter(|&&times| times > 0).count();
        (woken, self.woken.iter().copied().max().unwrap_or(0))
    }

    fn check_nobody_else_woke(&self) -> Result<(), LoadError> {
        match self.arrivals.try_recv() {
            Ok(Ok(_)) => Err(LoadError::Herd),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }

    fn tally(&self) -> Tally {
        let sides = self.executors.iter().map(|side| side.done.lock().tally);
        sides.fold(self.submitter.tally, Tally::plus)
    }

    fn used(&self) -> Duration {
        let used: Duration = self.executors.iter().map(|side| side.done.lock().used).sum();
        cpu::of_thread() + used
    }
}

impl Drop for Handoff {
    fn drop(&mut self) {
        for side in &mut self.executors {
            side.go_on = None;
            side.hang_up.now();
        }
        for side in &mut self.executors {
            // A side that panicked has told so already.
            side.thread.take().map(JoinHandle::join);
        }
    }
}

impl Side {
    fn begin(
        address: SocketAddr,
        colony: &Arc<LoadColony>,
        number: usize,
        tell: mpsc::Sender<Result<Arrival, LoadError>>,
    ) -> Result<Side, LoadError> {
        let mut lane = Lane::open(address)?;
        let hang_up = lane.hang_up()?;
        let (go_on, may_go_on) = mpsc::channel();
        let done = Arc::<Mutex<Done>>::default();
        let (colony, of_thread) = (colony.clone(), done.clone());
        let work = move || {
            loop {
                // The submitter has gone where nobody listens.
                let arrival = match wait(&colony, &mut lane, number) {
                    Ok(arrival) => arrival,
                    Err(error) => return drop(tell.send(Err(error))),
                };
                let process = arrival.process.clone();
                if tell.send(Ok(arrival)).is_err() || may_go_on.recv().is_err() {
                    return;
                }
                if let Err(error) = colony.close(&mut lane, number, &process) {
                    return drop(tell.send(Err(error)));
                }
                *of_thread.lock() = Done { tally: lane.tally, used: cpu::of_thread() };
            }
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work)?;
        Ok(Side { go_on: Some(go_on), hang_up, thread: Some(thread), done })
    }
}

fn wait(colony: &LoadColony, lane: &mut Lane, executor: usize) -> Result<Arrival, LoadError> {
    let body = colony.poll(lane, executor)?;
    let at = Instant::now();
    Ok(Arrival { executor, at, process: process_id(body)? })
}
