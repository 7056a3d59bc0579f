//! `getstatisticsmsg`: the counts of all colonies together (chapter 1, 12.3).

use super::message::{ServerDecision, ServerMessage, ServerTurn};
use crate::colony::colonies::statistics::Statistics;
use crate::colony::message::Texts;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetStatistics {}

impl ServerMessage for GetStatistics {
    const NAME: &'static str = "getstatisticsmsg";
    // The second text is the reference's, meant for another message.
    const TEXTS: Texts = texts!("Failed to get statistics", "Failed to get server version");

    fn decide(self, turn: &mut ServerTurn<'_>) -> Result<ServerDecision, Refusal> {
        let total = turn.directory.total();
        // Unlike a colony's own count, this one leaves out executors that were removed.
        let executors = total.executors.saturating_sub(total.unregisteredexecutors);
        let answer = Statistics { colonies: turn.state.count(), executors, ..total };
        Ok(ServerDecision { events: Vec::new(), answer: Box::new(answer) })
    }
}
