//! Where the core, its log and its history store meet: events ⇄ records, appending, checkpoints, replay, and what is past.

pub mod backup;
pub mod checkpoint;
pub mod codec;
pub mod history;
pub mod replay;
pub mod stream;
