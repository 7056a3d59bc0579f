//! Long polls: who is woken, in which order, and what a poll is told when it ends without work (chapter 2, 5).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};
use support::colony::TYPE;
use support::{Colony, Server, json, poll, wait};

/// What a poll may take beyond its own time on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

#[test]
fn one_submit_wakes_the_longest_waiting_executor_and_no_other() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let executors: Vec<_> = (0..5).map(|n| (format!("e{n}"), colony.executor(&format!("e{n}")))).collect();
    let mut polls: Vec<_> = executors.iter().map(|(name, key)| colony.parked(name, key, 60)).collect();
    while !polls.is_empty() {
        let id = colony.submit_any();
        let first = polls.remove(0).answer();
        let executor = &executors[executors.len() - polls.len() - 1].1;
        assert_eq!(first.process_id(), id);
        assert_eq!(first.ok()["assignedexecutorid"], executor.id().to_string());
        // A second one that was woken has its answer by now: it would have left in the same turn.
        assert!(polls.iter().all(|poll| !poll.is_answered()), "a submit woke more than one executor");
    }
    assert_eq!(colony.statistics()["runningprocesses"], 5);
}

#[test]
fn a_poll_without_work_is_told_so_when_its_time_is_over() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let begin = Instant::now();
    assert_eq!(colony.assign(&key, 1).refused(404), "No process available for assignment");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(1) + SLACK, "{took:?}");
    // Asking once does not wait.
    let begin = Instant::now();
    assert_eq!(colony.assign(&key, -1).refused(404), "No process available for assignment");
    assert!(begin.elapsed() < SLACK);
}

#[test]
fn odd_polls_are_refused() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    assert_eq!(colony.assign(&key, 0).refused(400), "Invalid timeout value, timeout cannot be zero");
    let refused = colony.assign(&colony.user, 1);
    assert_eq!(refused.refused(500), "Failed to assign process, executor not found");
    // More seconds than a year, and than 64 bits of nanoseconds hold, wait like any other.
    let waiting = colony.parked("e", &key, i64::MAX);
    let id = colony.submit_any();
    assert_eq!(waiting.answer().process_id(), id);
}

#[test]
fn a_pause_holds_work_back_and_a_resume_hands_it_out_at_once() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let (a, b, c) = (colony.executor("a"), colony.executor("b"), colony.executor("c"));
    let short = colony.parked("a", &a, 2);
    let before = colony.parked("b", &b, 60);
    colony.owner_does("pauseassignmentsmsg").ok();
    let during = colony.parked("c", &c, 60);
    let (first, second) = (colony.submit_any(), colony.submit_any());
    let refused = colony.assign(&a, -1);
    assert_eq!(refused.refused(503), "No processes available: colony assignments are paused");
    assert_eq!(short.answer().refused(408), "Assignment timeout: colony assignments are paused");
    assert!(!before.is_answered() && !during.is_answered());
    colony.owner_does("resumeassignmentsmsg").ok();
    assert_eq!(before.answer().process_id(), first);
    assert_eq!(during.answer().process_id(), second);
}

#[test]
fn a_poll_that_outlives_a_pause_is_told_that_there_is_nothing() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let poll = colony.parked("e", &key, 2);
    colony.owner_does("pauseassignmentsmsg").ok();
    colony.owner_does("resumeassignmentsmsg").ok();
    assert_eq!(poll.answer().refused(404), "No process available for assignment");
}

#[test]
fn a_poll_is_refused_at_once_when_its_executor_loses_its_right() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let refusal = format!("Access denied, not a member of Colony with name <{}>", colony.name);
    for msgtype in ["removeexecutormsg", "rejectexecutormsg"] {
        let key = colony.executor(msgtype);
        let other = colony.executor(&format!("other {msgtype}"));
        let staying = colony.parked(&format!("other {msgtype}"), &other, 60);
        let poll = colony.parked(msgtype, &key, 60);
        colony.owner_says(msgtype, msgtype).ok();
        assert_eq!(poll.answer().refused(403), refusal);
        assert_eq!(colony.assign(&key, 60).refused(403), refusal);
        assert!(!staying.is_answered());
        colony.submit_any();
        staying.answer().ok();
    }
    let key = colony.executor("last");
    let poll = colony.parked("last", &key, 60);
    colony.remove().ok();
    let refused = poll.answer();
    assert_eq!(refused.refused(403), format!("Colony with name <{}> does not exists", colony.name));
}

#[test]
fn what_a_removed_executor_held_goes_to_the_next_one_waiting() {
    let server = Server::start();
    let colony = Colony::new(&server);
    for msgtype in ["removeexecutormsg", "rejectexecutormsg"] {
        let (leaving, staying) = (format!("leaving {msgtype}"), format!("staying {msgtype}"));
        let (old, new) = (colony.executor(&leaving), colony.executor(&staying));
        let id = colony.submit_any();
        assert_eq!(colony.assign(&old, 5).process_id(), id);
        let poll = colony.parked(&staying, &new, 60);
        colony.owner_says(msgtype, &leaving).ok();
        assert_eq!(poll.answer().process_id(), id);
        colony.close(&old, &id).refused(403);
        colony.close(&new, &id).ok();
    }
}

#[test]
fn a_process_goes_only_to_those_that_it_names() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let (a, b) = (colony.executor("a"), colony.executor("b"));
    let first = colony.parked("a", &a, 60);
    let second = colony.parked("b", &b, 60);
    let for_b = colony.submit(json!({}), json!({ "executornames": ["nobody", "b"] }));
    assert_eq!(second.answer().process_id(), for_b);
    assert!(!first.is_answered());
    let for_all = colony.submit(json!({}), json!({ "executornames": ["*"] }));
    assert_eq!(first.answer().process_id(), for_all);
    // What is for another never stands in the way.
    let for_b = colony.submit(json!({}), json!({ "executornames": ["b"] }));
    let for_anyone = colony.submit_any();
    assert_eq!(colony.assign(&a, 5).process_id(), for_anyone);
    assert_eq!(colony.assign(&a, -1).status, 404);
    assert_eq!(colony.assign(&b, 5).process_id(), for_b);
}

#[test]
fn another_type_or_another_colony_is_not_woken() {
    let server = Server::start();
    let (colony, other) = (Colony::new(&server), Colony::new(&server));
    let stranger = other.executor("e");
    // A name that continues the type's, which the reference mixed up.
    let longer = colony.executor_with("longer", json!({ "executortype": format!("{TYPE}0") }));
    let right = colony.executor("right");
    let polls = [other.parked("e", &stranger, 60), colony.parked("longer", &longer, 60)];
    let poll = colony.parked("right", &right, 60);
    let id = colony.submit_any();
    assert_eq!(poll.answer().process_id(), id);
    assert!(polls.iter().all(|poll| !poll.is_answered()));
}

#[test]
fn a_located_process_needs_an_executor_there() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let nowhere = colony.executor("nowhere");
    let here = colony.executor_with("here", json!({ "locationname": "Lund" }));
    let there = colony.executor_with("there", json!({ "locationname": "Oslo" }));
    let at_nowhere = colony.parked("nowhere", &nowhere, 60);
    let at_there = colony.parked("there", &there, 60);
    let at_here = colony.parked("here", &here, 60);
    let located = colony.submit(json!({}), json!({ "locationname": "LUND" }));
    assert_eq!(at_here.answer().process_id(), located);
    assert!(!at_nowhere.is_answered() && !at_there.is_answered());
    let anywhere = colony.submit_any();
    assert_eq!(at_nowhere.answer().process_id(), anywhere);
    let anywhere = colony.submit_any();
    assert_eq!(at_there.answer().process_id(), anywhere);
}

#[test]
fn a_process_needs_an_executor_with_enough_left() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let (small, large) = (colony.executor("small"), colony.executor("large"));
    let asking = |cpu: &str, memory: &str| {
        let mut message = poll::message(&colony.name, 60);
        message["availablecpu"] = cpu.into();
        message["availablemem"] = memory.into();
        message
    };
    let little = colony.parked_with("small", &small, &asking("1000m", "1Gi"));
    let much = colony.parked_with("large", &large, &asking("4000m", "16Gi"));
    let big = colony.submit(json!({}), json!({ "cpu": "1001m", "mem": "1Gi" }));
    assert_eq!(much.answer().process_id(), big);
    assert!(!little.is_answered());
    let fat = colony.submit(json!({}), json!({ "cpu": "1m", "mem": "2Gi" }));
    let fitting = colony.submit(json!({}), json!({ "cpu": "1000m", "mem": "1Gi" }));
    assert_eq!(little.answer().process_id(), fitting);
    // Without amounts an executor takes anything.
    assert_eq!(colony.assign(&small, 5).process_id(), fat);
}

#[test]
fn the_highest_priority_goes_first_and_equals_in_order_of_submission() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let key = colony.executor("e");
    let priorities = [0, 1, -1, 5, 5, 0];
    let ids: Vec<_> = priorities.map(|priority| colony.submit(json!({ "priority": priority }), json!({}))).into();
    let given: Vec<_> = ids.iter().map(|_| colony.assign(&key, 5).process_id().to_owned()).collect();
    let expected: Vec<_> = [3, 4, 1, 0, 5, 2].map(|place: usize| ids[place].clone()).into();
    assert_eq!(given, expected);
}

#[test]
fn an_attempt_that_takes_too_long_is_given_to_another_until_retries_are_used_up() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let keys = [colony.executor("a"), colony.executor("b")];
    let id = colony.submit(json!({ "maxexectime": 1, "maxretries": 2 }), json!({}));
    for retries in 0..3 {
        let assigned = colony.assign(&keys[retries % 2], 30).ok();
        assert_eq!((&assigned["processid"], &assigned["retries"]), (&json!(id), &json!(retries)));
    }
    wait::until_true("the retries to be used up", || colony.state(&id) == 3);
    let process = colony.process(&id);
    assert_eq!(process["errors"], json!(["Maximum execution time limit exceeded"]));
    assert_eq!(process["retries"], 2);
    assert_eq!(colony.close(&keys[0], &id).refused(400), "Tried to set failed process as successful");
    assert_eq!(colony.assign(&keys[0], -1).status, 404);
}

#[test]
fn an_executor_that_is_too_late_may_not_close() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let (slow, quick) = (colony.executor("slow"), colony.executor("quick"));
    let id = colony.submit(json!({ "maxexectime": 1, "maxretries": 5 }), json!({}));
    assert_eq!(colony.assign(&slow, 5).process_id(), id);
    assert_eq!(colony.assign(&quick, 30).process_id(), id);
    let late = colony.close(&slow, &id);
    assert_eq!(late.refused(403), "Failed to close process as successful, not allowed to close process as successful");
    colony.close(&quick, &id).ok();
    assert_eq!(colony.state(&id), 2);
}

#[test]
fn a_process_that_waits_too_long_fails_and_is_handed_to_nobody() {
    let server = Server::start();
    let colony = Colony::new(&server);
    let id = colony.submit(json!({ "maxwaittime": 1 }), json!({}));
    assert_eq!(colony.state(&id), 0);
    wait::until_true("the process to fail", || colony.state(&id) == 3);
    let process = colony.process(&id);
    assert_eq!(process["errors"], json!(["Maximum waiting time limit exceeded"]));
    assert_eq!(process["isassigned"], false);
    let key = colony.executor("e");
    assert_eq!(colony.assign(&key, -1).status, 404);
}
