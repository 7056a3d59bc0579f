//! What comes before HTTP: a place for the connection, and TLS where that is served.

use super::door::Door;
use super::guarded::Guarded;
use crate::limits;
use crate::metrics::OpenCount;
use crate::metrics::connections::{ConnectionMetrics, Cut};
use crate::refusal::Refusal;
use crate::rpc::envelope::write_refusal;
use actix_http::error::DispatchError;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of every TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What one worker needs to greet its clients.
#[derive(Clone)]
pub struct Greeting {
    /// The worker's connections.
    pub door: Rc<Door>,
    /// Counts those that are open.
    pub open: OpenCount,
    /// Counts those that the server ends.
    pub cut: Arc<ConnectionMetrics>,
    /// Time for the first byte, and as much for the handshake.
    pub patience: Duration,
}

impl Greeting {
    /// Takes in a client that speaks HTTP at once.
    ///
    /// # Errors
    /// Where there is no room; the client was told.
    pub async fn plain(self, mut socket: TcpStream) -> Result<Guarded, DispatchError> {
        match self.door.admit() {
            Some(place) => Ok(Guarded::new(socket, place, self.open.open()).watched()),
            None => {
                let refusal = Refusal::unavailable(
                    "the server has as many connections as it may have, and all have requests under way: try again soon",
                );
                Box::pin(refuse(&mut socket, "503 Service Unavailable", &refusal)).await;
                Err(ended("no room for another connection"))
            }
        }
    }

    /// Takes in a client that speaks TLS first; to one that speaks plain HTTP instead, that is said.
    ///
    /// # Errors
    /// Where there is no room, or no TLS.
    pub async fn tls(self, acceptor: TlsAcceptor, socket: TcpStream) -> Result<TlsStream<Guarded>, DispatchError> {
        let place = self.door.admit().ok_or_else(|| ended("no room for another connection"))?;
        let mut guarded = Guarded::new(socket, place, self.open.open());
        let first = tokio::time::timeout(self.patience, guarded.peek()).await;
        let failure = match first {
            Ok(Ok(Some(TLS_HANDSHAKE))) => {
                match tokio::time::timeout(self.patience, acceptor.accept(guarded)).await {
                    Ok(Ok(stream)) => return Ok(stream),
                    // Whoever left by himself was not cut.
                    Ok(Err(error)) => return Err(error.into()),
                    Err(_) => ended("the TLS handshake took too long"),
                }
            }
            // The first letter of an HTTP method.
            Ok(Ok(Some(b'A'..=b'Z'))) => {
                let refusal = Refusal::bad_request("this port speaks TLS, and the request came without: use https://");
                Box::pin(refuse(&mut guarded, "400 Bad Request", &refusal)).await;
                ended("a client spoke plain HTTP on the port for TLS")
            }
            Ok(Ok(Some(_))) => ended("a client spoke no TLS on the port for TLS"),
            Ok(Ok(None)) => return Err(ended("a client left before it said anything")),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => ended("a client did not begin with TLS in time"),
        };
        self.cut.count(Cut::Handshake);
        Err(failure)
    }
}

fn ended(why: &'static str) -> DispatchError {
    DispatchError::Io(io::Error::new(io::ErrorKind::ConnectionAborted, why))
}

/// Answers a client whose request will not be read, and closes so that it can read that. To be boxed by who calls it: a
/// connection has room for its largest future as long as it lives, and few ever need this one.
async fn refuse(
    socket: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    status: &str,
    refusal: &Refusal,
) {
    let body = write_refusal(refusal);
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let tell = async {
        socket.write_all(&[head.as_bytes(), &body].concat()).await?;
        socket.shutdown().await?;
        let mut unheard = [0; 4 << 10];
        let mut rest = limits::UNHEARD_BYTES;
        while rest > 0 {
            match socket.read(&mut unheard).await? {
                0 => break,
                read => rest = rest.saturating_sub(read),
            }
        }
        Ok::<_, io::Error>(())
    };
    // A client that has gone, or does not stop, need not hear it.
    let _ = tokio::time::timeout(limits::UNHEARD_TIMEOUT, tell).await;
}
