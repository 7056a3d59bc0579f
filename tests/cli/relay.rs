//! A line to a server that breaks and disturbs what it carries when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to what is carried in one direction, counted from a connection's first byte.
#[derive(Clone, Copy, Default)]
pub struct Trouble {
    /// Cuts the connection after so many bytes.
    pub cut_after: Option<usize>,
    /// Changes this byte.
    pub flip: Option<usize>,
}

#[derive(Default)]
struct State {
    up: Trouble,
    down: Trouble,
    /// Bytes that came from the server.
    from_server: usize,
}

/// The line; it carries until the test's process ends.
#[derive(Clone)]
pub struct Relay {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    ToServer,
    FromServer,
}

impl Relay {
    /// A line to this server, in order so far.
    pub fn to(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay { state: Arc::default(), address: listener.local_addr().unwrap() };
        let carrying = relay.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(server) else { continue };
                for (from, to, way) in [(&client, &server, Way::ToServer), (&server, &client, Way::FromServer)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let relay = carrying.clone();
                    thread::spawn(move || relay.carry(from, to, way));
                }
            }
        });
        relay
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Trouble for what goes to the server.
    pub fn disturb_up(&self, trouble: Trouble) {
        self.state.lock().unwrap().up = trouble;
    }

    /// Trouble for what comes from it.
    pub fn disturb_down(&self, trouble: Trouble) {
        self.state.lock().unwrap().down = trouble;
    }

    /// Bytes that came from the server since this was asked last.
    pub fn carried(&self) -> usize {
        std::mem::take(&mut self.state.lock().unwrap().from_server)
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, way: Way) {
        let (mut buffer, mut carried) = ([0; 4096], 0);
        while let Ok(length) = from.read(&mut buffer)
            && length > 0
        {
            let mut bytes = &mut buffer[..length];
            let mut state = self.state.lock().unwrap();
            let Trouble { cut_after, flip } = if way == Way::ToServer { state.up } else { state.down };
            if let Some(byte) = flip.and_then(|at| at.checked_sub(carried)).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
            }
            let cut = cut_after.filter(|&after| after < carried + length).map(|after| after.saturating_sub(carried));
            if let Some(rest) = cut {
                bytes = &mut bytes[..rest];
            }
            carried += length;
            if way == Way::FromServer {
                state.from_server += bytes.len();
            }
            drop(state);
            if to.write_all(bytes).is_err() || cut.is_some() {
                // In order in this direction, so that what was carried is not lost with what was not.
                let _ = to.shutdown(Shutdown::Write);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        }
        // Whoever has closed already needs no word of it.
        let _ = to.shutdown(Shutdown::Write);
    }
}
