//! What every message to the server itself has.

use super::directory::Directory;
use super::open::ServerInfo;
use super::state::{ServerEvent, ServerState};
use crate::colony::Bounds;
use crate::colony::access::Access;
use crate::colony::message::{Answer, Texts};
use crate::crypto::Identity;
use crate::ids::IdSource;
use crate::refusal::Refusal;
use serde::de::DeserializeOwned;

/// A message to the server itself. One file a message.
pub trait ServerMessage: DeserializeOwned + Send + Sized + 'static {
    /// The envelope's `payloadtype`.
    const NAME: &'static str;
    /// Its fixed texts.
    const TEXTS: Texts;
    /// Who may send it.
    const ACCESS: Access = Access::ServerOwner;

    /// Whether the answer is the request's payload, byte for byte (chapter 1, 11).
    const ECHOES: bool = false;

    /// Looks at the request alone, before its sender's right.
    ///
    /// # Errors
    /// The refusal, where something is missing.
    fn check(&self) -> Result<(), Refusal> {
        Ok(())
    }

    /// Decides. Runs after the access rule has let the caller through; changes nothing.
    ///
    /// # Errors
    /// The refusal; nothing has happened then.
    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal>;
}

/// What a decision may look at.
pub struct ServerTurn<'a> {
    /// The server as it is.
    pub state: &'a ServerState,
    /// What the colonies look like.
    pub directory: &'a Directory,
    /// What the server says of itself.
    pub info: &'a ServerInfo,
    /// How much one message may ask for.
    pub bounds: Bounds,
    /// Fresh ids.
    pub ids: &'a mut dyn IdSource,
}

/// What is to happen, and what the caller is told.
pub struct ServerDecision {
    /// What happens.
    pub events: Vec<ServerEvent>,
    /// The answer.
    pub answer: Box<dyn Answer>,
}

/// A message to the server that waits for its turn.
pub trait ServerCommand: Send {
    /// The envelope's `payloadtype`.
    fn name(&self) -> &'static str;
    /// Who may send it.
    fn access(&self) -> Access;
    /// Looks at the request alone; see [`ServerMessage::check`].
    ///
    /// # Errors
    /// The refusal.
    fn check(&self) -> Result<(), Refusal>;
    /// Decides; see [`ServerMessage::decide`].
    ///
    /// # Errors
    /// The refusal.
    fn decide(self: Box<Self>, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal>;
}

impl<M: ServerMessage> ServerCommand for M {
    fn name(&self) -> &'static str {
        M::NAME
    }
    fn access(&self) -> Access {
        M::ACCESS
    }
    fn check(&self) -> Result<(), Refusal> {
        ServerMessage::check(self)
    }
    fn decide(self: Box<Self>, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        ServerMessage::decide(*self, turn)
    }
}

/// Lets the server's owner through.
///
/// # Errors
/// 403 for everybody else (chapter 1, 5.2).
pub fn check(access: Access, state: &ServerState, caller: &Identity) -> Result<(), Refusal> {
    let allowed = match access {
        Access::Anyone => true,
        Access::ServerOwner => !state.owner.is_empty() && *caller == state.owner,
        // Rules of colonies name nobody here.
        _ => false,
    };
    if allowed { Ok(()) } else { Err(Refusal::forbidden("Access denied, not server owner")) }
}
