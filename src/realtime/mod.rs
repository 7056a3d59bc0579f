//! Websocket subscriptions to processes and channels (chapter 4, 6).

pub mod connection;
pub mod feed;
mod open;
pub mod socket;
pub mod subscribe;
