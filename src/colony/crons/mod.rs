//! Crons: workflows that start by the clock (chapter 3, 6 and 7).

pub mod add;
mod duration;
pub mod expression;
pub mod get;
pub mod list;
mod model;
pub mod next;
pub mod remove;
pub mod rhythm;
pub mod run;
pub mod start;
mod store;
#[cfg(test)]
mod tests;

pub use model::{Cron, CronAnswer};
pub use store::Crons;

use super::workflows::GraphSubmission;
use crate::ids::CronId;
use crate::time::Time;
use bincode::{Decode, Encode};

/// What happens to crons. Times are in the events, so that what is read back does not depend on the zone data of the
/// program that reads it, and no time comes twice.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum CronEvent {
    /// A cron was added.
    Added(Box<Cron>),
    /// It started its workflow.
    Started(Box<CronStart>),
    /// It was removed; what it started goes on.
    Removed(CronId),
}

/// One start of a cron's workflow.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct CronStart {
    /// Which cron.
    pub id: CronId,
    /// The workflow. The input of its roots follows from the previous one's output and is not recorded.
    pub graph: GraphSubmission,
    /// When the next one starts; unset is never.
    pub next: Time,
    /// Where its intervals are counted from.
    pub anchor: Time,
}
