//! How a server is ended.

use crate::startup::Running;
use std::io;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit code after the log has stopped for good, as by a failed disk.
pub const LOG_STOPPED: u8 = 3;

/// The signals that end a server.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches them from now on: before a server serves, so that one sent as soon as it does is not its sudden death.
    ///
    /// # Errors
    /// Where signals can't be caught.
    pub fn catch() -> io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for a start. A signal meanwhile ends the process at once: nothing has been acknowledged yet.
    pub async fn while_starting<T>(&mut self, start: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            started = start => started,
            _ = self.interrupt.recv() => std::process::exit(130),
            _ = self.terminate.recv() => std::process::exit(143),
        }
    }
}

/// Serves until SIGTERM or SIGINT, then ends in order; a second signal ends at once, which loses nothing acknowledged.
pub async fn serve_until_signalled(mut running: Running, signals: Signals) -> ExitCode {
    let Signals { mut terminate, mut interrupt } = signals;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT: stopping; once more to end at once"),
        reason = &mut running.log_stopped => {
            let reason = reason.unwrap_or_else(|_| "unknown".to_owned());
            tracing::error!(
                reason,
                "the log has stopped for good: what was acknowledged is on disk, everything else gets 503. Look at the \
                 disk, then start the server again"
            );
            // Time for the 503s to leave.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            return ExitCode::from(LOG_STOPPED);
        }
    }
    tokio::select! {
        () = running.stop() => ExitCode::SUCCESS,
        _ = interrupt.recv() => ExitCode::from(130),
        _ = terminate.recv() => ExitCode::from(143),
    }
}
