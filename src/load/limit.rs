//! The real server and the stand-in in turn, so that a noisy machine is noisy for both.

use super::colony::LoadColony;
use super::plan::{Plan, Scenario, Target};
use super::pulse::{Length, Pulse};
use super::report::Report;
use super::sample::Sample;
use super::{LoadError, own_server, plan, stand_in};
use crate::client::Client;
use crate::crypto::PrivateKey;
use serde::Serialize;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wal::Durability;

/// One run of each.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// The real server.
    pub server: Report,
    /// The stand-in.
    pub limit: Report,
    /// The median of a sync of 512 bytes just before, nothing else going on, in microseconds.
    pub fdatasync_us: f64,
}

/// What came of all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Medians of the real server, the stand-in, and of the ratios of the rounds.
    pub medians: Medians,
    /// The median of the rounds' syncs, in microseconds.
    pub fdatasync_us: f64,
    /// The rounds.
    pub rounds: Vec<Round>,
}

/// Each figure of the real server, of the stand-in, and the ratio.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Medians {
    /// Steps a second.
    pub per_second: Beside,
    /// The median latency, in microseconds.
    pub p50_us: Beside,
    /// The latency that 99 of a hundred do not reach, in microseconds.
    pub p99_us: Beside,
    /// Processor time of the server a step, in microseconds.
    pub server_cpu_us: Beside,
    /// Processor time of the client a step, in microseconds.
    pub client_cpu_us: Beside,
}

/// A figure beside its limit.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Beside {
    /// The real server's median.
    pub server: f64,
    /// The stand-in's median.
    pub limit: f64,
    /// The median of the rounds' ratios of the one to the other.
    pub ratio: f64,
}

/// Where servers keep their logs: each in a directory of its own below this one.
pub struct Ground {
    /// The directory.
    pub dir: PathBuf,
    /// When a reply may leave.
    pub durability: Durability,
}

impl Ground {
    /// A new directory in it.
    ///
    /// # Errors
    /// Where none can be made.
    pub fn fresh(&self) -> Result<TempDir, LoadError> {
        Ok(tempfile::Builder::new().prefix("colonies-bench-").tempdir_in(&self.dir)?)
    }

    /// Puts the load on a server that is started for it.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn run(&self, plan: &Plan, pulse: &Pulse) -> Result<Report, LoadError> {
        let owner = PrivateKey::generate();
        let server = own_server::start(self.fresh()?, &owner, self.durability)?;
        let target = Target { address: server.address, owner: Some(owner), is_here: true };
        plan::run(plan, &target, pulse)
    }

    /// Puts the load on a real server and on the stand-in, in turn, so many times.
    ///
    /// # Errors
    /// See [`LoadError`]; also where the scenario has no limit.
    pub fn compare(&self, plan: &Plan, rounds: usize, pulse: &Pulse) -> Result<Comparison, LoadError> {
        if !matches!(plan.scenario, Scenario::Submit | Scenario::Cycle | Scenario::Handoff) {
            return Err(LoadError::NoLimit(plan.scenario.name()));
        }
        let mut done = Vec::new();
        for _ in 0..rounds.max(1) {
            let fdatasync_us = self.probe(pulse)?;
            let server = self.run(plan, pulse)?;
            let sample = self.sample(plan)?;
            let standing_in = stand_in::start(self.fresh()?, self.durability, sample)?;
            let target = Target { address: standing_in.address, owner: None, is_here: true };
            let limit = plan::run(plan, &target, pulse)?;
            done.push(Round { server, limit, fdatasync_us });
        }
        Ok(Comparison::of(done))
    }

    fn sample(&self, plan: &Plan) -> Result<Sample, LoadError> {
        let owner = PrivateKey::generate();
        let server = own_server::start(self.fresh()?, &owner, self.durability)?;
        let client = Client::new(&format!("http://{}", server.address));
        let colony = LoadColony::make(&client, &owner, plan.shape, 1)?;
        Sample::take(server.address, &colony)
    }

    /// The median of a sync of 512 bytes into space that was written before, as the log's is.
    fn probe(&self, pulse: &Pulse) -> Result<f64, LoadError> {
        const BYTES: usize = 512;
        const SYNCS: usize = 200;
        pulse.begin("syncing", Length::Steps(SYNCS as u64));
        let dir = self.fresh()?;
        let file = File::create(dir.path().join("probe"))?;
        file.write_all_at(&vec![0; BYTES * SYNCS], 0)?;
        file.sync_all()?;
        sync_directory(dir.path())?;
        let mut took = Vec::with_capacity(SYNCS);
        for place in 0..SYNCS {
            let begin = Instant::now();
            file.write_all_at(&[7; BYTES], (place * BYTES) as u64)?;
            file.sync_data()?;
            took.push(micros(begin.elapsed()));
            pulse.step();
        }
        Ok(median(took))
    }
}

fn sync_directory(dir: &Path) -> Result<(), LoadError> {
    Ok(File::open(dir)?.sync_all()?)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one; of an even number the mean of the middle two; of none, nothing.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let (below, above) = (figures.len().saturating_sub(1) / 2, figures.len() / 2);
    match (figures.get(below), figures.get(above)) {
        (Some(one), Some(other)) => (one + other) / 2.0,
        _ => 0.0,
    }
}

impl Comparison {
    fn of(rounds: Vec<Round>) -> Comparison {
        let beside = |figure: fn(&Report) -> f64| {
            let all = |of: fn(&Round) -> &Report| rounds.iter().map(of).map(figure).collect();
            let ratios = rounds.iter().map(|round| figure(&round.server) / figure(&round.limit).max(1e-9));
            Beside {
                server: median(all(|round| &round.server)),
                limit: median(all(|round| &round.limit)),
                ratio: median(ratios.collect()),
            }
        };
        Comparison {
            medians: Medians {
                per_second: beside(|report| report.per_second),
                p50_us: beside(|report| report.p50_us as f64),
                p99_us: beside(|report| report.p99_us as f64),
                server_cpu_us: beside(|report| report.server_cpu_us.unwrap_or(0.0)),
                client_cpu_us: beside(|report| report.client_cpu_us),
            },
            fdatasync_us: median(rounds.iter().map(|round| round.fdatasync_us).collect()),
            rounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![]), 0.0);
    }
}
