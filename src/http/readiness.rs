//! `GET /ready`: what an operator must know.

use parking_lot::RwLock;
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use wal::{Health, Log};

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Reading the log back.
    Replaying,
    /// Serving.
    Serving,
    /// Answering what is under way, taking nothing new.
    Stopping,
}

/// What the server knows about its own readiness.
pub struct Readiness {
    phase: RwLock<Phase>,
    log: OnceLock<Arc<dyn Log>>,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    phase: Phase,
    log: String,
}

impl Default for Readiness {
    fn default() -> Self {
        Readiness { phase: RwLock::new(Phase::Replaying), log: OnceLock::new() }
    }
}

impl Readiness {
    /// Notes the log once it is open.
    pub fn set_log(&self, log: Arc<dyn Log>) {
        // There is one log in the life of a server.
        let _ = self.log.set(log);
    }

    /// Notes where the server is.
    pub fn set_phase(&self, phase: Phase) {
        *self.phase.write() = phase;
    }

    /// Where the server is.
    pub fn phase(&self) -> Phase {
        *self.phase.read()
    }

    /// Whether all is well, and a JSON text that says it.
    pub fn report(&self) -> (bool, String) {
        let phase = self.phase();
        let (log_is_well, log) = match self.log.get().map(|log| log.status().health) {
            None => (false, "not open yet".to_owned()),
            Some(Health::Ok) => (true, "ok".to_owned()),
            Some(Health::DiskFull) => {
                (false, "the disk is full: new work is refused, running work can still be closed".to_owned())
            }
            Some(Health::Poisoned(reason)) => (false, format!("stopped after a failed write: {reason}")),
        };
        let ready = phase == Phase::Serving && log_is_well;
        (ready, serde_json::to_string(&Report { ready, phase, log }).unwrap_or_default())
    }
}
