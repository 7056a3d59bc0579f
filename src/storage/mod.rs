//! Where the core, its log and its history store meet: events ⇄ records, appending, replay, and what is past.

pub mod codec;
pub mod history;
pub mod replay;
pub mod stream;
