//! A flood from one colony beside the ordinary work of another.
//!
//! ```text
//! cargo test --test fairness -- --ignored --nocapture
//! ```
//!
//! measures how much later answers come to the other.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use support::load::{Submitters, percentile};
use support::{Client, Colony, Server, envelope, json, wait};

/// Connections of the flood.
const CONNECTIONS: usize = 32;

/// Sends the same submit on many connections, each as fast as it is answered.
struct Flood {
    stop: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    fn start(colony: &Colony) -> Flood {
        let body: Arc<str> = envelope(&colony.user, &colony.submission(json!({}), json!({}))).into();
        let (stop, taken, refused) = (Arc::<AtomicBool>::default(), Arc::default(), Arc::default());
        let threads = (0..CONNECTIONS)
            .map(|_| {
                let (stop, taken, refused) = (stop.clone(), Arc::clone(&taken), Arc::clone(&refused));
                let (body, client) = (body.clone(), Client::new(colony.client.address()));
                thread::spawn(move || {
                    // As if from elsewhere: what is measured is the server, not who gets this machine's processors.
                    rustix::process::nice(19).unwrap();
                    while !stop.load(Ordering::Acquire) {
                        let counter: &AtomicUsize = match client.post(body.as_bytes()).unwrap().status {
                            200 => &taken,
                            429 | 503 => &refused,
                            status => panic!("{status}"),
                        };
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Flood { stop, taken, refused, threads }
    }

    fn counts(&self) -> [usize; 2] {
        [&self.taken, &self.refused].map(|counter| counter.load(Ordering::Relaxed))
    }

    /// How many requests were taken, and how many refused.
    fn stop(self) -> [usize; 2] {
        self.stop.store(true, Ordering::Release);
        let counts = self.counts();
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        counts
    }
}

#[test]
fn a_flood_is_limited_and_others_are_not() {
    let server = Server::start_with(&["--limit-identity", "40"]);
    let (flooding, other) = (Colony::new(&server), Colony::new(&server));
    let flood = Flood::start(&flooding);
    // At most 33 a second, and none of them is refused: the submitters see to that.
    let submitters = Submitters::start(&other, 1, Duration::from_millis(30));
    wait::until_true("the flood to be refused", || flood.counts()[1] > 2_000);
    let answers = submitters.stop();
    let [taken, refused] = flood.stop();
    assert!(refused > taken, "{taken} taken, {refused} refused");
    assert_eq!(other.statistics()["waitingprocesses"], answers.len());
}

/// Rounds of the measured run, each without the flood and with it.
const ROUNDS: usize = 3;

#[test]
#[ignore = "a measurement of a minute"]
fn what_a_flood_costs_others() {
    for arguments in [&[][..], &["--limit-identity", "500"]] {
        let server = Server::start_with(arguments);
        let (flooding, other) = (Colony::new(&server), Colony::new(&server));
        let measure = || {
            let submitters = Submitters::start(&other, 2, Duration::from_millis(10));
            thread::sleep(Duration::from_secs(5));
            submitters.stop()
        };
        measure();
        let (mut alone, mut beside, mut counts) = (Vec::new(), Vec::new(), [0, 0]);
        for _ in 0..ROUNDS {
            alone.extend(measure());
            let flood = Flood::start(&flooding);
            beside.extend(measure());
            let more = flood.stop();
            counts = [counts[0] + more[0], counts[1] + more[1]];
        }
        println!("{arguments:?}: of the flood {} were taken and {} refused", counts[0], counts[1]);
        for (what, took) in [("alone", &mut alone), ("beside the flood", &mut beside)] {
            took.sort_unstable();
            let [p50, p99] = [50.0, 99.0].map(|percent| percentile(took, percent));
            println!("{what}: {} submits, p50 {p50:?}, p99 {p99:?}", took.len());
        }
    }
}
