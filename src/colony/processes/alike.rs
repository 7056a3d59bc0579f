//! Processes that come one after the other are often alike: they share what never changes, instead of a copy each.

use super::spec::FunctionSpec;
use std::sync::Arc;

/// What the newest process is to do, and who began it.
#[derive(Debug, Default)]
pub struct Alike(Option<(Arc<FunctionSpec>, Arc<str>)>);

impl Alike {
    /// Puts what the process before had in place of what is equal to it, and remembers this one.
    pub fn share(&mut self, spec: &mut Arc<FunctionSpec>, initiator_name: &mut Arc<str>) {
        match &mut self.0 {
            Some((known_spec, known_name)) => {
                one_of(known_spec, spec, |a, b| a == b);
                one_of(known_name, initiator_name, |a, b| a == b);
            }
            none => *none = Some((spec.clone(), initiator_name.clone())),
        }
    }
}

/// Makes both the same one: the known one where they are equal, the new one elsewhere.
fn one_of<T: ?Sized>(known: &mut Arc<T>, new: &mut Arc<T>, are_equal: impl Fn(&T, &T) -> bool) {
    if Arc::ptr_eq(known, new) {
        return;
    }
    if are_equal(known, new) {
        new.clone_from(known);
    } else {
        known.clone_from(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colony::processes::Submission;
    use crate::ids::ProcessId;

    fn spec(function: &str) -> Arc<FunctionSpec> {
        Submission::sample(ProcessId([1; 32]), &format!(r#"{{"funcname":"{function}"}}"#)).spec
    }

    #[test]
    fn equal_ones_are_one_and_others_stay_what_they_are() {
        let mut alike = Alike::default();
        let (mut first, mut second, mut third) = (spec("f"), spec("f"), spec("g"));
        let (mut alice, mut bob, mut again): (Arc<str>, Arc<str>, Arc<str>) =
            ("alice".into(), "bob".into(), "bob".into());
        alike.share(&mut first, &mut alice);
        alike.share(&mut second, &mut bob);
        alike.share(&mut third, &mut again);
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&second, &third) && Arc::ptr_eq(&bob, &again));
        assert_eq!((&*alice, &*bob, &*third), ("alice", "bob", &*spec("g")));
    }
}
