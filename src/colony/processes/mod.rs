//! Processes: the work itself (chapter 2).

mod alike;
pub mod assign;
pub mod cancel;
pub mod close_failed;
pub mod close_successful;
pub mod get;
pub mod history;
pub mod list;
mod lists;
mod model;
pub mod queue;
pub mod remove;
pub mod remove_all;
mod rendering;
pub mod resources;
pub mod set_output;
pub mod spec;
pub mod spec_request;
mod store;
pub mod submit;
mod transitions;

pub use alike::Alike;
pub use lists::ListFilter;
pub use model::{Process, ProcessAnswer, ProcessState, ShownProcess};
pub use rendering::Rendering;
pub use store::{Closed, Processes, Turned};

use super::attributes::Attribute;
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::json::RawJson;
use bincode::{Decode, Encode};
use spec::FunctionSpec;
use spec_request::Environment;
use std::sync::Arc;

/// What happens to processes. What follows from the state alone (deadlines, retries, statistics) is computed in
/// `apply` and not recorded.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum ProcessEvent {
    /// A process was submitted.
    Submitted(Box<Submission>),
    /// It was given to an executor.
    Assigned {
        /// Which process.
        id: ProcessId,
        /// To whom.
        executor: Identity,
    },
    /// The assignment never reached its executor: the process has its place back, and it cost no retry.
    Revoked(ProcessId),
    /// Its executor closed it as successful.
    ClosedSuccessful {
        /// Which process.
        id: ProcessId,
        /// Its output, where one was given.
        out: Option<RawJson>,
    },
    /// Its executor closed it as failed.
    ClosedFailed {
        /// Which process.
        id: ProcessId,
        /// Why.
        errors: Vec<String>,
    },
    /// Its output was set, while it runs or by a repeated close.
    OutputSet {
        /// Which process.
        id: ProcessId,
        /// The output.
        out: RawJson,
    },
    /// It was cancelled.
    Cancelled(ProcessId),
    /// It waited too long.
    WaitExpired(ProcessId),
    /// Its attempt ran too long: it waits again, or fails when its retries are used up.
    ExecExpired(ProcessId),
    /// It was removed.
    Removed(ProcessId),
    /// It got an attribute, or another value for one that an earlier attempt set.
    AttributeAdded {
        /// Which process.
        id: ProcessId,
        /// The attribute.
        attribute: Attribute,
    },
}

impl ProcessEvent {
    /// Whether this can happen to a process in this state. What one record decided together may have become void by its
    /// own beginning: the failure of a node ends others of its workflow that were to expire in the same turn.
    pub fn suits(&self, state: ProcessState) -> bool {
        match self {
            ProcessEvent::Revoked(_) | ProcessEvent::ExecExpired(_) => state == ProcessState::Running,
            ProcessEvent::WaitExpired(_) => state == ProcessState::Waiting,
            _ => true,
        }
    }

    /// The process whose state this changes.
    pub fn process(&self) -> Option<ProcessId> {
        match self {
            ProcessEvent::Assigned { id, .. }
            | ProcessEvent::Revoked(id)
            | ProcessEvent::ClosedSuccessful { id, .. }
            | ProcessEvent::ClosedFailed { id, .. }
            | ProcessEvent::Cancelled(id)
            | ProcessEvent::WaitExpired(id)
            | ProcessEvent::ExecExpired(id) => Some(*id),
            ProcessEvent::Submitted(_)
            | ProcessEvent::OutputSet { .. }
            | ProcessEvent::Removed(_)
            | ProcessEvent::AttributeAdded { .. } => None,
        }
    }
}

/// A process as it begins.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Submission {
    /// Its id.
    pub id: ProcessId,
    /// Who submitted it.
    pub initiator: Identity,
    /// Under what name.
    pub initiator_name: Arc<str>,
    /// What it is to do.
    pub spec: Arc<FunctionSpec>,
    /// Its environment.
    pub env: Environment,
}

impl Submission {
    /// Shares what never changes with the one before, where they are alike.
    pub fn share(&mut self, alike: &mut Alike) {
        alike.share(&mut self.spec, &mut self.initiator_name);
    }

    /// What the user "u" submits with this specification, in JSON.
    #[cfg(test)]
    pub(crate) fn sample(id: ProcessId, spec: &str) -> Submission {
        let request: spec_request::SpecRequest = crate::json::decode(spec.as_bytes()).expect("a specification");
        let (spec, env) = request.into_spec().expect("a good specification");
        Submission { id, initiator: Identity::from_text("u"), initiator_name: "u".into(), spec: Arc::new(spec), env }
    }
}
