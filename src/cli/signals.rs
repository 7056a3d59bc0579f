//! How a server is ended.

use crate::startup::Running;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code after the log has stopped for good, as by a failed disk.
pub const LOG_STOPPED: u8 = 3;

/// Serves until SIGTERM or SIGINT, then ends in order; a second signal ends at once, which loses nothing acknowledged.
///
/// # Errors
/// Where signals can't be caught.
pub async fn serve_until_signalled(mut running: Running) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
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
            return Ok(ExitCode::from(LOG_STOPPED));
        }
    }
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}
