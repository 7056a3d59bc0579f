//! How much of the contents of files has been moved, shown on a terminal.

use super::super::progress::Progress;
use parking_lot::Mutex;
use std::io::{self, Read};

/// Bytes moved, by any number of threads.
pub struct Moved {
    state: Mutex<State>,
    total: u64,
}

struct State {
    progress: Progress,
    done: u64,
}

impl Moved {
    /// Nothing moved yet of so many bytes.
    pub fn of(total: u64) -> Moved {
        Moved { state: Mutex::new(State { progress: Progress::start(), done: 0 }), total }
    }

    /// A reader that counts what is read.
    pub fn counting<R: Read>(&self, reader: R) -> impl Read {
        Counting { reader, moved: self }
    }

    fn add(&self, bytes: usize) {
        let State { progress, done } = &mut *self.state.lock();
        *done += bytes as u64;
        progress.show("moving files", *done, self.total.max(*done));
    }
}

struct Counting<'a, R> {
    reader: R,
    moved: &'a Moved,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.moved.add(length);
        Ok(length)
    }
}
