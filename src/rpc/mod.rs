//! From a request's bytes to its answer's bytes: envelope, signature, dispatch, routing.

pub mod dispatch;
pub mod envelope;
mod past;
pub mod rate;
pub mod route;
pub mod strict;
