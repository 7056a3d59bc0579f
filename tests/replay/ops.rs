//! The commands that histories are made of.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

/// What is asked of a process beside its conditions.
#[derive(Clone, Debug)]
pub struct Demand {
    pub kind: usize,
    pub priority: i64,
    /// Seconds to wait and to run, and retries.
    pub limits: [i64; 3],
}

#[derive(Clone, Debug)]
pub enum Op {
    Submit {
        names: Vec<usize>,
        location: usize,
        cpu: i64,
        memory: i64,
        demand: Demand,
    },
    Ask {
        executor: usize,
        seconds: i64,
        cpu: Option<i64>,
        memory: Option<i64>,
    },
    Close {
        process: Index,
        by: usize,
        right: bool,
        well: bool,
    },
    Say {
        process: Index,
        what: usize,
    },
    Cancel(Index),
    Remove(Index),
    /// All processes of a state, or all; of workflows where the second is true.
    RemoveAll(i64, bool),
    /// Each node's demand and the nodes before it that it depends on.
    Workflow(Vec<(Demand, Vec<Index>)>),
    /// A node below a running one: between it and its children, or above one of the others.
    AddChild {
        process: Index,
        by: Option<usize>,
        between: bool,
        above: Option<Index>,
        demand: Demand,
    },
    CancelGraph(Index),
    RemoveGraph(Index),
    Leave(Index),
    HearOfLeavers,
    Sync,
    Pause(bool),
    Owner {
        what: usize,
        executor: usize,
    },
    Rekey(usize),
    Wait(u64),
}

fn demands() -> impl Strategy<Value = Demand> {
    (0..2usize, -1..2i64, [0..3i64, 0..3i64, -1..3i64]).prop_map(|(kind, priority, limits)| Demand {
        kind: kind * usize::from(priority == 1),
        priority,
        limits,
    })
}

fn submissions() -> impl Strategy<Value = Op> {
    (vec(0..4usize, 0..3), 0..3usize, 0..3i64, 0..3i64, demands()).prop_map(|(names, location, cpu, memory, demand)| {
        // Mostly anyone and anywhere, or hardly anything is ever handed out.
        let (names, location) = if cpu == 0 { (names, location) } else { (Vec::new(), 0) };
        Op::Submit { names, location, cpu, memory, demand }
    })
}

fn workflows() -> impl Strategy<Value = Op> {
    // Waiting for others is long enough without limits on it.
    let patient = demands().prop_map(|mut demand| {
        let [max_wait, max_exec, _] = &mut demand.limits;
        *max_wait *= *max_wait - 1;
        *max_exec *= *max_exec - 1;
        demand
    });
    vec((patient, vec(any::<Index>(), 0..3)), 1..6).prop_map(Op::Workflow)
}

pub fn ops() -> impl Strategy<Value = Op> {
    let index = any::<Index>;
    let ask = (0..4usize, prop_oneof![Just(-1i64), 1..4i64], option::of(0..3i64), option::of(0..3i64))
        .prop_map(|(executor, seconds, cpu, memory)| Op::Ask { executor, seconds, cpu, memory });
    let close = (index(), 0..4usize, prop::bool::weighted(0.8), prop::bool::weighted(0.8))
        .prop_map(|(process, by, right, well)| Op::Close { process, by, right, well });
    let child = (index(), option::weighted(0.1, 0..4usize), any::<bool>(), option::of(index()), demands())
        .prop_map(|(process, by, between, above, demand)| Op::AddChild { process, by, between, above, demand });
    prop_oneof![
        12 => submissions(),
        18 => ask,
        12 => close,
        3 => (index(), 0..3usize).prop_map(|(process, what)| Op::Say { process, what }),
        2 => index().prop_map(Op::Cancel),
        2 => index().prop_map(Op::Remove),
        1 => (-1..6i64, any::<bool>()).prop_map(|(state, graphs)| Op::RemoveAll(state, graphs)),
        4 => workflows(),
        2 => child,
        1 => index().prop_map(Op::CancelGraph),
        1 => index().prop_map(Op::RemoveGraph),
        4 => index().prop_map(Op::Leave),
        2 => Just(Op::HearOfLeavers),
        10 => Just(Op::Sync),
        2 => prop::bool::weighted(0.4).prop_map(Op::Pause),
        4 => (0..6usize, 0..4usize).prop_map(|(what, executor)| Op::Owner { what, executor }),
        1 => (0..4usize).prop_map(Op::Rekey),
        7 => (0..150u64).prop_map(|tens| Op::Wait(tens * 10)),
    ]
}
