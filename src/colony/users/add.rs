//! `addusermsg`: the owner adds a user (chapter 1, 8.1).

use super::{User, UserEvent};
use crate::colony::access::{Access, no_such_colony_to_resolve};
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::{check_id, check_name, check_text};
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddUser {
    user: Option<User>,
}

impl ColonyMessage for AddUser {
    const NAME: &'static str = "addusermsg";
    const TEXTS: Texts = texts!("Failed to add user");
    const ACCESS: Access = Access::ColonyOwner;

    fn check(&self) -> Result<(), Refusal> {
        match &self.user {
            Some(_) => Ok(()),
            // The text is the reference's.
            None => Err(Refusal::bad_request("Failed to add user, executor is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.user.as_ref().map_or("", |user| &user.colonyname))
    }

    fn unknown(&self) -> Refusal {
        no_such_colony_to_resolve(self.user.as_ref().map_or("", |user| &user.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let user = self.user.unwrap_or_default();
        let state = &turn.colony.state;
        if state.users.get(&user.name).is_some() {
            let (name, colony) = (&user.name, &user.colonyname);
            return Err(Refusal::bad_request(format!(
                "A user with name <{name}> already exists in Colony with name <{colony}>"
            )));
        }
        turn.colony.check_count("Failed to add user", "users", state.users.len())?;
        check_name("Failed to add user", "user name", &user.name, turn.colony.options.bounds.name_bytes)?;
        check_text("Failed to add user", "email", &user.email)?;
        check_text("Failed to add user", "phone", &user.phone)?;
        if user.userid.len() != 64 {
            return Err(Refusal::bad_request("Failed to add user, user Id is not 64 characters"));
        }
        check_id("Failed to add user", "user Id", &user.userid)?;
        if state.users.by_id(&user.userid).is_some() {
            let (id, colony) = (&user.userid, &user.colonyname);
            return Err(Refusal::bad_request(format!(
                "A user with Id <{id}> already exists in Colony with name <{colony}>"
            )));
        }
        let shown = user.clone();
        Ok(Decision::reply(vec![Event::User(UserEvent::Added(user))], |_| Box::new(shown)))
    }
}
