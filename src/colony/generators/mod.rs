//! Generators: workflows that start when enough arguments have come in (chapter 3, 5).

pub mod add;
pub mod get;
pub mod list;
mod model;
pub mod pack;
pub mod remove;
pub mod resolve;
pub mod start;
mod store;

pub use model::{Generator, GeneratorAnswer, GeneratorSpec};
pub use store::Generators;

use super::workflows::GraphSubmission;
use crate::ids::GeneratorId;
use bincode::{Decode, Encode};

/// What happens to generators.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum GeneratorEvent {
    /// A generator was added.
    Added(Box<GeneratorSpec>),
    /// It got an argument.
    Packed {
        /// Which generator.
        id: GeneratorId,
        /// The argument.
        arg: Box<str>,
    },
    /// It started its workflow.
    Started(Box<GeneratorStart>),
    /// It was removed with its arguments; what it started goes on.
    Removed(GeneratorId),
}

/// One start of a generator's workflow.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct GeneratorStart {
    /// Which generator.
    pub id: GeneratorId,
    /// How many of its arguments went into it, the oldest first.
    pub used: u64,
    /// The workflow.
    pub graph: GraphSubmission,
}
