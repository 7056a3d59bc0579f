//! The cron object (chapter 3, 2.5).

use crate::colony::schedule::Starter;
use crate::colony::table::Keyed;
use crate::ids::{CronId, GraphId};
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// A cron as it is kept.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Cron {
    /// Its id.
    pub id: CronId,
    /// Who added it, and so submits its workflows.
    pub starter: Starter,
    /// Unique within the colony; may be empty.
    pub name: Arc<str>,
    /// When it starts, unless it has an interval.
    pub expression: Arc<str>,
    /// Seconds from start to start; -1 where the expression counts.
    pub interval: i32,
    /// Whether it starts at a random moment of each interval.
    pub random: bool,
    /// Whether it waits for its previous workflow to end.
    pub waits: bool,
    /// The workflow's specification as it was sent, JSON.
    pub workflow: Arc<str>,
    /// When it starts next; unset is never.
    pub next_run: Time,
    /// When it last started.
    pub last_run: Time,
    /// The workflow that it started last.
    pub previous: Option<GraphId>,
    /// Where its intervals are counted from: crons that were added at different times keep their distance.
    pub anchor: Time,
}

impl Keyed for Cron {
    type Key = CronId;
    fn key(&self) -> &CronId {
        &self.id
    }
}

/// A cron as it is shown.
pub struct CronAnswer {
    /// The cron.
    pub cron: Cron,
    /// The colony's name.
    pub colony: Arc<str>,
    /// Milliseconds; 0 in all replies but one.
    pub checker_period: u32,
}

impl Serialize for CronAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cron = &self.cron;
        let mut shown = serializer.serialize_struct("cron", 14)?;
        shown.serialize_field("cronid", &cron.id)?;
        shown.serialize_field("initiatorid", &cron.starter.id)?;
        shown.serialize_field("initiatorname", &cron.starter.name)?;
        shown.serialize_field("colonyname", &self.colony)?;
        shown.serialize_field("name", &cron.name)?;
        shown.serialize_field("cronexpression", &cron.expression)?;
        shown.serialize_field("interval", &cron.interval)?;
        shown.serialize_field("random", &cron.random)?;
        shown.serialize_field("nextrun", &cron.next_run)?;
        shown.serialize_field("lastrun", &cron.last_run)?;
        shown.serialize_field("workflowspec", &cron.workflow)?;
        match &cron.previous {
            Some(graph) => shown.serialize_field("prevprocessgraphid", graph)?,
            None => shown.serialize_field("prevprocessgraphid", "")?,
        }
        shown.serialize_field("waitforprevprocessgraph", &cron.waits)?;
        shown.serialize_field("checkerperiod", &self.checker_period)?;
        shown.end()
    }
}
