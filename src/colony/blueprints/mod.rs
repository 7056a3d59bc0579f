//! Blueprints: what is wanted and what is, the definitions of their kinds, their history, and the work that their
//! changes make for reconcilers (chapter 5).

pub mod add;
pub mod add_definition;
pub mod get;
pub mod get_definition;
pub mod history;
pub mod list;
pub mod list_definitions;
mod model;
pub mod reconcile;
pub mod reconcile_cron;
pub mod remove;
pub mod remove_definition;
pub mod schema;
mod store;
#[cfg(test)]
mod tests;
pub mod update;
pub mod update_status;
mod value;
pub mod work;

pub use model::{
    Blueprint, BlueprintRequest, ChangeType, Definition, Handler, HistoryEntry, Metadata, ShownBlueprint, ShownEntry,
    status_of,
};
pub use store::{Blueprints, Kept};
pub use value::Object;

use crate::crypto::Identity;
use crate::json::RawJson;
use crate::refusal::Refusal;
use bincode::{Decode, Encode};

/// What happens to definitions and blueprints.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum BlueprintEvent {
    /// A definition was added.
    DefinitionAdded(Box<Definition>),
    /// A definition was removed, by name.
    DefinitionRemoved(String),
    /// A blueprint was added; its history begins.
    Added {
        /// The blueprint.
        blueprint: Box<Blueprint>,
        /// What its first entry is called, and who added it.
        change: Change,
    },
    /// A blueprint was replaced by another of its name and id.
    Updated {
        /// The new one.
        blueprint: Box<Blueprint>,
        /// The history entry, where its generation was raised.
        change: Option<Change>,
    },
    /// Its status was reported.
    StatusSet {
        /// Which, by name.
        name: String,
        /// The status; `None` where nothing was said.
        status: Option<RawJson>,
    },
    /// Its generation was raised by a forced reconcile, which leaves no trace in its history.
    GenerationRaised(String),
    /// It was removed, its history with it.
    Removed(String),
}

/// A history entry's own part; the rest of it is the blueprint's.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Change {
    /// Its id.
    pub id: [u8; 16],
    /// Who changed the blueprint.
    pub by: Identity,
}

/// 404 for a blueprint that is not there.
fn no_blueprint() -> Refusal {
    Refusal::not_found("Blueprint not found")
}

/// The colony that a request names: some clients write `colonyname` where the others write `namespace`.
fn either<'a>(namespace: &'a str, other: &'a str) -> &'a str {
    if namespace.is_empty() { other } else { namespace }
}
