//! Websocket subscriptions to processes (chapter 4, 6).

pub mod connection;
pub mod subscribe;
