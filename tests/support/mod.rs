//! What the black-box tests share: a real server process, signed clients, and the colonies that they set up.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

pub mod client;
pub mod colony;
pub mod http;
pub mod installed;
pub mod load;
pub mod machine;
pub mod object_store;
pub mod poll;
pub mod python;
pub mod server;
pub mod tls;
pub mod wait;
pub mod websocket;

pub use client::{Client, Reply, envelope};
pub use colonies::crypto::PrivateKey;
pub use colony::Colony;
pub use poll::Poll;
pub use serde_json::{Value, json};
pub use server::{Server, server_owner};
