//! A durable, signed job broker.
