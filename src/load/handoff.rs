//! From a submit to a waiting executor.

use super::{LoadColony, LoadError, process_id};
use crate::client::connection::Connection;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// An executor that waits on a thread of its own, and a submitter that hands it one process at a time.
pub struct Handoff {
    colony: Arc<LoadColony>,
    submitter: Connection,
    arrived: mpsc::Receiver<Result<Instant, LoadError>>,
    go_on: mpsc::Sender<()>,
}

/// How long the submitter waits for the executor to be polling again.
const UNTIL_IT_WAITS: Duration = Duration::from_millis(1);

impl Handoff {
    /// Connects both sides. The executor's thread ends with this, or when its poll does.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn begin(address: SocketAddr, colony: Arc<LoadColony>) -> Result<Handoff, LoadError> {
        let (tell, arrived) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let mut connection = Connection::open(address)?;
        let of_executor = colony.clone();
        std::thread::spawn(move || {
            let poll = of_executor.poll();
            loop {
                let outcome = one_process(&of_executor, &mut connection, &poll, &tell);
                if let Err(error) = outcome {
                    // The submitter has gone when nobody listens.
                    let _ = tell.send(Err(error));
                    return;
                }
                if may_go_on.recv().is_err() {
                    return;
                }
            }
        });
        Ok(Handoff { colony, submitter: Connection::open(address)?, arrived, go_on })
    }

    /// Hands over one process: the time from the submit's first byte to the executor's last.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn once(&mut self) -> Result<Duration, LoadError> {
        std::thread::sleep(UNTIL_IT_WAITS);
        let begin = Instant::now();
        self.colony.submit(&mut self.submitter)?;
        let arrived = self.arrived.recv().map_err(|_| LoadError::ExecutorEnded)??;
        self.go_on.send(()).map_err(|_| LoadError::ExecutorEnded)?;
        Ok(arrived.saturating_duration_since(begin))
    }
}

fn one_process(
    colony: &LoadColony,
    connection: &mut Connection,
    poll: &[u8],
    tell: &mpsc::Sender<Result<Instant, LoadError>>,
) -> Result<(), LoadError> {
    let (_, body) = connection.post(poll)?;
    let arrived = Instant::now();
    let id = process_id(body)?;
    tell.send(Ok(arrived)).map_err(|_| LoadError::ExecutorEnded)?;
    colony.close(connection, &id)
}
