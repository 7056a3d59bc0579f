//! The http workers: actix-web around [`crate::rpc`].

pub mod api;
pub mod body;
pub mod budget;
pub mod cors;
pub mod door;
mod greeting;
pub mod guarded;
mod log_wakeup;
pub mod metrics;
pub mod placement;
pub mod pubsub;
pub mod readiness;
pub mod renewal;
pub mod serve;
pub mod tls;
