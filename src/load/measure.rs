//! Doing something again and again on many connections, and what is seen of it.

use super::lane::{Lane, Tally};
use super::pulse::Pulse;
use super::{LoadError, cpu};
use crate::time::micros;
use hdrhistogram::Histogram;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// When to measure.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// What is done before is not counted.
    pub begin: Instant,
    /// Nothing is begun afterwards.
    pub end: Instant,
}

impl Window {
    /// A window that opens after `warm_up` from now.
    pub fn from_now(warm_up: Duration, length: Duration) -> Window {
        let begin = Instant::now() + warm_up;
        Window { begin, end: begin + length }
    }
}

/// What was seen in a window.
pub struct Measured {
    /// Latencies in microseconds.
    pub latencies: Histogram<u64>,
    /// All that was done, before the window too.
    pub done: Tally,
    /// What was done in the window.
    pub in_window: Tally,
    /// Processor time of the client's threads in the window.
    pub client: Duration,
}

impl Measured {
    /// Nothing yet.
    ///
    /// # Errors
    /// None but those of the histogram's library.
    pub fn nothing() -> Result<Measured, LoadError> {
        let latencies = Histogram::new(3).map_err(|error| LoadError::Figure(error.to_string()))?;
        Ok(Measured { latencies, done: Tally::default(), in_window: Tally::default(), client: Duration::ZERO })
    }

    /// Adds a latency.
    ///
    /// # Errors
    /// Where it is beyond what a histogram holds.
    pub fn record(&mut self, took: Duration) -> Result<(), LoadError> {
        self.latencies.record(micros(took)).map_err(|error| LoadError::Figure(error.to_string()))
    }

    /// Adds what another thread saw.
    ///
    /// # Errors
    /// None but those of the histogram's library.
    pub fn add(&mut self, other: Measured) -> Result<(), LoadError> {
        self.latencies.add(&other.latencies).map_err(|error| LoadError::Figure(error.to_string()))?;
        self.done = self.done.plus(other.done);
        self.in_window = self.in_window.plus(other.in_window);
        self.client += other.client;
        Ok(())
    }
}

/// Counts one thread's work from the moment the window opens.
struct Opening {
    window: Window,
    opened: Option<(Tally, Duration)>,
}

impl Opening {
    /// Notes what was done before, once the window has opened.
    fn look(&mut self, now: Instant, lane: &Lane) {
        if self.opened.is_none() && now >= self.window.begin {
            self.opened = Some((lane.tally, cpu::of_thread()));
        }
    }

    fn finish(self, mut measured: Measured, lane: &Lane) -> Measured {
        measured.done = lane.tally;
        if let Some((tally, used)) = self.opened {
            measured.in_window = lane.tally.since(tally);
            measured.client = cpu::of_thread().saturating_sub(used);
        }
        measured
    }
}

/// Every connection does one step after the other until the window closes. A step gets its connection's number and its
/// own.
///
/// # Errors
/// The first failure of a step.
pub fn closed_loop(
    address: SocketAddr,
    connections: usize,
    window: Window,
    pulse: &Pulse,
    step: impl Fn(&mut Lane, usize, usize) -> Result<(), LoadError> + Sync,
) -> Result<Measured, LoadError> {
    on_threads(connections, |number| {
        let mut lane = Lane::open(address)?;
        let mut measured = Measured::nothing()?;
        let mut opening = Opening { window, opened: None };
        for nth in 0.. {
            let begin = Instant::now();
            opening.look(begin, &lane);
            if begin >= window.end {
                break;
            }
            step(&mut lane, number, nth)?;
            pulse.step();
            if begin >= window.begin {
                measured.record(begin.elapsed())?;
            }
        }
        Ok(opening.finish(measured, &lane))
    })
}

/// Every connection does its steps at set times, whether the server keeps up or not: latencies count from the time at
/// which a step should have begun, so that a server that stalls is charged for all that it kept waiting (what is called
/// the correction for coordinated omission).
///
/// # Errors
/// The first failure of a step.
pub fn open_loop(
    address: SocketAddr,
    connections: usize,
    per_second: f64,
    window: Window,
    pulse: &Pulse,
    step: impl Fn(&mut Lane, usize, usize) -> Result<(), LoadError> + Sync,
) -> Result<Measured, LoadError> {
    let first = Instant::now();
    let between = Duration::from_secs_f64(1.0 / per_second);
    on_threads(connections, |number| {
        let mut lane = Lane::open(address)?;
        let mut measured = Measured::nothing()?;
        let mut opening = Opening { window, opened: None };
        for nth in 0.. {
            // The connections take turns.
            let place = u32::try_from(nth * connections + number).unwrap_or(u32::MAX);
            let due = first + between * place;
            if due >= window.end {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            opening.look(due, &lane);
            step(&mut lane, number, nth)?;
            pulse.step();
            if due >= window.begin {
                measured.record(due.elapsed())?;
            }
        }
        Ok(opening.finish(measured, &lane))
    })
}

/// Runs a function on so many threads, told apart by their numbers, and adds up what they saw.
///
/// # Errors
/// The first failure.
pub fn on_threads(
    count: usize,
    work: impl Fn(usize) -> Result<Measured, LoadError> + Sync,
) -> Result<Measured, LoadError> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count.max(1)).map(|number| scope.spawn(move || work(number))).collect();
        let mut all = Measured::nothing()?;
        let mut failure = None;
        for thread in threads {
            match thread.join().unwrap_or(Err(LoadError::Thread)) {
                Ok(measured) => all.add(measured)?,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(all), Err)
    })
}
