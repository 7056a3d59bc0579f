//! Where the core and its log meet: events ⇄ records, appending, replay.

pub mod codec;
pub mod replay;
pub mod stream;
