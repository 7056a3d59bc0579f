//! The start of a cron's workflow (chapter 3, 6.1, 6.3 and 6.5).

use super::rhythm::next_run;
use super::{Cron, CronEvent, CronStart};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::ids::{GraphId, IdSource};
use crate::refusal::Refusal;
use crate::time::{Nanos, Time};

/// What comes of a cron whose time has come.
pub enum CronTurn {
    /// Its workflow starts.
    Start(Event),
    /// It waits for this workflow to end.
    Blocked(GraphId),
    /// Its workflow can't be started now.
    Failed(Refusal),
}

impl Colony {
    /// Starts a cron, unless it must wait for its previous workflow: one that was cancelled or removed has ended too.
    /// A start by hand begins a new interval.
    pub(crate) fn start_cron(&self, cron: &Cron, now: Nanos, by_hand: bool, ids: &mut dyn IdSource) -> CronTurn {
        let previous = cron.previous.and_then(|graph| self.state.workflows.get(&graph));
        if let Some(previous) = previous.filter(|previous| cron.waits && !previous.state.is_final()) {
            return CronTurn::Blocked(previous.id);
        }
        let graph = match self.make_graph(&cron.workflow, &cron.starter, now, ids) {
            Ok(graph) => graph,
            Err(refusal) => return CronTurn::Failed(refusal),
        };
        let now = Time::from_nanos(now);
        let anchor = if by_hand { now } else { cron.anchor };
        let next = next_run(&Cron { anchor, ..cron.clone() }, now, &self.options.zone, ids.random());
        let start = CronStart { id: cron.id, graph, next, anchor };
        CronTurn::Start(Event::Cron(CronEvent::Started(Box::new(start))))
    }
}
