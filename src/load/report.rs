//! The figures of one load.

use super::measure::Measured;
use super::plan::Plan;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// What came of a load. Times are in microseconds; a step is what the scenario repeats, as a cycle of three messages.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was done.
    pub scenario: &'static str,
    /// On how many connections.
    pub connections: usize,
    /// For how long, in seconds.
    pub seconds: f64,
    /// Bytes of each process's argument.
    pub payload: usize,
    /// Steps that were measured.
    pub steps: u64,
    /// Messages that a step is.
    pub messages_a_step: u64,
    /// Steps a second.
    pub per_second: f64,
    /// The median.
    pub p50_us: u64,
    /// Nine of ten were faster.
    pub p90_us: u64,
    /// 99 of a hundred were faster.
    pub p99_us: u64,
    /// 999 of a thousand were faster.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// Processor time of the client a step.
    pub client_cpu_us: f64,
    /// How much of that was signing.
    pub signing_us: f64,
    /// The part of the client's processor time that was signing, from 0 to 1.
    pub signing_part: f64,
    /// Processor time of the server a step, where it runs in the same process.
    pub server_cpu_us: Option<f64>,
    /// Processes whose submit was acknowledged, before the measuring too.
    pub submitted: u64,
    /// Processes whose close was acknowledged.
    pub closed: u64,
    /// What else there is to say of this scenario.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

impl Report {
    /// The figures of what was seen in so long; `used` is the processor time of client and server together.
    pub fn of(plan: &Plan, measured: &Measured, length: Duration, used: Option<Duration>) -> Report {
        let latencies = &measured.latencies;
        let steps = latencies.len();
        let seconds = length.as_secs_f64();
        let a_step = |time: Duration| time.as_secs_f64() * 1e6 / steps.max(1) as f64;
        let signing = measured.in_window.signing;
        Report {
            scenario: plan.scenario.name(),
            connections: plan.connections,
            seconds,
            payload: plan.shape.payload,
            steps,
            messages_a_step: plan.scenario.messages(),
            per_second: steps as f64 / seconds.max(1e-9),
            p50_us: latencies.value_at_percentile(50.0),
            p90_us: latencies.value_at_percentile(90.0),
            p99_us: latencies.value_at_percentile(99.0),
            p999_us: latencies.value_at_percentile(99.9),
            max_us: latencies.max(),
            client_cpu_us: a_step(measured.client),
            signing_us: a_step(signing),
            signing_part: signing.as_secs_f64() / measured.client.as_secs_f64().max(1e-9),
            server_cpu_us: used.map(|used| a_step(used.saturating_sub(measured.client))),
            submitted: measured.done.submitted,
            closed: measured.done.closed,
            details: Map::new(),
        }
    }

    /// Adds a figure that only this scenario has.
    pub fn detail(&mut self, name: &str, value: Value) {
        self.details.insert(name.to_owned(), value);
    }
}
