//! What to do to a server, doing it, and what came of it.

use super::colony::{LoadColony, Shape};
use super::handoff::Handoff;
use super::lane::Tally;
use super::measure::{Measured, Window, closed_loop, open_loop};
use super::mixed::Mixed;
use super::pulse::{Length, Pulse};
use super::report::Report;
use super::{LoadError, cpu, workflow};
use crate::client::Client;
use crate::crypto::PrivateKey;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Each connection submits
    Submit,
    /// Each connection submits, assigns and closes, one after the other
    Cycle,
    /// One process at a time to one waiting executor: from the submit's first byte to the executor's last
    Handoff,
    /// The same while many executors wait (--executors): each submit must wake one of them
    Herd,
    /// Cycles while many processes wait (--depth)
    Deep,
    /// Cycles after many others (--past)
    Past,
    /// Cycles in many colonies at once (--colonies)
    Colonies,
    /// A workflow (--nodes), submitted and drained by --connections executors; then as many single processes
    Workflow,
    /// Submit, assign, log, look, close, statistics at a set rate (--rate), whether the server keeps up or not
    Mixed,
}

impl Scenario {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Submit => "submit",
            Scenario::Cycle => "cycle",
            Scenario::Handoff => "handoff",
            Scenario::Herd => "herd",
            Scenario::Deep => "deep",
            Scenario::Past => "past",
            Scenario::Colonies => "colonies",
            Scenario::Workflow => "workflow",
            Scenario::Mixed => "mixed",
        }
    }

    /// How many messages a step of it is.
    pub fn messages(self) -> u64 {
        match self {
            Scenario::Submit | Scenario::Mixed => 1,
            Scenario::Workflow => 2,
            Scenario::Cycle
            | Scenario::Handoff
            | Scenario::Herd
            | Scenario::Deep
            | Scenario::Past
            | Scenario::Colonies => 3,
        }
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What.
    pub scenario: Scenario,
    /// On how many connections.
    pub connections: usize,
    /// How long it is measured.
    pub length: Duration,
    /// How long it is done before that.
    pub warm_up: Duration,
    /// The processes.
    pub shape: Shape,
    /// Executors that wait in a herd.
    pub executors: usize,
    /// Processes that wait.
    pub depth: usize,
    /// Processes that have been.
    pub past: usize,
    /// Colonies at once.
    pub colonies: usize,
    /// Nodes of a workflow.
    pub nodes: usize,
    /// Messages a second of the mixed load.
    pub rate: f64,
}

/// A server to put load on.
pub struct Target {
    /// Where it is.
    pub address: SocketAddr,
    /// Its owner's key, to make colonies with; a stand-in has none and needs no colony.
    pub owner: Option<PrivateKey>,
    /// Whether it runs in this process, so that its processor time is known.
    pub is_here: bool,
}

impl Target {
    fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address))
    }
}

/// Puts the load on a server, and looks that nothing that was acknowledged is lost. Colonies that it makes are removed
/// afterwards.
///
/// # Errors
/// See [`LoadError`].
pub fn run(plan: &Plan, target: &Target, pulse: &Pulse) -> Result<Report, LoadError> {
    let executors = match plan.scenario {
        Scenario::Handoff | Scenario::Colonies => 1,
        Scenario::Herd => plan.executors,
        _ => plan.connections,
    };
    let count = if plan.scenario == Scenario::Colonies { plan.colonies.max(1) } else { 1 };
    pulse.begin("making colonies", Length::Steps(count as u64));
    let mut colonies = Vec::new();
    for _ in 0..count {
        let colony = match &target.owner {
            Some(owner) => LoadColony::make(&target.client(), owner, plan.shape, executors)?,
            None => LoadColony::plan(plan.shape, executors),
        };
        colonies.push(Arc::new(colony));
        pulse.step();
    }
    let report = put(plan, target, &colonies, pulse);
    if let Some(owner) = &target.owner {
        pulse.begin("removing colonies", Length::Steps(count as u64));
        for colony in &colonies {
            let removed = colony.remove(&target.client(), owner);
            // A failure of the load says more.
            if report.is_ok() {
                removed?;
            }
            pulse.step();
        }
    }
    report
}

fn put(plan: &Plan, target: &Target, colonies: &[Arc<LoadColony>], pulse: &Pulse) -> Result<Report, LoadError> {
    let colony = &colonies[0];
    let Plan { connections, .. } = *plan;
    let mut before = Tally::default();
    let (waiting, past) = match plan.scenario {
        Scenario::Deep => (plan.depth, 0),
        Scenario::Past => (0, plan.past),
        _ => (0, 0),
    };
    if waiting > 0 {
        before = before.plus(workflow::fill(target.address, colony, waiting, connections, pulse)?.done);
    }
    if past > 0 {
        before = before.plus(workflow::make_past(target.address, colony, past, connections, pulse)?.done);
    }
    if plan.scenario == Scenario::Workflow {
        // A server that has just started is still preparing its log.
        pulse.begin("warming up", Length::Time(plan.warm_up));
        let warm_up = Window::from_now(plan.warm_up, Duration::ZERO);
        let cycle = |lane: &mut _, number, _| colony.cycle(lane, number);
        before = before.plus(closed_loop(target.address, connections, warm_up, pulse, cycle)?.done);
        let drained = workflow::run(target.address, colony, plan.nodes, connections, pulse)?;
        let done = before.plus(drained.measured.done);
        check(target, colonies, done)?;
        let rate = |took: Duration| plan.nodes as f64 / took.as_secs_f64().max(1e-9);
        let mut measured = drained.measured;
        measured.done = done;
        let mut report = Report::of(plan, &measured, drained.drained_in, None);
        report.detail("nodes", json!(plan.nodes));
        report.detail("submitted_in_ms", json!(drained.submitted_in.as_secs_f64() * 1e3));
        report.detail("nodes_per_second", json!(rate(drained.drained_in)));
        report.detail("singles_per_second", json!(rate(drained.singles_drained_in)));
        report.detail("ratio_to_singles", json!(rate(drained.drained_in) / rate(drained.singles_drained_in)));
        return Ok(report);
    }
    let mut woken = None;
    let (mut measured, used) = in_window(plan, pulse, |window| match plan.scenario {
        Scenario::Submit => closed_loop(target.address, connections, window, pulse, |lane, _, _| colony.submit(lane)),
        Scenario::Handoff | Scenario::Herd => {
            let mut handoff = Handoff::begin(target.address, colony.clone())?;
            let measured = handoff.run(window, pulse)?;
            woken = Some(handoff.woken());
            Ok(measured)
        }
        Scenario::Mixed => {
            let mixed = Mixed::new(colony, connections);
            let step = |lane: &mut _, number, nth| mixed.step(lane, number, nth);
            open_loop(target.address, connections, plan.rate, window, pulse, step)
        }
        // Each connection goes through all colonies, beginning with another one.
        _ => closed_loop(target.address, connections, window, pulse, |lane, number, nth| {
            let first = number * colonies.len() / connections.max(1);
            colonies[(first + nth) % colonies.len()].cycle(lane, number)
        }),
    })?;
    measured.done = measured.done.plus(before);
    check(target, colonies, measured.done)?;
    let mut report = Report::of(plan, &measured, plan.length, target.is_here.then_some(used));
    match plan.scenario {
        Scenario::Deep => report.detail("depth", json!(plan.depth)),
        Scenario::Past => report.detail("past", json!(plan.past)),
        Scenario::Colonies => report.detail("colonies", json!(colonies.len())),
        Scenario::Mixed => report.detail("rate", json!(plan.rate)),
        _ => {}
    }
    if let Some((executors, most)) = woken {
        report.detail("executors", json!(colony.executors()));
        report.detail("woken", json!(executors));
        report.detail("most_often", json!(most));
    }
    Ok(report)
}

/// Does something in a window; also the processor time of this process in it.
fn in_window(
    plan: &Plan,
    pulse: &Pulse,
    work: impl FnOnce(Window) -> Result<Measured, LoadError>,
) -> Result<(Measured, Duration), LoadError> {
    let window = Window::from_now(plan.warm_up, plan.length);
    let until = |moment: Instant| std::thread::sleep(moment.saturating_duration_since(Instant::now()));
    pulse.begin("warming up", Length::Time(plan.warm_up));
    std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            until(window.begin);
            pulse.begin(plan.scenario.name(), Length::Time(plan.length));
            let used = cpu::of_process();
            until(window.end);
            cpu::of_process().saturating_sub(used)
        });
        let measured = work(window)?;
        let used = watch.join().map_err(|_| LoadError::Thread)?;
        Ok((measured, used))
    })
}

/// Looks that all is there that was acknowledged.
fn check(target: &Target, colonies: &[Arc<LoadColony>], done: Tally) -> Result<(), LoadError> {
    if target.owner.is_none() {
        return Ok(());
    }
    let client = target.client();
    let counts = colonies.iter().map(|colony| colony.counted(&client));
    let (mut there, mut closed) = (0, 0);
    for count in counts {
        let (more, of_them_closed) = count?;
        there += more;
        closed += of_them_closed;
    }
    for (what, acknowledged, counted) in [("submitted", done.submitted, there), ("closed", done.closed, closed)] {
        if acknowledged != counted {
            return Err(LoadError::Lost { what, acknowledged, counted });
        }
    }
    Ok(())
}
