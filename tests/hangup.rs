//! Executors whose client goes away during a long poll never swallow a process.
//!
//! What may still happen is that a reply lies in the socket of a client that dies: that client had its work. So a
//! client that closes in order is read to its end here, and must have been given the process whole or not at all; where
//! the socket is reset and nobody can know, the process's deadline brings it back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::HashMap;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};
use support::http::Connection;
use support::{Colony, Poll, PrivateKey, Reply, Server, envelope, json};

/// Races of each kind and thread.
const ROUNDS: usize = 100;
const THREADS: usize = 3;

/// A colony with an executor that will hang up and one that lives.
struct Scene {
    colony: Colony,
    dying: PrivateKey,
    living: PrivateKey,
    /// How often the living executor was given each process.
    given: HashMap<String, usize>,
}

impl Scene {
    fn new(server: &Server) -> Scene {
        let colony = Colony::new(server);
        let (dying, living) = (colony.executor("dying"), colony.executor("living"));
        Scene { colony, dying, living, given: HashMap::new() }
    }

    fn parked(&self) -> Poll {
        self.colony.parked("dying", &self.dying, 60)
    }

    /// Sends a submit and does not wait for its reply.
    fn submitting(&self, message: &support::Value) -> Connection {
        let mut connection = Connection::open(self.colony.client.address()).unwrap();
        connection.request("POST", "/api", &[], envelope(&self.colony.user, message).as_bytes()).unwrap();
        connection
    }

    /// The living executor must get this process and closes it.
    fn must_live(&mut self, id: &str) {
        let assigned = self.colony.assign(&self.living, 30);
        assert_eq!(assigned.status, 200, "process {id} was swallowed: {}", self.colony.process(id));
        assert_eq!(assigned.process_id(), id);
        *self.given.entry(id.to_owned()).or_default() += 1;
        self.colony.close(&self.living, id).ok();
    }

    /// All processes succeeded, each at one executor.
    fn finish(self, processes: usize) {
        let statistics = self.colony.statistics();
        assert_eq!(statistics["successfulprocesses"], processes, "{statistics}");
        assert_eq!(statistics["waitingprocesses"], 0, "{statistics}");
        assert_eq!(statistics["runningprocesses"], 0, "{statistics}");
        assert!(self.given.values().all(|&times| times == 1));
    }
}

/// Runs a story in several threads at once, each in its colony on one server.
fn crowd(story: impl Fn(Scene) + Sync) {
    let server = Server::start();
    let scenes: Vec<_> = (0..THREADS).map(|_| Scene::new(&server)).collect();
    thread::scope(|threads| {
        for scene in scenes {
            threads.spawn(|| story(scene));
        }
    });
}

/// Waits for a time that moves the race; so short that sleeping would be too coarse.
fn spin(micros: u64) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_client_that_closed_before_the_submit_gets_nothing() {
    crowd(|mut scene| {
        for round in 0..ROUNDS {
            let poll = scene.parked();
            if round % 2 == 0 {
                poll.hang_up();
            } else {
                poll.reset();
            }
            let id = scene.colony.submit_any();
            scene.must_live(&id);
        }
        scene.finish(ROUNDS);
    });
}

#[test]
fn a_client_that_closes_while_work_is_being_given_has_it_whole_or_not_at_all() {
    crowd(|mut scene| {
        let message = scene.colony.submission(json!({}), json!({}));
        let mut kept = 0;
        for round in 0..ROUNDS as u64 {
            let mut poll = scene.parked();
            let mut submit = scene.submitting(&message);
            spin(round * 37 % 2_500);
            poll.connection.stream.shutdown(Shutdown::Write).unwrap();
            let id = Reply::read(&submit.read().unwrap()).ok()["processid"].as_str().unwrap().to_owned();
            match poll.connection.read() {
                Ok(response) => {
                    assert_eq!(Reply::read(&response).ok()["processid"], id);
                    scene.colony.close(&scene.dying, &id).ok();
                    kept += 1;
                }
                Err(_) => scene.must_live(&id),
            }
        }
        eprintln!("{kept} of {ROUNDS} clients had their work before they closed");
        scene.finish(ROUNDS);
    });
}

#[test]
fn a_process_lost_in_a_reset_socket_comes_back_at_its_deadline() {
    crowd(|mut scene| {
        let message = scene.colony.submission(json!({ "maxexectime": 1, "maxretries": 3 }), json!({}));
        for round in 0..ROUNDS as u64 / 4 {
            let poll = scene.parked();
            let mut submit = scene.submitting(&message);
            spin(round * 131 % 2_000);
            poll.reset();
            let id = Reply::read(&submit.read().unwrap()).ok()["processid"].as_str().unwrap().to_owned();
            scene.must_live(&id);
        }
        scene.finish(ROUNDS / 4);
    });
}

#[test]
fn polls_that_are_left_behind_do_not_pile_up() {
    let server = Server::start();
    let scene = Scene::new(&server);
    // More polls than an executor ever has open; those that were left must not stand before the one that lives.
    for _ in 0..ROUNDS {
        scene.parked().hang_up();
    }
    let waiting = scene.colony.parked("living", &scene.living, 60);
    let id = scene.colony.submit_any();
    assert_eq!(waiting.answer().process_id(), id);
}
