//! The connections of one worker: how many there may be, and which go first.
//!
//! A connection is *idle* while no request of it is being answered. That is also so before its first request, while a
//! head comes in byte by byte, and while an answer waits for a client that does not read it. Where a new connection
//! finds no room, the one that has been idle longest makes some; a request that is under way, a long poll or a
//! websocket never does.
//!
//! Nothing here is shared between threads: a worker has its own door.

use crate::metrics::connections::{ConnectionMetrics, Cut};
use crate::rpc::route::Client;
use socket2::SockRef;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::net::TcpStream;

/// How often it is looked which connections have had their time; they are cut up to so much later.
const LOOK: Duration = Duration::from_millis(500);

/// What a worker allows its connections.
#[derive(Clone, Copy, Debug)]
pub struct DoorLimits {
    /// Connections at once.
    pub connections: usize,
    /// From the first byte of a request on a connection that was used before to the end of its head. The first head of a
    /// connection has its own deadline, in actix.
    pub head: Duration,
    /// How long an answer may wait for its client to take some of it.
    pub answer: Duration,
}

/// The connections of one worker.
pub struct Door {
    limits: DoorLimits,
    metrics: Arc<ConnectionMetrics>,
    /// Looks so far: the clock of all deadlines here, which costs nothing to read.
    looks: Cell<u64>,
    open: Cell<usize>,
    next_turn: Cell<u64>,
    /// Those that are idle, the longest first.
    idle: RefCell<BTreeMap<u64, Rc<Place>>>,
}

/// The place that one connection has.
pub struct Place {
    door: Rc<Door>,
    /// Its key among the idle ones, if it is one.
    turn: Cell<Option<u64>>,
    requests: Cell<usize>,
    /// The look before the first byte of a head that has not come to its end.
    head_began: Cell<Option<u64>>,
    /// The look before the client stopped taking what is written to it.
    write_stalled: Cell<Option<u64>>,
    is_cut: Cell<bool>,
    waker: Cell<Option<Waker>>,
    socket: OnceCell<Weak<RefCell<TcpStream>>>,
}

impl Door {
    /// A door that nobody has come through yet. Must be called on the worker's thread.
    pub fn open(limits: DoorLimits, metrics: Arc<ConnectionMetrics>) -> Rc<Door> {
        let door = Rc::new(Door {
            limits,
            metrics,
            looks: Cell::new(0),
            open: Cell::new(0),
            next_turn: Cell::new(0),
            idle: RefCell::default(),
        });
        let watched = Rc::downgrade(&door);
        actix_rt::spawn(watch(watched));
        door
    }

    /// A place for a new connection; the connection that has been idle longest is cut where that is needed. `None` where
    /// all of them have requests under way.
    pub fn admit(self: &Rc<Self>) -> Option<Rc<Place>> {
        if self.open.get() >= self.limits.connections {
            let oldest = self.idle.borrow_mut().pop_first();
            let Some((_, oldest)) = oldest else {
                self.metrics.count(Cut::Full);
                return None;
            };
            oldest.turn.set(None);
            oldest.cut(Cut::Room);
        }
        self.open.set(self.open.get() + 1);
        let place = Rc::new(Place {
            door: self.clone(),
            turn: Cell::new(None),
            requests: Cell::new(0),
            head_began: Cell::new(None),
            write_stalled: Cell::new(None),
            is_cut: Cell::new(false),
            waker: Cell::new(None),
            socket: OnceCell::new(),
        });
        place.queue_as_idle();
        Some(place)
    }

    /// Cuts those that have had their time.
    fn look(&self) {
        let now = self.looks.get() + 1;
        self.looks.set(now);
        let late = |place: &Rc<Place>| {
            let is_over = |began: &Cell<Option<u64>>, allowed: Duration| {
                began.get().is_some_and(|began| now - began > looks(allowed))
            };
            if is_over(&place.head_began, self.limits.head) {
                Some((place.clone(), Cut::Head))
            } else if is_over(&place.write_stalled, self.limits.answer) {
                Some((place.clone(), Cut::Answer))
            } else {
                None
            }
        };
        let late: Vec<_> = self.idle.borrow().values().filter_map(late).collect();
        for (place, reason) in late {
            place.unqueue();
            place.cut(reason);
        }
    }
}

/// How many looks a time takes, rounded up.
fn looks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(LOOK.as_nanos())).unwrap_or(u64::MAX)
}

async fn watch(door: Weak<Door>) {
    loop {
        actix_rt::time::sleep(LOOK).await;
        let Some(door) = door.upgrade() else { return };
        door.look();
    }
}

impl Place {
    /// A request begins: the connection is not idle until what this gives is dropped.
    #[must_use]
    pub fn begin(self: &Rc<Self>) -> Busy {
        self.head_began.set(None);
        self.requests.set(self.requests.get() + 1);
        self.unqueue();
        Busy(self.clone())
    }

    /// What [`Client::certainly_waits`] looks at from now on.
    pub fn watch(&self, socket: &Rc<RefCell<TcpStream>>) {
        // A place has one connection.
        let _ = self.socket.set(Rc::downgrade(socket));
    }

    /// Whether the connection was cut: there is nothing more to read, and nothing to write to.
    pub fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// Notes that the client sent something.
    pub fn heard(&self) {
        if self.requests.get() == 0 && self.head_began.get().is_none() {
            self.head_began.set(Some(self.door.looks.get()));
        }
    }

    /// Notes that the client took something of what is written to it, or that it has no room for more.
    pub fn wrote(&self, took: bool) {
        if took {
            self.write_stalled.set(None);
        } else if self.write_stalled.get().is_none() {
            self.write_stalled.set(Some(self.door.looks.get()));
        }
    }

    /// Whom to wake when the connection is cut.
    pub fn wake_with(&self, context: &Context<'_>) {
        let waker = match self.waker.take() {
            Some(waker) if waker.will_wake(context.waker()) => waker,
            _ => context.waker().clone(),
        };
        self.waker.set(Some(waker));
    }

    /// Gives the place up, with its connection.
    pub fn leave(&self) {
        self.unqueue();
        if !self.is_cut.replace(true) {
            self.door.open.set(self.door.open.get() - 1);
        }
    }

    fn cut(&self, reason: Cut) {
        if self.is_cut.replace(true) {
            return;
        }
        self.door.metrics.count(reason);
        self.door.open.set(self.door.open.get() - 1);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn queue_as_idle(self: &Rc<Self>) {
        let turn = self.door.next_turn.get();
        self.door.next_turn.set(turn + 1);
        self.turn.set(Some(turn));
        self.door.idle.borrow_mut().insert(turn, self.clone());
    }

    fn unqueue(&self) {
        if let Some(turn) = self.turn.take() {
            self.door.idle.borrow_mut().remove(&turn);
        }
    }
}

impl Client for Place {
    fn certainly_waits(&self) -> bool {
        let Some(socket) = self.socket.get().and_then(Weak::upgrade) else { return false };
        let Ok(socket) = socket.try_borrow() else { return false };
        // Not what the worker knows of the socket: a look at it.
        let looked = SockRef::from(&*socket).peek(&mut [MaybeUninit::uninit()]);
        looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// A request that is under way.
pub struct Busy(Rc<Place>);

impl Busy {
    /// Whose request it is.
    pub fn place(&self) -> &Place {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let place = &self.0;
        let requests = place.requests.get() - 1;
        place.requests.set(requests);
        if requests == 0 && !place.is_cut() {
            place.queue_as_idle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn with_room_for(connections: usize, test: impl FnOnce(Rc<Door>)) {
        let limits = DoorLimits { connections, head: SECOND, answer: 2 * SECOND };
        actix_rt::System::new().block_on(async { test(Door::open(limits, Arc::default())) });
    }

    fn places<const N: usize>(door: &Rc<Door>) -> [Rc<Place>; N] {
        std::array::from_fn(|_| door.admit().expect("room"))
    }

    #[test]
    fn the_connection_that_was_idle_longest_makes_room() {
        with_room_for(3, |door| {
            let [first, second, third] = places(&door);
            drop(first.begin());
            let _fourth = door.admit().expect("room");
            assert_eq!([&first, &second, &third].map(|place| place.is_cut()), [false, true, false]);
            // Its end comes later, and is not counted again.
            second.leave();
            assert_eq!(door.open.get(), 3);
            let _fifth = door.admit().expect("room");
            assert_eq!([&first, &third].map(|place| place.is_cut()), [false, true]);
        });
    }

    #[test]
    fn a_request_under_way_never_makes_room() {
        with_room_for(2, |door| {
            let [first, second] = places(&door);
            let (busy, twice, other) = (first.begin(), first.begin(), second.begin());
            assert!(door.admit().is_none());
            drop(busy);
            assert!(door.admit().is_none());
            drop(twice);
            assert!(door.admit().is_some());
            assert!(first.is_cut() && !second.is_cut());
            drop(other);
            second.leave();
            assert!(door.admit().is_some());
            assert_eq!(door.metrics.cut(Cut::Room), 1);
            assert_eq!(door.metrics.cut(Cut::Full), 2);
        });
    }

    #[test]
    fn those_that_dawdle_are_cut_at_their_time() {
        with_room_for(9, |door| {
            let [idle, slow_head, quick_head, reader, busy] = places(&door);
            slow_head.heard();
            quick_head.heard();
            drop(quick_head.begin());
            reader.wrote(false);
            let _busy = busy.begin();
            busy.heard();
            let cut = || [&idle, &slow_head, &quick_head, &reader, &busy].map(|place| place.is_cut());
            for _ in 0..looks(SECOND) {
                door.look();
                slow_head.heard();
                assert_eq!(cut(), [false; 5]);
            }
            door.look();
            assert_eq!(cut(), [false, true, false, false, false]);
            for _ in 0..looks(SECOND) {
                door.look();
            }
            assert_eq!(cut(), [false, true, false, true, false]);
            assert_eq!((door.metrics.cut(Cut::Head), door.metrics.cut(Cut::Answer)), (1, 1));
        });
    }

    #[test]
    fn a_client_that_reads_has_all_the_time_it_needs() {
        with_room_for(1, |door| {
            let [reader] = places(&door);
            for _ in 0..10 * looks(SECOND) {
                reader.wrote(false);
                door.look();
                reader.wrote(true);
            }
            assert!(!reader.is_cut());
        });
    }
}
