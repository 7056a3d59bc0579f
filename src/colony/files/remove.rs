//! `removefilemsg`: a member removes a revision, or a file with all its revisions (chapter 4, 3.7).
//!
//! Snapshots that name them stay as they are.

use super::FileEvent;
use crate::colony::Colony;
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Gradual, Texts, Turn};
use crate::ids::FileId;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;
use wal::Class;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RemoveFile {
    colonyname: String,
    fileid: String,
    label: String,
    name: String,
}

impl ColonyMessage for RemoveFile {
    const NAME: &'static str = "removefilemsg";
    const TEXTS: Texts = texts!("Failed to remove file");
    const ACCESS: Access = Access::Member;
    const CLASS: Class = Class::Essential;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let files = &turn.colony.state.files;
        if !self.fileid.is_empty() {
            let known = FileId::from_text(&self.fileid).filter(|id| files.get(id).is_some());
            return Ok(Decision::done(known.map(|id| Event::File(FileEvent::Removed(id))).into_iter().collect()));
        }
        let RemoveFile { label, name, .. } = self;
        if label.is_empty() || name.is_empty() {
            return Err(Refusal::bad_request("malformatted remove file msg"));
        }
        match files.revisions(&label, &name) {
            [] => Ok(Decision::done(Vec::new())),
            all @ [.., newest] => {
                let (many, newest) = (all.len() > limits::REMOVALS_A_TURN, newest.sequencenr);
                let mut removal = Removal { label, name, newest };
                if many {
                    return Ok(Decision::Gradually(Box::new(removal)));
                }
                Ok(Decision::done(removal.step(turn.colony).0))
            }
        }
    }
}

/// The revisions of a file that were there when the request came; what is added meanwhile stays.
struct Removal {
    label: String,
    name: String,
    newest: u64,
}

impl Gradual for Removal {
    fn step(&mut self, colony: &Colony) -> (Vec<Event>, bool) {
        let revisions = colony.state.files.revisions(&self.label, &self.name);
        let last = revisions.get(limits::REMOVALS_A_TURN - 1).or(revisions.last());
        let up_to = last.map_or(self.newest, |file| file.sequencenr).min(self.newest);
        let (label, name) = (self.label.clone(), self.name.clone());
        (vec![Event::File(FileEvent::RemovedUpTo { label, name, sequencenr: up_to })], up_to == self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::Options;
    use crate::colony::files::FileContent;
    use crate::colony::state::State;
    use std::sync::Arc;

    #[test]
    fn many_revisions_go_in_steps_and_what_comes_meanwhile_stays() {
        let mut colony = Colony::new(State::default(), Arc::new(Options::default()));
        let add = |colony: &mut Colony, number: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let content = Box::new(FileContent { label: "/l".into(), name: "n".into(), ..FileContent::default() });
            colony.apply(Event::File(FileEvent::Added { id: FileId(id), content }), 1, 1);
        };
        let count = 2 * limits::REMOVALS_A_TURN + 1;
        (0..count).for_each(|number| add(&mut colony, number));
        let mut removal = Removal { label: "/l".into(), name: "n".into(), newest: count as u64 };
        let mut steps = 0;
        loop {
            let (events, is_last) = removal.step(&colony);
            let before = colony.state.files.len();
            events.into_iter().for_each(|event| colony.apply(event, 2, 2));
            assert!(before - colony.state.files.len() <= limits::REMOVALS_A_TURN);
            steps += 1;
            add(&mut colony, count + steps);
            if is_last {
                break;
            }
        }
        assert_eq!((steps, colony.state.files.len()), (3, 3), "the new ones stay");
    }
}
