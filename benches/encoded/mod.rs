//! What the benches of turns share.

use colonies::colony::event::Event;
use colonies::colony::matching::Record;
use colonies::storage::codec::RecordWriter;

/// A record that always has room and is thrown away.
pub struct Encoded(pub RecordWriter);

impl Record for Encoded {
    fn has_room(&self) -> bool {
        true
    }
    fn add(&mut self, event: &Event) {
        self.0.add(event);
    }
}
