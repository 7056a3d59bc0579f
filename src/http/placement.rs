//! Which worker serves which connection.
//!
//! What stays on one thread costs least: no other one is woken for it, and what it touches is in its core's caches. So
//! the first connections all come to the workers that colonies live on, their homes, and only when these have some do
//! others get as many. With 16 connections on two cores a submit takes a tenth less of the processor, a cycle a
//! twentieth.

use actix_rt::ArbiterHandle;
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use parking_lot::Mutex;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Connections that a home has before others get some. So few seldom keep a core busy.
const FEW: usize = 32;

/// How many workers colonies live on: a turn is a small part of what a request costs.
pub fn homes(workers: usize) -> usize {
    (workers / 4).max(1)
}

/// The workers of a server, in the order in which they began: the homes first.
pub struct Workers {
    homes: usize,
    /// Connections that a home has before others get some.
    few: usize,
    seats: Mutex<Vec<Arc<Seat>>>,
    arbiters: UnboundedSender<ArbiterHandle>,
}

/// One worker, as the others know it.
struct Seat {
    connections: AtomicUsize,
    give: UnboundedSender<Given>,
}

/// A connection that another worker has accepted.
type Given = (std::net::TcpStream, Seated);

/// Counts a connection of a worker.
struct Seated(Arc<Seat>);

impl Seated {
    fn take(seat: &Arc<Seat>) -> Seated {
        seat.connections.fetch_add(1, Ordering::Relaxed);
        Seated(seat.clone())
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// For so many workers with so many connections each, at most. Each sends its arbiter when it begins.
    pub fn new(workers: usize, connections: usize, arbiters: UnboundedSender<ArbiterHandle>) -> Arc<Workers> {
        Arc::new(Workers { homes: homes(workers), few: FEW.min(connections), seats: Mutex::default(), arbiters })
    }

    /// The services of the workers, one each, made on the worker's own thread: they serve what the framework gives them
    /// and what other workers do.
    pub fn services<F>(
        self: Arc<Self>,
        make: impl Fn() -> F,
    ) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = F::Error, InitError = F::InitError>
    where
        F: ServiceFactory<TcpStream, Config = (), Response = ()>,
        F::Service: 'static,
    {
        fn_factory(move || {
            let (workers, making) = (self.clone(), make().new_service(()));
            async move {
                let service = Rc::new(making.await?);
                let (seat, given) = workers.join();
                actix_rt::spawn(serve_given(service.clone(), given));
                Ok(fn_service(move |socket: TcpStream| {
                    let (placed, service) = (workers.place(&seat, socket), service.clone());
                    async move {
                        match placed {
                            Some((socket, seated)) => serve(&*service, socket, seated).await,
                            None => Ok(()),
                        }
                    }
                }))
            }
        })
    }

    /// A worker begins.
    fn join(&self) -> (Arc<Seat>, UnboundedReceiver<Given>) {
        let (give, given) = unbounded_channel();
        let seat = Arc::new(Seat { connections: AtomicUsize::new(0), give });
        // Both in one order.
        let mut seats = self.seats.lock();
        seats.push(seat.clone());
        // The receiver is there until all workers have reported.
        let _ = self.arbiters.send(actix_rt::Arbiter::current());
        (seat, given)
    }

    /// Gives a new connection to the worker whose turn it is. `Some` where it is to be served here.
    fn place(&self, here: &Arc<Seat>, socket: TcpStream) -> Option<(TcpStream, Seated)> {
        let seated = self.seat_for_next(here);
        if Arc::ptr_eq(&seated.0, here) {
            return Some((socket, seated));
        }
        let moved = socket.into_std().and_then(|socket| match seated.0.clone().give.send((socket, seated)) {
            Ok(()) => Ok(None),
            // That worker has ended.
            Err(SendError((socket, _))) => TcpStream::from_std(socket).map(Some),
        });
        match moved {
            Ok(socket) => Some((socket?, Seated::take(here))),
            Err(error) => {
                tracing::warn!(%error, "a connection was lost on its way to another worker");
                None
            }
        }
    }

    /// A home while it has few, then whoever has the fewest.
    fn seat_for_next(&self, here: &Arc<Seat>) -> Seated {
        let seats = self.seats.lock();
        let connections = |seat: &&Arc<Seat>| seat.connections.load(Ordering::Relaxed);
        let home = seats.iter().take(self.homes).min_by_key(connections).filter(|home| connections(home) < self.few);
        // To give it away is dearer than to keep it.
        let fewest = || seats.iter().min_by_key(|seat| (connections(seat), !Arc::ptr_eq(seat, here)));
        Seated::take(home.or_else(fewest).unwrap_or(here))
    }
}

async fn serve_given<S: Service<TcpStream, Response = ()> + 'static>(
    service: Rc<S>,
    mut given: UnboundedReceiver<Given>,
) {
    while let Some((socket, seated)) = given.recv().await {
        match TcpStream::from_std(socket) {
            Ok(socket) => {
                let service = service.clone();
                actix_rt::spawn(async move {
                    // How a connection ends concerns nobody else.
                    let _ = serve(&*service, socket, seated).await;
                });
            }
            Err(error) => tracing::warn!(%error, "a connection was lost on its way from another worker"),
        }
    }
}

/// Serves a connection to its end.
async fn serve<S: Service<TcpStream, Response = ()>>(
    service: &S,
    socket: TcpStream,
    _seated: Seated,
) -> Result<(), S::Error> {
    poll_fn(|context| service.poll_ready(context)).await?;
    service.call(socket).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_connections_come_home_and_the_rest_is_spread() {
        actix_rt::System::new().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let (tell, mut arbiters) = unbounded_channel();
            let workers = Workers::new(2, 1_000, tell);
            let ((home, mut given), (other, mut given_to_other)) = (workers.join(), workers.join());
            assert!(arbiters.recv().await.is_some() && arbiters.recv().await.is_some());
            let connect = async || {
                let client =
                    TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
                (client, listener.accept().await.expect("a connection").0)
            };
            let mut kept = Vec::new();
            for number in 0..FEW {
                let (client, socket) = connect().await;
                kept.push(client);
                if number % 2 == 0 {
                    assert!(workers.place(&other, socket).is_none(), "given away");
                } else {
                    let (_, seated) = workers.place(&home, socket).expect("kept");
                    // Counted as long as it lives.
                    std::mem::forget(seated);
                }
            }
            let counts = || [&home, &other].map(|seat| seat.connections.load(Ordering::Relaxed));
            assert_eq!(counts(), [FEW, 0]);
            let (_client, socket) = connect().await;
            let placed = workers.place(&other, socket).expect("there are enough at home");
            assert_eq!(counts(), [FEW, 1]);
            let (_client, socket) = connect().await;
            assert!(workers.place(&home, socket).is_none(), "the other one has fewer");
            assert_eq!(counts(), [FEW, 2]);
            drop((placed, given_to_other.recv().await));
            let first = given.recv().await.expect("the first one that was given");
            drop(first);
            assert_eq!(counts(), [FEW - 1, 0]);

            // A worker that has ended is no home any more.
            drop((given, given_to_other));
            let (_client, socket) = connect().await;
            assert!(workers.place(&other, socket).is_some());
        });
    }

    #[test]
    fn many_workers_have_some_homes() {
        assert_eq!([1, 2, 4, 8, 32].map(homes), [1, 1, 1, 2, 8]);
    }
}
