//! Colonies that come and go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::{Colony, Server};

#[test]
fn a_colony_can_be_used_as_soon_as_its_addition_is_acknowledged() {
    // New servers: the first colony takes longest to launch, and its record is synced soonest.
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..15 {
                    let server = Server::start();
                    // Adding a colony adds its user at once, which the colony must be there for.
                    (0..5).for_each(|_| drop(Colony::new(&server)));
                }
            });
        }
    });
}

#[test]
fn a_colony_that_is_added_again_under_its_name_is_another_one() {
    let server = Server::start();
    let before = Colony::named(&server, "again");
    let key = before.executor("e");
    let id = before.submit_any();
    before.remove().ok();
    let after = Colony::named(&server, "again");
    assert_eq!(after.statistics()["waitingprocesses"], 0);
    let refusal = "Access denied, not a member of Colony with name <again>";
    assert_eq!(after.assign(&key, -1).refused(403), refusal);
    let message = support::json!({ "msgtype": "getprocessmsg", "processid": id });
    assert_ne!(after.client.call(&after.user, &message).status, 200, "a process of the colony's former life");
}
