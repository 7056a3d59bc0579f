//! Which finished records go to the store, and when. What waits is no part of the state: it follows from it.

use super::{Archived, HistoryEvent, Missing, ProcessRecord, Removal, WorkflowRecord, is_over, is_past};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::colony::logs::LogLine;
use crate::colony::matching::Moment;
use crate::ids::{GraphId, Incarnation, ProcessId};
use crate::limits;
use crate::map::HashSet;
use crate::time::{Nanos, micros};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What is written to the store at once.
#[derive(Debug)]
pub struct Batch {
    /// Whose it is.
    pub of: Incarnation,
    /// Its number.
    pub number: u64,
    /// What is to be forgotten, before anything is added.
    pub removals: Vec<Removal>,
    /// Finished processes.
    pub processes: Vec<ProcessRecord>,
    /// Finished workflows with their processes.
    pub workflows: Vec<(WorkflowRecord, Vec<ProcessRecord>)>,
    /// Log lines, the oldest first.
    pub lines: Vec<Arc<LogLine>>,
    /// Whether more waits already for this one to be written.
    pub has_more: bool,
}

impl Batch {
    /// How many records and lines it has, and how many it removes.
    pub fn len(&self) -> usize {
        let of_workflows: usize = self.workflows.iter().map(|(_, nodes)| nodes.len() + 1).sum();
        self.removals.len() + self.processes.len() + of_workflows + self.lines.len()
    }

    /// Bytes of its lines.
    pub fn text_bytes(&self) -> usize {
        self.lines.iter().map(|line| line.said.message.len()).sum()
    }

    /// Whether it removes any number of records, all of a state: that may take long.
    pub fn removes_many(&self) -> bool {
        self.removals.iter().any(|removal| matches!(removal, Removal::Processes(_) | Removal::Workflows(_)))
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What may leave memory.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Process(ProcessId),
    Workflow(GraphId),
}

/// A batch on its way.
#[derive(Debug)]
pub struct Selected {
    units: Vec<Unit>,
    /// The newest record when they were copied: what changed later is not what the store has.
    number: u64,
    batch: u64,
    lines_until: Nanos,
    removals: u32,
}

/// What waits to go to the store; times in microseconds of the clock that never leaps.
#[derive(Debug, Default)]
pub struct Archiving {
    /// Whether there is a store.
    is_on: bool,
    /// The earliest first.
    due: VecDeque<(u64, Unit)>,
    /// Workflows that are in `due`: much may happen to one before its time. A process is past once.
    queued: HashSet<GraphId>,
    under_way: Option<Selected>,
    /// Until then records that are due wait for more of them.
    next_of_records: u64,
    /// Until then lines and removals do.
    next_of_others: u64,
    /// After a failure: nothing is tried before.
    retry_at: u64,
    /// Whether more was due than the last batch took.
    has_more: bool,
}

impl Archiving {
    fn note(&mut self, unit: Unit, due: u64) {
        if !self.is_on {
            return;
        }
        let is_new = match unit {
            // To be here twice does no harm: the second time it is gone, or written once more.
            Unit::Process(_) => true,
            Unit::Workflow(id) => self.queued.insert(id),
        };
        if is_new {
            self.due.push_back((due, unit));
        }
    }

    /// Notes units that are due once more, before those whose time is still to come.
    fn note_again(&mut self, units: Vec<Unit>, due: u64) {
        // So it is nearly always, and what is still to come may be very many.
        if units.is_empty() {
            return;
        }
        let later = self.due.partition_point(|&(of, _)| of <= due);
        let later = self.due.split_off(later);
        units.into_iter().for_each(|unit| self.note(unit, due));
        self.due.extend(later);
    }

    /// How many processes are due, as far as a batch looks.
    fn due_processes(&self, now: u64) -> usize {
        let due = self.due.iter().take(limits::ARCHIVED_A_BATCH).take_while(|(due, _)| *due <= now);
        due.filter(|(_, unit)| matches!(unit, Unit::Process(_))).count()
    }

    /// The first one that is due.
    fn take_due(&mut self, now: u64) -> Option<Unit> {
        let &(_, unit) = self.due.front().filter(|(due, _)| *due <= now)?;
        self.due.pop_front();
        if let Unit::Workflow(id) = unit {
            self.queued.remove(&id);
        }
        Some(unit)
    }
}

impl Colony {
    /// Takes over what a state that was read back holds of the past.
    pub fn start_archiving(&mut self, monotonic: u64) {
        self.archiving.is_on = true;
        let alone = self.state.processes.iter().filter(|process| is_past(process));
        let alone: Vec<Unit> = alone.map(|process| Unit::Process(process.id)).collect();
        let workflows = self.state.workflows.iter().filter(|workflow| is_over(workflow));
        let workflows: Vec<Unit> = workflows.map(|workflow| Unit::Workflow(workflow.id)).collect();
        let due = self.archive_time(monotonic);
        alone.into_iter().chain(workflows).for_each(|unit| self.archiving.note(unit, due));
    }

    /// Notes what may be past from now on; whether it is is looked at when its time has come.
    pub(crate) fn note_past(&mut self, what: Missing, monotonic: u64) {
        let unit = match what {
            Missing::Process(id) if self.state.processes.get(&id).is_some_and(is_past) => Unit::Process(id),
            Missing::Workflow(id) => Unit::Workflow(id),
            Missing::Process(_) | Missing::Attribute(_) => return,
        };
        let due = self.archive_time(monotonic);
        self.archiving.note(unit, due);
    }

    fn archive_time(&self, monotonic: u64) -> u64 {
        monotonic.saturating_add(micros(self.options.archive_after))
    }

    /// When to look for the next batch.
    pub fn next_batch(&self, monotonic: u64) -> Option<u64> {
        if !self.archiving.is_on || self.archiving.under_way.is_some() {
            return None;
        }
        let removals = self.state.history.removals().len();
        let units = self.archiving.due.get(limits::ARCHIVED_A_BATCH - 1).is_some_and(|&(due, _)| due <= monotonic);
        let is_full = units || removals >= limits::ARCHIVED_A_BATCH || self.archiving.has_more;
        let paused = |until: u64| if is_full { 0 } else { until };
        let records = self.archiving.due.front().map(|&(due, _)| due.max(paused(self.archiving.next_of_records)));
        // Lines are due by the wall clock; that is looked at once an interval while there are any.
        let has_others = removals > 0 || !self.state.logs.is_empty();
        let others = has_others.then(|| monotonic.max(paused(self.archiving.next_of_others)));
        Some(records.into_iter().chain(others).min()?.max(self.archiving.retry_at))
    }

    /// The next batch, if anything is due.
    pub fn select_batch(&mut self, at: Moment) -> Option<Batch> {
        if self.next_batch(at.monotonic).is_none_or(|due| due > at.monotonic) {
            return None;
        }
        let mut batch = Batch {
            of: self.state.incarnation,
            number: self.state.history.batches() + 1,
            removals: self.state.history.removals().take(limits::REMOVALS_A_BATCH).cloned().collect(),
            processes: Vec::new(),
            workflows: Vec::new(),
            lines: Vec::new(),
            has_more: false,
        };
        let (mut units, mut records, mut bytes) = (Vec::new(), 0, 0);
        // Nothing is added before all that was removed until now is: a removal of all of a state must not meet what came
        // after it.
        let may_add = batch.removals.len() == self.state.history.removals().len();
        if may_add {
            // Records are large: to grow would move them all, into fresh memory.
            batch.processes.reserve_exact(self.archiving.due_processes(at.monotonic));
        }
        while may_add && records < limits::ARCHIVED_A_BATCH && bytes < limits::ARCHIVED_BYTES_A_BATCH {
            let Some(unit) = self.archiving.take_due(at.monotonic) else {
                break;
            };
            let Some(copied) = self.copy(unit, &mut batch) else {
                continue;
            };
            records += copied.0;
            bytes += copied.1;
            units.push(unit);
        }
        let after = Nanos::try_from(self.options.archive_after.as_nanos()).unwrap_or(Nanos::MAX);
        let until = at.now.saturating_sub(after);
        batch.lines = self.state.logs.first(until, limits::ARCHIVED_A_BATCH, limits::ARCHIVED_TEXT_A_BATCH);
        let last = batch.lines.last().map_or(0, |line| line.timestamp);
        let has_more_lines = !batch.lines.is_empty() && self.state.logs.has_between(last, until);
        let has_more_records = self.archiving.due.front().is_some_and(|(due, _)| *due <= at.monotonic);
        self.archiving.has_more = !may_add || has_more_records || has_more_lines;
        self.archiving.next_of_records = self.pause(limits::RECORDS_INTERVAL, at);
        self.archiving.next_of_others = self.pause(limits::LINES_INTERVAL, at);
        if batch.is_empty() {
            return None;
        }
        batch.has_more = self.archiving.has_more;
        self.archiving.under_way = Some(Selected {
            units,
            number: self.state.number,
            batch: batch.number,
            lines_until: last,
            // At most as many as go into a batch.
            removals: u32::try_from(batch.removals.len()).unwrap_or(u32::MAX),
        });
        Some(batch)
    }

    /// When so much time has passed; less where nothing stays in memory for so long.
    fn pause(&self, interval: Duration, at: Moment) -> u64 {
        let interval = self.options.archive_after.min(interval);
        at.monotonic.saturating_add(micros(interval))
    }

    /// Copies a unit into a batch if it is still past, and says how many records and bytes that were.
    fn copy(&self, unit: Unit, batch: &mut Batch) -> Option<(usize, usize)> {
        match unit {
            Unit::Process(id) => {
                let record = self.state.process_record(&id).filter(|record| is_past(&record.process))?;
                let bytes = weight(&record);
                batch.processes.push(record);
                Some((1, bytes))
            }
            Unit::Workflow(id) => {
                let workflow = self.state.workflows.get(&id).filter(|workflow| is_over(workflow))?;
                if self.state.crons.has_previous(&id) {
                    return None;
                }
                let record = workflow.record(self.state.workflows.number(&id)?);
                let nodes: Vec<ProcessRecord> =
                    record.nodes.iter().filter_map(|node| self.state.process_record(&node.id)).collect();
                let bytes = nodes.iter().map(weight).sum();
                let count = nodes.len() + 1;
                batch.workflows.push((record, nodes));
                Some((count, bytes))
            }
        }
    }

    /// The store has synced the batch that is under way, or could not: what happens then.
    pub fn batch_written(&mut self, has_worked: bool, monotonic: u64) -> Vec<Event> {
        let Some(selected) = self.archiving.under_way.take() else {
            return Vec::new();
        };
        if !has_worked {
            let retry = micros(limits::ARCHIVE_RETRY);
            self.archiving.retry_at = monotonic.saturating_add(retry);
            self.archiving.note_again(selected.units, monotonic);
            return Vec::new();
        }
        let mut archived = Archived {
            batch: selected.batch,
            processes: Vec::new(),
            workflows: Vec::new(),
            lines_until: selected.lines_until,
            removals: selected.removals,
        };
        // What changed meanwhile the store gets again.
        let mut changed = Vec::new();
        for unit in selected.units {
            let is_unchanged = match unit {
                Unit::Process(id) => self.process_is_as_of(&id, selected.number),
                Unit::Workflow(id) => self.workflow_is_as_of(&id, selected.number),
            };
            let numbers = match unit {
                Unit::Process(id) => self.state.processes.number(&id).map(|n| (n, &mut archived.processes)),
                Unit::Workflow(id) => self.state.workflows.number(&id).map(|n| (n, &mut archived.workflows)),
            };
            match numbers {
                Some((number, list)) if is_unchanged => list.push(number),
                Some(_) => changed.push(unit),
                None => {}
            }
        }
        self.archiving.note_again(changed, monotonic);
        vec![Event::History(HistoryEvent::Archived(Box::new(archived)))]
    }

    fn process_is_as_of(&self, id: &ProcessId, number: u64) -> bool {
        self.state.processes.get(id).is_some_and(|process| process.changed <= number)
    }

    fn workflow_is_as_of(&self, id: &GraphId, number: u64) -> bool {
        let workflow = self.state.workflows.get(id).filter(|workflow| workflow.changed <= number);
        workflow.is_some_and(|workflow| {
            !self.state.crons.has_previous(id) && workflow.node_ids().all(|node| self.process_is_as_of(node, number))
        })
    }
}

/// About how many bytes a record is written as. Inputs are shared in memory, and written each.
fn weight(record: &ProcessRecord) -> usize {
    record.process.bytes() + record.process.input.text().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::logs::LogEvent;
    use crate::colony::processes::{ProcessEvent, Submission};
    use crate::colony::state::State;

    const SECOND: u64 = 1_000_000;

    fn at(seconds: u64) -> Moment {
        let wall = 1_700_000_000 + i64::try_from(seconds).expect("a time");
        Moment { now: wall * 1_000_000_000, monotonic: seconds * SECOND, number: 1 }
    }

    fn colony() -> Colony {
        colony_that_keeps(limits::ARCHIVE_AFTER)
    }

    fn colony_that_keeps(archive_after: Duration) -> Colony {
        let options = Options { archive_after, ..Options::default() };
        let mut colony = Colony::new(State::default(), Arc::new(options));
        colony.start_archiving(0);
        colony
    }

    fn id_of(number: usize) -> ProcessId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        ProcessId(id)
    }

    /// A process with an argument of so many bytes that ends at this second.
    fn end(colony: &mut Colony, number: usize, bytes: usize, second: u64) {
        let request = format!(r#"{{"args":["{}"]}}"#, "x".repeat(bytes));
        let id = id_of(number);
        for event in [ProcessEvent::Submitted(Box::new(Submission::sample(id, &request))), ProcessEvent::Cancelled(id)]
        {
            colony.apply(Event::Process(event), at(second).now, 1);
        }
        colony.note_past(Missing::Process(id), at(second).monotonic);
    }

    /// In which of these seconds batches are written, and how many records and lines each has.
    fn batches(colony: &mut Colony, seconds: std::ops::Range<u64>) -> Vec<(u64, usize)> {
        let mut written = Vec::new();
        for second in seconds {
            while let Some(batch) = colony.select_batch(at(second)) {
                written.push((second, batch.len()));
                for event in colony.batch_written(true, at(second).monotonic) {
                    colony.apply(event, at(second).now, 2);
                }
            }
            let next = colony.next_batch(at(second).monotonic);
            assert!(next.is_none_or(|due| due > at(second).monotonic), "it would be looked at again and again");
        }
        written
    }

    #[test]
    fn what_ends_little_by_little_goes_together() {
        let mut colony = colony();
        (0..10).for_each(|second| end(&mut colony, second, 10, second as u64));
        // The first one at its time, and those of five seconds after that.
        assert_eq!(batches(&mut colony, 0..30), [(5, 1), (10, 5), (15, 4)]);
        assert_eq!(colony.next_batch(at(30).monotonic), None);
    }

    #[test]
    fn what_does_not_fit_into_a_batch_goes_right_after_it() {
        let mut colony = colony();
        end(&mut colony, 0, 10, 0);
        (1..7).for_each(|number| end(&mut colony, number, limits::ARCHIVED_BYTES_A_BATCH / 2, 3));
        assert_eq!(batches(&mut colony, 0..30), [(5, 1), (10, 2), (10, 2), (10, 2)]);
    }

    #[test]
    fn lines_do_not_wait_so_long_and_take_along_what_is_due() {
        let mut colony = colony();
        for second in 0..4 {
            end(&mut colony, second as usize, 10, second);
            let said = LogEvent { process: None, executor: "e".into(), message: "said".into() };
            colony.apply(Event::Log(said), at(second).now, 1);
        }
        assert_eq!(batches(&mut colony, 0..30), [(5, 2), (6, 2), (7, 2), (8, 2)]);
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_before_what_is_not_due() {
        let mut colony = colony_that_keeps(Duration::from_secs(60));
        for number in 0..limits::ARCHIVED_A_BATCH {
            end(&mut colony, number, 10, 0);
        }
        end(&mut colony, limits::ARCHIVED_A_BATCH, 10, 50);
        let said = LogEvent { process: None, executor: "e".into(), message: "said".into() };
        colony.apply(Event::Log(said), at(55).now, 1);
        assert!(colony.select_batch(at(60)).is_some_and(|batch| batch.len() == limits::ARCHIVED_A_BATCH));
        assert!(colony.batch_written(false, at(60).monotonic).is_empty());
        // Five seconds after that; then the others at their times.
        let expected = [(65, limits::ARCHIVED_A_BATCH), (110, 1), (115, 1)];
        assert_eq!(batches(&mut colony, 61..130), expected);
    }

    #[test]
    fn more_removals_than_a_batch_has_go_right_after_it() {
        let mut colony = colony();
        for _ in 0..=limits::REMOVALS_A_BATCH {
            colony.apply(Event::History(HistoryEvent::ProcessesCleared(None)), at(0).now, 1);
        }
        assert_eq!(batches(&mut colony, 1..9), [(1, limits::REMOVALS_A_BATCH), (1, 1)]);
    }
}
