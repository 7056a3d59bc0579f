//! A connection that its worker's door may cut.

use super::door::Place;
use crate::metrics::Open;
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket and its place. Once it is cut, it reads as if the client had closed it, and can't be written to.
pub struct Guarded {
    /// Its place looks at it, too.
    socket: Rc<RefCell<TcpStream>>,
    place: Rc<Place>,
    _counted: Open,
}

impl Guarded {
    /// Takes a socket in.
    pub fn new(socket: TcpStream, place: Rc<Place>, counted: Open) -> Self {
        Guarded { socket: Rc::new(RefCell::new(socket)), place, _counted: counted }
    }

    /// Lets its place look at the socket from now on. Not for TLS, where a client takes leave in what it sends.
    pub fn watched(self) -> Self {
        self.place.watch(&self.socket);
        self
    }

    /// Its place.
    pub fn place(&self) -> &Rc<Place> {
        &self.place
    }

    /// The first byte that the client has sent and nobody has read, which stays where it is; `None` at the end.
    ///
    /// # Errors
    /// Where the connection has broken.
    pub async fn peek(&self) -> io::Result<Option<u8>> {
        std::future::poll_fn(|context| {
            if self.place.is_cut() {
                return Poll::Ready(Ok(None));
            }
            let mut byte = [0];
            let peeked = self.socket.borrow().poll_peek(context, &mut ReadBuf::new(&mut byte));
            if peeked.is_pending() {
                self.place.wake_with(context);
            }
            let length = ready!(peeked)?;
            Poll::Ready(Ok((length > 0).then_some(byte[0])))
        })
        .await
    }

    fn written<T>(&self, written: Poll<io::Result<T>>, context: &Context<'_>) -> Poll<io::Result<T>> {
        self.place.wrote(written.is_ready());
        if written.is_pending() {
            self.place.wake_with(context);
        }
        written
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.place.leave();
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.place.is_cut() {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut *self.socket.borrow_mut()).poll_read(context, buffer);
        match &read {
            Poll::Pending => self.place.wake_with(context),
            Poll::Ready(Ok(())) if buffer.filled().len() > before => self.place.heard(),
            Poll::Ready(_) => {}
        }
        read
    }
}

fn is_cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server cut the connection")
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.place.is_cut() {
            return Poll::Ready(Err(is_cut()));
        }
        let written = Pin::new(&mut *self.socket.borrow_mut()).poll_write(context, bytes);
        self.written(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.place.is_cut() {
            return Poll::Ready(Err(is_cut()));
        }
        let written = Pin::new(&mut *self.socket.borrow_mut()).poll_write_vectored(context, slices);
        self.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.socket.borrow_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::door::{Door, DoorLimits};
    use crate::metrics::OpenCount;
    use crate::rpc::route::Client;
    use socket2::SockRef;
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What a client did may take its time. The worker hears of nothing meanwhile: it is held up here.
    fn unsure(place: &Place) {
        let begun = Instant::now();
        while place.certainly_waits() {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "a client that has left or said something seems to wait"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_place_sees_who_still_waits_before_the_worker_hears_of_it() {
        actix_rt::System::new().block_on(async {
            let time = Duration::from_secs(60);
            let door = Door::open(DoorLimits { connections: 9, head: time, answer: time }, Arc::default());
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let connect = async || {
                let client =
                    TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
                let socket = listener.accept().await.expect("a connection").0;
                let place = door.admit().expect("room");
                assert!(!place.certainly_waits(), "nothing is known before it has a connection");
                (client, Guarded::new(socket, place, OpenCount::default().open()).watched())
            };
            let (mut speaker, mut heard) = connect().await;
            assert!(heard.place().certainly_waits());
            speaker.write_all(b"more").await.expect("it is sent");
            unsure(heard.place());
            heard.read_exact(&mut [0; 4]).await.expect("it has come");
            assert!(heard.place().certainly_waits());
            let (leaver, left) = connect().await;
            drop(leaver);
            unsure(left.place());
            let (leaver, left) = connect().await;
            SockRef::from(&leaver).set_linger(Some(Duration::ZERO)).expect("an option of sockets");
            drop(leaver);
            unsure(left.place());
            let (_client, ended) = connect().await;
            let place = ended.place().clone();
            drop(ended);
            assert!(!place.certainly_waits());
        });
    }
}
