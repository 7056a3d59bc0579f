//! Which worker serves which connection.
//!
//! The framework gives each worker a new connection in turn. On a machine of two cores that is not the best: what stays
//! on one thread costs least, since no other one is woken for it and what it touches is in its core's caches, and the
//! other core has the log's thread, the history store's and the kernel's work to do. So there the colonies live on one
//! worker, their home, the first connections come to it, and the next ones to whoever has fewer. With 16 connections a
//! submit takes a tenth less of the processor, a cycle a twentieth. Where there are more cores, to use them all is worth
//! more.

use super::log_wakeup::gather_records;
use crate::limits;
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

/// Connections that are no crowd: the home of two workers has so many before the other one gets some, and while all
/// workers together have no more, records are not held back ([`super::log_wakeup`]). Idle ones count.
const FEW: usize = 24;

/// How many workers colonies live on, of so many.
pub fn homes(workers: usize) -> usize {
    if workers == 2 { 1 } else { workers }
}

/// The workers of a server, in the order in which they began: the homes first.
pub struct Workers {
    /// Connections that the first worker has before others get some; `None` where each serves what it has accepted.
    few: Option<usize>,
    /// Connections of one worker, those included that are told that there is no room.
    limit: usize,
    /// Connections of all workers.
    all: Arc<AtomicUsize>,
    seats: Mutex<Vec<Arc<Seat>>>,
    arbiters: UnboundedSender<ArbiterHandle>,
}

/// One worker, as the others know it.
struct Seat {
    connections: AtomicUsize,
    /// Those of all workers, which every seat counts with.
    all: Arc<AtomicUsize>,
    give: UnboundedSender<Given>,
}

/// A connection that another worker has accepted.
type Given = (std::net::TcpStream, Seated);

/// Counts a connection of a worker.
struct Seated(Arc<Seat>);

impl Seated {
    fn take(seat: &Arc<Seat>) -> Seated {
        seat.connections.fetch_add(1, Ordering::Relaxed);
        seat.all.fetch_add(1, Ordering::Relaxed);
        Seated(seat.clone())
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// For so many workers with so many connections each, at most. Each sends its arbiter when it begins.
    pub fn new(workers: usize, connections: usize, arbiters: UnboundedSender<ArbiterHandle>) -> Arc<Workers> {
        let few = (homes(workers) < workers).then_some(FEW.min(connections));
        let limit = connections.saturating_add(limits::CONNECTIONS_IN_PASSING);
        Arc::new(Workers { few, limit, all: Arc::default(), seats: Mutex::default(), arbiters })
    }

    /// The services of the workers, one each, made on the worker's own thread: they serve what the framework gives them
    /// and what other workers do. The worker also gathers its records from then on ([`super::log_wakeup`]).
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
                let all = workers.all.clone();
                actix_rt::spawn(gather_records(move || all.load(Ordering::Relaxed) > FEW));
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
        let seat = Arc::new(Seat { connections: AtomicUsize::new(0), all: self.all.clone(), give });
        // Both in one order.
        let mut seats = self.seats.lock();
        seats.push(seat.clone());
        // The receiver is there until all workers have reported.
        let _ = self.arbiters.send(actix_rt::Arbiter::current());
        (seat, given)
    }

    /// Gives a new connection to the worker that is to serve it. `Some` where that is this one.
    fn place(&self, here: &Arc<Seat>, socket: TcpStream) -> Option<(TcpStream, Seated)> {
        let seated = self.seat_for_next(here);
        if Arc::ptr_eq(&seated.0, here) {
            return Some((socket, seated));
        }
        // The framework counts what a worker has accepted and kept; this is the same limit for what it is given.
        if seated.0.connections.load(Ordering::Relaxed) > self.limit {
            return None;
        }
        let moved = socket.into_std().and_then(|socket| match seated.0.clone().give.send((socket, seated)) {
            Ok(()) => Ok(None),
            // That worker has ended.
            Err(SendError((socket, seated))) => {
                self.seats.lock().retain(|seat| !Arc::ptr_eq(seat, &seated.0));
                TcpStream::from_std(socket).map(Some)
            }
        });
        match moved {
            Ok(socket) => Some((socket?, Seated::take(here))),
            Err(error) => {
                tracing::warn!(%error, "a connection was lost on its way to another worker");
                None
            }
        }
    }

    /// The home while it has few, then whoever has fewer.
    fn seat_for_next(&self, here: &Arc<Seat>) -> Seated {
        let Some(few) = self.few else { return Seated::take(here) };
        let seats = self.seats.lock();
        let connections = |seat: &Arc<Seat>| seat.connections.load(Ordering::Relaxed);
        let home = seats.first().filter(|home| connections(home) < few);
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
            assert_eq!(workers.all.load(Ordering::Relaxed), FEW - 1);

            // A worker that has ended is no home any more.
            drop((given, given_to_other));
            let (_client, socket) = connect().await;
            assert!(workers.place(&other, socket).is_some());
        });
    }

    #[test]
    fn nobody_is_given_more_than_the_limit() {
        actix_rt::System::new().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let workers = Workers::new(2, 1, unbounded_channel().0);
            let ((home, _given), (other, _given_to_other)) = (workers.join(), workers.join());
            home.connections.store(2 + limits::CONNECTIONS_IN_PASSING, Ordering::Relaxed);
            other.connections.store(usize::MAX / 2, Ordering::Relaxed);
            let _client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
            let (socket, _) = listener.accept().await.expect("a connection");
            assert!(workers.place(&other, socket).is_none());
            assert_eq!(home.connections.load(Ordering::Relaxed), 2 + limits::CONNECTIONS_IN_PASSING);
        });
    }

    #[test]
    fn with_more_than_two_workers_each_keeps_what_it_accepts() {
        let workers = Workers::new(3, 1_000, unbounded_channel().0);
        let seat =
            Arc::new(Seat { connections: AtomicUsize::new(500), all: Arc::default(), give: unbounded_channel().0 });
        assert!(Arc::ptr_eq(&workers.seat_for_next(&seat).0, &seat));
        assert_eq!([1, 2, 3, 8].map(homes), [1, 1, 3, 8]);
    }
}
