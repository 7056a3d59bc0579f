//! The start of a generator's workflow (chapter 3, 5.1 and 5.2).

use super::{Generator, GeneratorEvent, GeneratorStart};
use crate::colony::Colony;
use crate::colony::event::Event;
use crate::ids::IdSource;
use crate::json::RawJson;
use crate::refusal::Refusal;
use crate::time::Nanos;
use std::sync::Arc;

impl Colony {
    /// Starts a generator's workflow with its oldest arguments: as many as its trigger asks for, or all where they are
    /// fewer. `last` is one that comes behind those that wait. The arguments take the place of the roots' own.
    ///
    /// # Errors
    /// Why it can't be started now; the arguments go on waiting.
    pub(crate) fn start_generator(
        &self,
        generator: &Generator,
        last: Option<&str>,
        now: Nanos,
        ids: &mut dyn IdSource,
    ) -> Result<Event, Refusal> {
        let spec = &generator.spec;
        let mut graph = self.make_graph(&spec.workflow, &spec.starter, now, ids)?;
        let waiting = generator.queue.iter().map(|arg| &**arg).chain(last);
        let args: Vec<&str> = waiting.take(generator.trigger()).collect();
        let used = args.len() as u64;
        let list = serde_json::to_string(&args).ok().and_then(RawJson::from_text).unwrap_or_else(RawJson::empty_list);
        for root in graph.nodes.iter_mut().filter(|node| node.parents.is_empty()) {
            let spec = Arc::make_mut(&mut root.process.spec);
            spec.args = list.clone();
            spec.kwargs = RawJson::empty_object();
        }
        let start = GeneratorStart { id: spec.id, used, graph };
        Ok(Event::Generator(GeneratorEvent::Started(Box::new(start))))
    }
}
