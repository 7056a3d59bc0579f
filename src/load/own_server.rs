//! A server that a load starts for itself, in this process and in a directory that goes with it.

use super::LoadError;
use crate::crypto::PrivateKey;
use crate::limits;
use crate::startup::{self, Settings, cores};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::sync::oneshot;
use wal::Durability;

/// Something that serves on threads of this process until it is dropped.
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _dir: TempDir,
}

/// Tells where it serves, or why it does not.
pub type Started = mpsc::Sender<Result<SocketAddr, String>>;

impl Serving {
    /// Runs a server's life in an actix system of its own: it tells where it serves, and ends when it is told to.
    pub(super) fn start<F>(
        what: &'static str,
        dir: TempDir,
        life: impl FnOnce(Started, oneshot::Receiver<()>) -> F + Send + 'static,
    ) -> Result<Serving, LoadError>
    where
        F: Future<Output = ()>,
    {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::Builder::new().spawn(move || {
            actix_rt::System::new().block_on(life(tell, stopped));
        })?;
        let address = told.recv().map_err(|_| LoadError::Thread)?;
        let address = address.map_err(|reason| LoadError::Server { what, reason })?;
        Ok(Serving { address, stop: Some(stop), thread: Some(thread), _dir: dir })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of a server that was started for a load has panicked");
        }
    }
}

/// The real server with its defaults, but for when a reply may leave.
///
/// # Errors
/// Says why it does not start.
pub fn start(dir: TempDir, owner: &PrivateKey, durability: Durability) -> Result<Serving, LoadError> {
    let settings = settings(dir.path(), owner, durability);
    Serving::start("a server for this load", dir, move |tell, stopped| async move {
        match startup::start(settings).await {
            Ok(running) => {
                // Whoever started it waits for this.
                let _ = tell.send(Ok(running.address));
                let _ = stopped.await;
                running.stop().await;
            }
            Err(error) => {
                let _ = tell.send(Err(error.to_string()));
            }
        }
    })
}

fn settings(dir: &Path, owner: &PrivateKey, durability: Durability) -> Settings {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Settings {
        durability,
        server_id: Some(owner.id()),
        ..Settings::new(address, dir.to_owned(), cores(), limits::CONNECTIONS_PER_WORKER)
    }
}
