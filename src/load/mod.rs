//! Load on a server: what `colonies bench` and the criterion benches do to it, and the limit beside its figures.

mod colony;
pub mod cpu;
mod error;
mod handoff;
mod lane;
mod limit;
mod measure;
mod mixed;
mod own_server;
mod plan;
mod pulse;
mod report;
mod sample;
mod stand_in;
mod workflow;

pub use colony::{LoadColony, Shape};
pub use error::LoadError;
pub use handoff::Handoff;
pub use lane::Lane;
pub use limit::{Beside, Comparison, Ground, Medians, Round};
pub use plan::{Plan, Scenario, Target, run};
pub use pulse::{Length, Phase, Pulse};
pub use report::Report;
