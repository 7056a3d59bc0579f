//! What closing a node costs in graphs of growing size: the turn that applies the close and releases what it releases.
//! The graph is a chain, so that each close releases one node.

use colonies::colony::event::Event;
use colonies::colony::processes::spec_request::SpecRequest;
use colonies::colony::processes::{ProcessEvent, Submission};
use colonies::colony::state::State;
use colonies::colony::workflows::{GraphSubmission, SubmittedNode, WorkflowEvent};
use colonies::crypto::Identity;
use colonies::ids::{GraphId, ProcessId};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Chain {
    state: State,
    nodes: u64,
    /// Which chain, and how far it has been run.
    round: u64,
    next: u64,
    clock: i64,
}

fn id(round: u64, node: u64) -> ProcessId {
    let mut bytes = [0; 32];
    bytes[4..12].copy_from_slice(&node.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    bytes[12..20].copy_from_slice(&round.to_le_bytes());
    bytes[20..28].copy_from_slice(&node.to_le_bytes());
    ProcessId(bytes)
}

impl Chain {
    fn new(nodes: u64) -> Chain {
        let mut chain = Chain { state: State::default(), nodes, round: 0, next: 0, clock: 1 };
        chain.submit();
        chain
    }

    fn apply(&mut self, event: Event) {
        self.clock += 1_000;
        self.state.apply(event, self.clock, self.clock as u64);
        self.state.changes = Default::default();
    }

    fn submit(&mut self) {
        self.round += 1;
        self.next = 0;
        let spec: SpecRequest =
            colonies::json::decode(br#"{"nodename":"n","conditions":{"executortype":"t"}}"#).expect("a spec");
        let (spec, _) = spec.into_node_spec().expect("a valid spec");
        let spec = Arc::new(spec);
        let node = |node: u64| SubmittedNode {
            process: Submission {
                id: id(self.round, node),
                initiator: Identity::from_text("u"),
                initiator_name: "u".into(),
                spec: spec.clone(),
                env: Default::default(),
            },
            parents: node.checked_sub(1).map(|parent| parent as u32).into_iter().collect(),
        };
        let submission = GraphSubmission {
            id: GraphId(id(self.round, u64::MAX).0),
            initiator: Identity::from_text("u"),
            initiator_name: "u".to_owned(),
            nodes: (0..self.nodes).map(node).collect(),
        };
        self.apply(Event::Workflow(WorkflowEvent::Submitted(Box::new(submission))));
    }

    /// Runs the next node; the time that its close took.
    fn close_next(&mut self) -> Duration {
        if self.next == self.nodes {
            self.apply(Event::Workflow(WorkflowEvent::Removed(GraphId(id(self.round, u64::MAX).0))));
            self.submit();
        }
        let node = id(self.round, self.next);
        self.next += 1;
        self.apply(Event::Process(ProcessEvent::Assigned { id: node, executor: Identity::from_text("e") }));
        let begin = Instant::now();
        self.apply(Event::Process(ProcessEvent::ClosedSuccessful { id: node, out: None }));
        begin.elapsed()
    }
}

fn close(c: &mut Criterion) {
    let mut group = c.benchmark_group("workflow/close");
    group.sample_size(20);
    for nodes in [10u64, 1_000, 100_000] {
        let mut chain = Chain::new(nodes);
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            b.iter_custom(|iterations| (0..iterations).map(|_| chain.close_next()).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, close);
criterion_main!(benches);
