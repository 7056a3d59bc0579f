//! A durable, signed job broker: the server, its typed client and its command line. `docs/architecture.md` is the map.

pub mod clock;
pub mod colony;
pub mod crypto;
pub mod ids;
pub mod json;
pub mod limits;
pub mod refusal;
pub mod server;
pub mod storage;
pub mod time;
