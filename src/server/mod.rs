//! Colony zero: what belongs to the server itself. Its id, and the list of colonies.

pub mod actor;
pub mod add_colony;
pub mod change_id;
pub mod checkpoints;
pub mod cluster;
pub mod directory;
pub mod list_colonies;
pub mod message;
pub mod open;
pub mod remove_colony;
pub mod state;
pub mod statistics;
