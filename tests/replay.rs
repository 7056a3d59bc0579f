//! Random histories of a colony, without server, disk or clock: after every command the live state and the one that
//! replaying its records gives are equal, a naive model agrees about every process, workflow and poll, and a checkpoint
//! taken between the commands, with the records after it, gives the same state again.
//!
//! 100,000 commands in a run, or as many as `COLONIES_MODEL_COMMANDS` says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "replay/graphs.rs"]
mod graphs;
#[path = "replay/model.rs"]
mod model;
#[path = "replay/ops.rs"]
mod ops;
#[path = "replay/rounds.rs"]
mod rounds;
#[path = "replay/shell.rs"]
mod shell;
#[path = "replay/world.rs"]
mod world;

use ops::{Op, ops};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use rounds::Rounds;
use shell::Outcome;
use std::cell::Cell;
use world::World;

/// Commands of one history, at most: enough for several generations of what can be there.
const COMMANDS: usize = 250;

fn live_through(history: &[Op]) -> World {
    let mut world = World::new();
    let mut rounds = Rounds::default();
    for (number, op) in history.iter().enumerate() {
        world.shell.pass(1);
        world.carry_out(op);
        world.check();
        rounds.step(&mut world.shell, number);
        if number % 32 == 0 {
            world.compare_replayed();
        }
    }
    world.carry_out(&Op::HearOfLeavers);
    world.carry_out(&Op::Sync);
    world.check();
    world.compare_replayed();
    world
}

#[test]
fn histories_replay_and_a_naive_model_agrees() {
    let wanted = std::env::var("COLONIES_MODEL_COMMANDS").map_or(100_000, |text| text.parse().unwrap());
    let carried_out = Cell::new(0);
    while carried_out.get() < wanted {
        let config = Config { cases: 20, failure_persistence: None, ..Config::default() };
        let lived = TestRunner::new(config).run(&vec(ops(), 0..=COMMANDS), |history| {
            live_through(&history);
            carried_out.set(carried_out.get() + history.len());
            Ok(())
        });
        if let Err(error) = lived {
            panic!("{error}");
        }
    }
}

/// The histories do reach what they are for; otherwise the property above would say little.
#[test]
fn histories_are_eventful() {
    let mut runner = TestRunner::deterministic();
    let mut seen: [(&str, usize); 13] = [
        ("assigned", 0),
        ("refused", 0),
        ("left", 0),
        ("retried", 0),
        ("failed", 0),
        ("cancelled", 0),
        ("removed", 0),
        ("nodes that succeeded", 0),
        ("nodes that waited and failed", 0),
        ("nodes that were added", 0),
        ("workflows that succeeded", 0),
        ("workflows that were removed", 0),
        ("keys", 0),
    ];
    for _ in 0..100 {
        let history = vec(ops(), 150).new_tree(&mut runner).unwrap().current();
        let world = live_through(&history);
        let polls = world.shell.polls.iter();
        let (processes, graphs) = (world.model.processes.iter(), world.model.graphs.iter());
        let nodes = || processes.clone().filter(|process| process.graph.is_some());
        let counts = [
            polls.clone().filter(|poll| matches!(poll.outcome, Some(Outcome::Process(_)))).count(),
            polls.clone().filter(|poll| matches!(poll.outcome, Some(Outcome::Refused(_)))).count(),
            (0..polls.len()).filter(|&number| world.shell.left(number)).count(),
            processes.clone().filter(|process| process.retries > 0).count(),
            processes.clone().filter(|process| process.state == 3).count(),
            processes.clone().filter(|process| process.state == 4).count(),
            processes.clone().filter(|process| process.gone).count(),
            nodes().filter(|process| process.state == 2 && !process.parents.is_empty()).count(),
            nodes().filter(|process| process.state == 3 && process.waits).count(),
            nodes().filter(|process| !process.was_submitted).count(),
            graphs.clone().filter(|graph| graph.state == 2).count(),
            graphs.clone().filter(|graph| graph.gone).count(),
            world.model.keys.iter().filter(|&&key| key > 3).count(),
        ];
        seen.iter_mut().zip(counts).for_each(|((_, sum), count)| *sum += count);
    }
    assert!(seen.iter().all(|&(_, count)| count > 40), "{seen:?}");
}
