//! The generator object (chapter 3, 2.4).

use crate::colony::schedule::Starter;
use crate::colony::table::Keyed;
use crate::ids::GeneratorId;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a generator is to do. Never changes but for its starter's key.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct GeneratorSpec {
    /// Its id.
    pub id: GeneratorId,
    /// Who added it, and so submits its workflows.
    pub starter: Starter,
    /// Unique within the colony; may be empty.
    pub name: Arc<str>,
    /// The workflow's specification as it was sent, JSON.
    pub workflow: Arc<str>,
    /// How many arguments start one workflow.
    pub trigger: i32,
    /// Seconds after which fewer are enough; 0 or less is never.
    pub timeout: i32,
}

/// A generator as it is kept.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Generator {
    /// What it is to do.
    pub spec: GeneratorSpec,
    /// When it got its first argument ever.
    pub first_pack: Time,
    /// When it last started.
    pub last_run: Time,
    /// Arguments that wait, the oldest first.
    pub queue: VecDeque<Box<str>>,
    /// Since when any has waited.
    pub waiting_since: Time,
}

impl Keyed for Generator {
    type Key = GeneratorId;
    fn key(&self) -> &GeneratorId {
        &self.spec.id
    }
}

impl Generator {
    /// About how many bytes of memory it and its arguments take.
    pub fn bytes(&self) -> usize {
        weight(&self.spec) + self.queue.iter().map(|arg| arg_weight(arg)).sum::<usize>()
    }

    /// Arguments that start one workflow.
    pub fn trigger(&self) -> usize {
        usize::try_from(self.spec.trigger).unwrap_or(usize::MAX).max(1)
    }

    /// When it is to start without another argument: at once where it has enough, else at its timeout.
    ///
    /// The timeout counts from the last start, or from the first argument ever. An argument that comes after it waits
    /// `grace` milliseconds, about as long as for the reference's checker, so that those right behind it go along.
    pub fn due(&self, grace: u32) -> Option<Time> {
        if self.queue.is_empty() {
            return None;
        }
        if self.queue.len() >= self.trigger() {
            return Some(self.waiting_since);
        }
        let base = if self.last_run.is_set() { self.last_run } else { self.first_pack };
        let at_timeout = base.plus_seconds(i64::from(self.spec.timeout));
        let after_grace = self.waiting_since.plus_micros(i64::from(grace) * 1_000);
        (self.spec.timeout > 0).then(|| at_timeout.max(after_grace))
    }
}

/// A generator as it is shown.
pub struct GeneratorAnswer {
    spec: GeneratorSpec,
    colony: Arc<str>,
    first_pack: Time,
    last_run: Time,
    queue_size: usize,
    checker_period: u32,
}

impl GeneratorAnswer {
    /// A generator as most replies have it: without its queue's size.
    pub fn plain(generator: &Generator, colony: &Arc<str>) -> GeneratorAnswer {
        let &Generator { ref spec, first_pack, last_run, .. } = generator;
        GeneratorAnswer {
            spec: spec.clone(),
            colony: colony.clone(),
            first_pack,
            last_run,
            queue_size: 0,
            checker_period: 0,
        }
    }

    /// With its queue's size and this period.
    pub fn full(generator: &Generator, colony: &Arc<str>, checker_period: u32) -> GeneratorAnswer {
        let plain = GeneratorAnswer::plain(generator, colony);
        GeneratorAnswer { queue_size: generator.queue.len(), checker_period, ..plain }
    }
}

impl Serialize for GeneratorAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spec = &self.spec;
        let mut shown = serializer.serialize_struct("generator", 12)?;
        shown.serialize_field("generatorid", &spec.id)?;
        shown.serialize_field("initiatorid", &spec.starter.id)?;
        shown.serialize_field("initiatorname", &spec.starter.name)?;
        shown.serialize_field("colonyname", &self.colony)?;
        shown.serialize_field("name", &spec.name)?;
        shown.serialize_field("workflowspec", &spec.workflow)?;
        shown.serialize_field("trigger", &spec.trigger)?;
        shown.serialize_field("timeout", &spec.timeout)?;
        shown.serialize_field("firstpack", &self.first_pack)?;
        shown.serialize_field("lastrun", &self.last_run)?;
        shown.serialize_field("queuesize", &self.queue_size)?;
        shown.serialize_field("checkerperiod", &self.checker_period)?;
        shown.end()
    }
}

/// Bytes that a waiting argument takes, about.
pub(super) fn arg_weight(arg: &str) -> usize {
    arg.len() + 32
}

/// Bytes that a generator without arguments takes, about.
pub(super) fn weight(spec: &GeneratorSpec) -> usize {
    size_of::<Generator>() + spec.name.len() * 2 + spec.workflow.len() + 128
}
