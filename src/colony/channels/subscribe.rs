//! Those who listen to a channel (chapter 4, 6.5).

use super::{Entry, find, is_party, read, unknown_process};
use crate::colony::subscriptions::{Notice, Said, Subject, Subscriber};
use crate::colony::{Colony, access};
use crate::crypto::Identity;
use crate::ids::ProcessId;
use crate::refusal::Refusal;
use std::sync::Arc;

fn not_a_party() -> Refusal {
    Refusal::forbidden("Not authorized to subscribe to channel")
}

impl Colony {
    /// What there is already of a channel, but for the first `after` entries, for someone who is about to listen to it.
    ///
    /// # Errors
    /// The refusals of chapter 4, 6.5.
    pub(crate) fn backlog(
        &self,
        process: &ProcessId,
        name: &str,
        after: i64,
        listener: &Identity,
    ) -> Result<Vec<Arc<Entry>>, Refusal> {
        let process = self.state.processes.get(process).ok_or_else(unknown_process)?;
        if !self.state.is_member(listener) {
            return Err(access::not_a_member(&self.state.name));
        }
        // One text for all reasons here.
        find(process, name).map_err(|_| Refusal::not_found("Channel not found"))?;
        if !is_party(process, listener) {
            return Err(not_a_party());
        }
        Ok(read::range(self.channels.log(&process.id, name), after, 0).to_vec())
    }

    /// Passes a new entry on to those who listen. What is in memory only waits for no record.
    pub(crate) fn tell_channel(&mut self, process: &ProcessId, name: &str, entry: &Arc<Entry>) {
        let subject = Subject::Channels(*process);
        let listeners = self.subscriptions.on(&subject).filter(|one| one.is_to_channel(name));
        let notice = |to: Arc<dyn Subscriber>| Notice { to, said: Said::Entry(entry.clone()) };
        let notices: Vec<_> = listeners.map(|one| notice(one.subscriber.clone())).collect();
        self.subscriptions.add_notices(notices);
    }

    /// A process has ended or is gone: so have its channels, and whoever listened hears that.
    pub(crate) fn close_channels(&mut self, process: &ProcessId, notices: &mut Vec<Notice>) {
        self.channels.close(process);
        for one in self.subscriptions.remove_on(&Subject::Channels(*process), |_| true) {
            notices.push(Notice { to: one.subscriber, said: Said::Closed });
        }
    }

    /// An executor has lost a process that goes on: it hears no more.
    pub(crate) fn end_listening(&mut self, process: &ProcessId, notices: &mut Vec<Notice>) {
        let Some(process) = self.state.processes.get(process).filter(|process| !process.state.is_final()) else {
            return;
        };
        let has_lost = |listener: &Identity| !is_party(process, listener);
        let subject = Subject::Channels(process.id);
        for one in self.subscriptions.remove_on(&subject, |one| has_lost(&one.identity)) {
            notices.push(Notice { to: one.subscriber, said: Said::Refused(not_a_party()) });
        }
    }
}
