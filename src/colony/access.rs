//! Who may send what (chapter 1, 5). The rule stands beside each message as a constant; the turn checks it before the
//! message decides, so that no message can forget to.

use super::message::Address;
use super::state::State;
use crate::crypto::Identity;
use crate::refusal::Refusal;

/// An access rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, unsigned.
    Anyone,
    /// The server's owner.
    ServerOwner,
    /// The colony's owner.
    ColonyOwner,
    /// A user or an approved executor of the colony.
    Member,
    /// A member or the colony's owner.
    MemberOrOwner,
    /// A member, or an executor that waits for its approval.
    Joining,
    /// The approved executor that the process is assigned to; the message itself looks who that is.
    AssignedExecutor,
    /// A member that submitted the process, or that it is assigned to; the message itself looks whether it is.
    Party,
    /// An approved executor of the colony; the message itself says what a user is told.
    Executor,
    /// A joining or approved executor, about itself; the message itself looks whether it is.
    Itself,
}

/// Lets the caller through or not.
///
/// # Errors
/// The refusals of chapter 1, 5.2.
pub fn check(access: Access, state: &State, caller: &Identity) -> Result<(), Refusal> {
    let allowed = match access {
        Access::Anyone => true,
        // Messages of the server's owner never reach a colony.
        Access::ServerOwner => false,
        Access::ColonyOwner | Access::MemberOrOwner => {
            let is_member = access == Access::MemberOrOwner && state.is_member(caller);
            return if is_member || *caller == state.owner {
                Ok(())
            } else {
                Err(Refusal::forbidden("Access denied, not colony owner"))
            };
        }
        Access::Member | Access::AssignedExecutor | Access::Party | Access::Executor => state.is_member(caller),
        Access::Joining | Access::Itself => state.is_member(caller) || state.executors.is_pending(caller),
    };
    if allowed { Ok(()) } else { Err(not_a_member(&state.name)) }
}

/// 403 for whoever is not a member of the colony.
pub fn not_a_member(colony: &str) -> Refusal {
    Refusal::forbidden(format!("Access denied, not a member of Colony with name <{colony}>"))
}

/// 403 for a colony that is not there, as the membership check puts it.
pub fn no_such_colony(colony: &str) -> Refusal {
    Refusal::forbidden(format!("Colony with name <{colony}> does not exists"))
}

/// 400 for a colony that is not there, as messages about users and locations put it.
pub fn no_such_colony_to_resolve(colony: &str) -> Refusal {
    Refusal::bad_request(format!("Colony with name <{colony}> does not exists"))
}

/// The usual refusal for an address that leads nowhere.
pub fn unknown(access: Access, address: Address<'_>) -> Refusal {
    match address {
        Address::Colony("") | Address::Caller("") if matches!(access, Access::ColonyOwner | Access::MemberOrOwner) => {
            Refusal::forbidden("Empty Colony name")
        }
        Address::Colony(name) | Address::Caller(name) => no_such_colony(name),
        // Messages that name no colony say themselves what they answer; this is for one that forgot.
        Address::Process(id)
        | Address::Graph(id)
        | Address::Cron(id)
        | Address::Generator(id)
        | Address::Attribute(id)
        | Address::Function(id)
        | Address::Blueprint(id) => Refusal::not_found(format!("nothing has the id <{id}>")),
    }
}
