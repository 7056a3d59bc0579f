//! What crons and generators have in common: a workflow that is kept as text, and in whose name it is started.

use super::Colony;
use super::processes::Submission;
use super::workflows::spec::WorkflowSpec;
use super::workflows::{GraphSubmission, SubmittedNode};
use crate::crypto::Identity;
use crate::ids::{GraphId, IdSource, ProcessId};
use crate::json;
use crate::refusal::Refusal;
use crate::time::Nanos;
use bincode::{Decode, Encode};

/// Who added a cron or a generator: its workflows are submitted in this name.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Starter {
    /// The id; follows when the key changes.
    pub id: Identity,
    /// The name at that time.
    pub name: Box<str>,
    /// Whether nothing starts any more when it is no user of the colony: so it is with what a user added, while what a
    /// removed executor added goes on (chapter 3, 6.2), and so do the crons of blueprints (chapter 5, 11).
    pub must_be_member: bool,
}

impl Colony {
    /// The caller as the one who adds something that starts workflows.
    pub(crate) fn starter(&self, caller: &Identity) -> Option<Starter> {
        let name = self.state.initiator_name(caller)?;
        let must_be_member = self.state.executors.acting(caller).is_none();
        Some(Starter { id: caller.clone(), name: name.into(), must_be_member })
    }

    /// Checks a workflow's text in full, so that what is added can be started.
    ///
    /// # Errors
    /// 400 with the texts of a submit, and our own for what is no workflow or names another colony.
    pub(crate) fn check_workflow(&self, text: &str, prefix: &str) -> Result<(), Refusal> {
        if text.contains('\0') {
            return Err(Refusal::bad_request(format!("{prefix}, workflowspec contains a zero byte")));
        }
        let bounds = self.options.bounds;
        let spec = match json::decode_within::<Option<Box<WorkflowSpec>>>(text.as_bytes(), bounds.list_elements) {
            Ok(Some(spec)) => spec,
            Ok(None) => return Err(Refusal::bad_request(format!("{prefix}, workflowspec is null"))),
            Err(error) => return Err(Refusal::bad_request(format!("{prefix}, workflowspec can't be read: {error}"))),
        };
        // Else a member of this colony could start workflows in another one.
        if !spec.colonyname.is_empty() && spec.colonyname != *self.state.name {
            return Err(Refusal::bad_request(format!(
                "{prefix}, the workflow is for Colony with name <{}> and not for <{}>",
                spec.colonyname, self.state.name
            )));
        }
        let checked = spec.into_nodes(&Identity::default(), "", bounds, || ProcessId([0; 32]));
        checked.map(drop).map_err(|refusal| Refusal::bad_request(refusal.message))
    }

    /// A workflow that begins now, from its kept text.
    ///
    /// # Errors
    /// Why it can't be started now.
    pub(crate) fn make_graph(
        &self,
        text: &str,
        starter: &Starter,
        now: Nanos,
        ids: &mut dyn IdSource,
    ) -> Result<GraphSubmission, Refusal> {
        if starter.must_be_member && self.state.users.by_id(&starter.id).is_none() {
            return Err(Refusal::odd(format!("the user {} who added it is not in the colony any more", starter.name)));
        }
        let bounds = self.options.bounds;
        let spec: WorkflowSpec = json::decode_within(text.as_bytes(), bounds.list_elements)
            .map_err(|error| Refusal::odd(format!("its workflowspec can't be read: {error}")))?;
        self.check_room(spec.functionspecs.len())?;
        let incarnation = self.state.incarnation;
        let id = GraphId::new(incarnation, now, ids.random());
        let fresh = || ProcessId::new(incarnation, now, ids.random());
        let nodes = spec.into_nodes(&starter.id, &starter.name, bounds, fresh)?;
        self.check_bytes(nodes.iter().map(|SubmittedNode { process, .. }| weight(process)).sum())?;
        Ok(GraphSubmission { id, initiator: starter.id.clone(), initiator_name: starter.name.to_string(), nodes })
    }
}

fn weight(process: &Submission) -> usize {
    process.spec.bytes() + process.env.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
}
