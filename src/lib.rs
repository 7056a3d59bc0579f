//! A durable, signed job broker: the server, its typed client and its command line. `docs/architecture.md` is the map.

pub mod base64;
pub mod cli;
pub mod client;
pub mod clock;
pub mod colony;
pub mod crypto;
pub mod hexadecimal;
pub mod http;
pub mod ids;
pub mod json;
pub mod limits;
pub mod load;
pub mod map;
pub mod metrics;
pub mod object_store;
pub mod queue;
pub mod realtime;
pub mod refusal;
pub mod rpc;
pub mod server;
pub mod startup;
pub mod storage;
pub mod time;
