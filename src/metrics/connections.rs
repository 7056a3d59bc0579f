//! Connections that the server ended by itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a connection was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It had been idle longest, and a new one needed its room.
    Room,
    /// The head of a request did not come to its end in time.
    Head,
    /// An answer waited too long for its client to read.
    Answer,
    /// It was new, and no other was idle.
    Full,
    /// It spoke no TLS where nothing else is spoken, or did not come to the end of its handshake in time.
    Handshake,
}

impl Cut {
    /// All reasons.
    pub const ALL: [Cut; 5] = [Cut::Room, Cut::Head, Cut::Answer, Cut::Full, Cut::Handshake];

    /// Its name among the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Cut::Room => "room",
            Cut::Head => "head",
            Cut::Answer => "answer",
            Cut::Full => "full",
            Cut::Handshake => "handshake",
        }
    }
}

/// How many connections were ended, and why.
#[derive(Debug, Default)]
pub struct ConnectionMetrics([AtomicU64; Cut::ALL.len()]);

impl ConnectionMetrics {
    /// Counts one.
    pub fn count(&self, reason: Cut) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn cut(&self, reason: Cut) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }
}
