//! How a process goes from one state to the next (chapter 2, 3.2). Where it stands in queues and lists is the store's
//! business.

use super::store::Closed;
use super::{Alike, Process, ProcessState, Submission};
use crate::colony::attributes::{Attribute, ENV};
use crate::crypto::Identity;
use crate::json::RawJson;
use crate::time::{Nanos, Time};
use std::sync::{Arc, LazyLock};

/// Nanoseconds that one step of priority is worth: a day (chapter 2, 3.1).
const PRIORITY_STEP: i64 = 86_400 * 1_000_000_000;

/// About how many bytes of memory a process takes in the table, lists and queues, whatever it is.
const PROCESS_BYTES: usize = 1_024;

/// What most processes have is there once for all of them.
static NO_ATTRIBUTES: LazyLock<Arc<Vec<Attribute>>> = LazyLock::new(Arc::default);
static NO_ERRORS: LazyLock<Arc<[String]>> = LazyLock::new(|| Arc::new([]));

impl Process {
    /// Shares what is there once for all, and what never changes with the process before, after it was read.
    pub fn share(&mut self, alike: &mut Alike) {
        alike.share(&mut self.spec, &mut self.initiator_name);
        if self.attributes.is_empty() {
            self.attributes = NO_ATTRIBUTES.clone();
        }
        if self.errors.is_empty() {
            self.errors = NO_ERRORS.clone();
        }
    }

    pub(super) fn submitted(submission: Submission, colony: &Arc<str>, now: Nanos, number: u64) -> Process {
        let Submission { id, initiator, initiator_name, spec, env } = submission;
        let at = Time::from_nanos(now);
        let attributes = env.into_iter().map(|(key, value)| Attribute {
            target_colony_name: colony.clone(),
            state: 0,
            kind: ENV,
            key,
            value,
            attempt: 0,
        });
        let attributes: Vec<Attribute> = attributes.collect();
        let weight = PROCESS_BYTES + spec.bytes() + attributes.iter().map(Attribute::bytes).sum::<usize>();
        let max_wait = spec.max_wait_seconds;
        Process {
            id,
            initiator,
            initiator_name,
            state: ProcessState::Waiting,
            is_assigned: false,
            executor: None,
            priority_time: now.saturating_sub(i64::from(spec.priority).saturating_mul(PRIORITY_STEP)),
            submitted: at,
            started: Time::UNSET,
            ended: Time::UNSET,
            wait_deadline: deadline(at, max_wait),
            exec_deadline: Time::UNSET,
            retries: 0,
            attempt: 0,
            spec,
            attributes: if attributes.is_empty() { NO_ATTRIBUTES.clone() } else { Arc::new(attributes) },
            graph: None,
            waits_for_parents: false,
            input: RawJson::empty_list(),
            out: RawJson::empty_list(),
            errors: NO_ERRORS.clone(),
            changed: number,
            weight,
        }
    }

    pub(super) fn assign(&mut self, executor: Identity, at: Time) {
        self.state = ProcessState::Running;
        self.is_assigned = true;
        self.executor = Some(executor);
        self.started = at;
        self.attempt += 1;
        self.exec_deadline = deadline(at, self.spec.max_exec_seconds);
        self.mark_attributes(1);
    }

    pub(super) fn revoke(&mut self) {
        self.release();
        self.exec_deadline = Time::UNSET;
        self.mark_attributes(0);
    }

    pub(super) fn release(&mut self) {
        self.state = ProcessState::Waiting;
        self.is_assigned = false;
        self.executor = None;
        self.started = Time::UNSET;
        self.ended = Time::UNSET;
    }

    pub(super) fn end(&mut self, state: ProcessState, at: Time) {
        self.state = state;
        self.ended = at;
        self.mark_attributes(state as i64);
    }

    pub(super) fn fail(&mut self, errors: Arc<[String]>, at: Time) {
        self.end(ProcessState::Failed, at);
        self.errors = errors;
    }

    pub(super) fn run_out_of_time(&mut self, at: Time) {
        let tried_enough = u32::try_from(self.spec.max_retries).is_ok_and(|most| self.retries >= most);
        if tried_enough {
            self.fail(Arc::new(["Maximum execution time limit exceeded".to_owned()]), at);
            return;
        }
        self.state = ProcessState::Waiting;
        self.is_assigned = false;
        self.executor = None;
        self.ended = at;
        self.retries = self.retries.saturating_add(1);
        self.wait_deadline = deadline(at, self.spec.max_wait_seconds);
        self.mark_attributes(0);
    }

    /// Attributes follow their process (chapter 2, 8).
    pub(super) fn mark_attributes(&mut self, state: i64) {
        if !self.attributes.is_empty() {
            for attribute in Arc::make_mut(&mut self.attributes) {
                attribute.state = state;
            }
        }
    }

    pub(super) fn closed(&self) -> Option<Closed> {
        Some(Closed {
            executor: self.executor.clone()?,
            function: self.spec.func_name.clone(),
            waited: self.started.seconds_since(self.submitted),
            ran: self.ended.seconds_since(self.started),
        })
    }
}

/// So many seconds after `at`; 0 or less is no limit.
fn deadline(at: Time, seconds: i32) -> Time {
    if seconds > 0 { at.plus_seconds(seconds.into()) } else { Time::UNSET }
}
