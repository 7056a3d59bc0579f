//! Clients that go on submitting while something else happens, and how long their answers took.

use super::Colony;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Submitters, each with one request at a time and a pause between two, so that they are a load and no flood.
pub struct Submitters {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Duration>>>,
}

impl Submitters {
    /// So many begin. Each answer must be a success.
    pub fn start(colony: &Colony, count: usize, pause: Duration) -> Submitters {
        let stop = Arc::new(AtomicBool::new(false));
        let submit = |_| {
            let (colony, stop) = (colony.clone(), stop.clone());
            thread::spawn(move || {
                let mut took = Vec::new();
                while !stop.load(Ordering::Acquire) {
                    let message = colony.submission(json!({}), json!({}));
                    let begin = Instant::now();
                    colony.client.call(&colony.user, &message).ok();
                    took.push(begin.elapsed());
                    thread::sleep(pause);
                }
                took
            })
        };
        Submitters { threads: (0..count).map(submit).collect(), stop }
    }

    /// Ends them: how long each answer took, the quickest first.
    pub fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Release);
        let mut took: Vec<_> = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        took.sort_unstable();
        took
    }
}

/// The duration that so many of a hundred do not exceed; they must be sorted.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * percent / 100.0).round() as usize]
}
