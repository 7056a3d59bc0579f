//! What is shown: the difference of two looks at a server.

use super::look::{ColonyLook, Look};
use crate::client::{ExecutorState, Samples, Statistics};
use crate::time::Time;
use serde::Serialize;

/// What a frame shows.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Seconds that rates and latencies are of.
    pub seconds: f64,
    /// The process that serves.
    pub server: Server,
    /// What waits, runs and has ended.
    pub queues: Vec<Queue>,
    /// Events a second.
    pub rates: Rates,
    /// How long things took, the log's syncs first, then messages, the most frequent first.
    pub latencies: Vec<Latency>,
    /// Executors that wait for work, in all colonies.
    pub executors_waiting: u64,
    /// The executors of the colony, those heard of last first.
    pub executors: Vec<ExecutorLine>,
}

/// The process that serves.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Where it is.
    pub url: String,
    /// Its version.
    pub version: String,
    /// Whether it takes work.
    pub ready: bool,
    /// Seconds since its start.
    pub uptime: Option<u64>,
    /// Processor time a second: 1 is one core.
    pub cores: Option<f64>,
    /// Bytes of memory.
    pub resident_bytes: Option<u64>,
    /// Open connections.
    pub connections: u64,
    /// Open websockets.
    pub websockets: u64,
}

/// Processes or workflows by their states; `None` is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Whose.
    pub of: String,
    /// In the order waiting, running, successful, failed, cancelled.
    pub counts: [Option<u64>; 5],
}

/// Events a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    /// Functions and workflows submitted.
    pub submitted: f64,
    /// Processes that executors got.
    pub assigned: f64,
    /// Processes that executors ended.
    pub closed: f64,
    /// Messages of all kinds.
    pub requests: f64,
    /// Messages answered with 4xx.
    pub refused: f64,
    /// Messages answered with 5xx.
    pub failed: f64,
    /// Syncs of the log.
    pub syncs: f64,
}

/// How long something took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// What.
    pub what: String,
    /// How often a second.
    pub rate: f64,
    /// Half took at most so many seconds, about.
    pub median: f64,
    /// 99 of 100 took at most so many seconds, about.
    pub p99: f64,
}

/// An executor.
#[derive(Clone, Debug, Serialize)]
pub struct ExecutorLine {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its state.
    pub state: ExecutorState,
    /// Seconds since it was last heard of.
    pub silent: Option<u64>,
}

const STATES: [&str; 5] = ["waiting", "running", "successful", "failed", "cancelled"];
const SUBMITS: [&str; 2] = ["submitfuncspecmsg", "submitworkflowspecmsg"];
const CLOSES: [&str; 2] = ["closesuccessfulmsg", "closefailedmsg"];
const REQUESTS: &str = "colonies_requests_total";
const TOOK: &str = "colonies_request_duration_seconds";
const SYNCS: &str = "colonies_log_sync_duration_seconds";

impl Figures {
    /// What happened between two looks, and what there is at the second.
    pub fn between(before: &Look, now: &Look) -> Figures {
        let change = Change {
            before: &before.samples,
            now: &now.samples,
            seconds: now.at.saturating_duration_since(before.at).as_secs_f64().max(1e-3),
        };
        Figures {
            seconds: change.seconds,
            server: Server::of(now, &change),
            queues: queues(now),
            rates: Rates::of(&change),
            latencies: latencies(&change),
            executors_waiting: count(now.samples.value("colonies_server_waiters")).unwrap_or(0),
            executors: now.colony.as_ref().map(|colony| executors(colony, now)).unwrap_or_default(),
        }
    }
}

/// Two pages, and the time between them.
struct Change<'a> {
    before: &'a Samples,
    now: &'a Samples,
    seconds: f64,
}

impl Change<'_> {
    /// How much a counter grew a second. One that is smaller than before began anew with its server.
    fn rate(&self, name: &str, with: &[(&str, &str)]) -> f64 {
        let (before, now) = (self.before.sum(name, with), self.now.sum(name, with));
        (if now < before { now } else { now - before }) / self.seconds
    }

    /// Successful answers to any of these messages a second.
    fn messages(&self, names: &[&str]) -> f64 {
        names.iter().map(|name| self.rate(REQUESTS, &[("payloadtype", name), ("end", "2xx")])).sum()
    }

    fn latency(&self, what: &str, name: &str, with: &[(&str, &str)]) -> Option<Latency> {
        let (before, now) = (self.before.buckets(name, with), self.now.buckets(name, with));
        let earlier = |bound: f64| before.iter().find(|(found, _)| *found == bound).map_or(0.0, |(_, count)| *count);
        let began_anew = now.iter().any(|&(bound, count)| count < earlier(bound));
        let grown: Vec<_> = now
            .iter()
            .map(|&(bound, count)| (bound, if began_anew { count } else { count - earlier(bound) }))
            .collect();
        let count = grown.last().map_or(0.0, |&(_, count)| count);
        (count > 0.0).then(|| Latency {
            what: what.to_owned(),
            rate: count / self.seconds,
            median: quantile(&grown, 0.5),
            p99: quantile(&grown, 0.99),
        })
    }
}

/// The value that this share of those counted is at most: within its bucket as if they were spread evenly. Beyond the
/// last bound it is that bound.
fn quantile(buckets: &[(f64, f64)], share: f64) -> f64 {
    let wanted = buckets.last().map_or(0.0, |&(_, count)| count) * share;
    let (mut lower, mut below) = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= wanted && count > below {
            let upper = if bound.is_finite() { bound } else { lower };
            return lower + (upper - lower) * (wanted - below) / (count - below);
        }
        (lower, below) = (bound, count);
    }
    lower
}

impl Server {
    fn of(now: &Look, change: &Change<'_>) -> Server {
        let samples = &now.samples;
        let started = samples.value("process_start_time_seconds");
        let version = samples.label_values("colonies_build_info", "version").first().map(|&version| version.to_owned());
        Server {
            url: now.url.clone(),
            version: version.unwrap_or_default(),
            ready: samples.value("colonies_ready") == Some(1.0),
            uptime: started.map(|started| (now.time.as_secs_f64() - started).max(0.0) as u64),
            cores: samples.value("process_cpu_seconds_total").map(|_| change.rate("process_cpu_seconds_total", &[])),
            resident_bytes: count(samples.value("process_resident_memory_bytes")),
            connections: count(samples.value("colonies_connections")).unwrap_or(0),
            websockets: count(samples.value("colonies_websockets")).unwrap_or(0),
        }
    }
}

impl Rates {
    fn of(change: &Change<'_>) -> Rates {
        let ended = |end: &str| change.rate(REQUESTS, &[("end", end)]);
        Rates {
            submitted: change.messages(&SUBMITS),
            assigned: change.messages(&["assignprocessmsg"]),
            closed: change.messages(&CLOSES),
            requests: change.rate(REQUESTS, &[]),
            refused: ended("4xx"),
            failed: ended("5xx"),
            syncs: change.rate(&format!("{SYNCS}_count"), &[]),
        }
    }
}

/// -1 stands for what a server does not know yet.
fn count(value: Option<f64>) -> Option<u64> {
    value.filter(|value| *value >= 0.0).map(|value| value as u64)
}

fn queues(now: &Look) -> Vec<Queue> {
    let of_server = |kind: &str| Queue {
        of: format!("{kind} of the server"),
        counts: STATES.map(|state| count(now.samples.value(&format!("colonies_server_{kind}_{state}")))),
    };
    let mut queues = vec![of_server("processes"), of_server("workflows")];
    if let Some(ColonyLook { name, statistics, .. }) = &now.colony {
        let (processes, workflows) = counts(statistics);
        queues.push(Queue { of: format!("processes of {name}"), counts: processes });
        queues.push(Queue { of: format!("workflows of {name}"), counts: workflows });
    }
    queues
}

fn counts(of: &Statistics) -> ([Option<u64>; 5], [Option<u64>; 5]) {
    let processes =
        [of.waitingprocesses, of.runningprocesses, of.successfulprocesses, of.failedprocesses, of.cancelledprocesses];
    let workflows =
        [of.waitingworkflows, of.runningworkflows, of.successfulworkflows, of.failedworkflows, of.cancelledworkflows];
    (processes.map(|count| Some(count as u64)), workflows.map(|count| Some(count as u64)))
}

fn latencies(change: &Change<'_>) -> Vec<Latency> {
    let names = change.now.label_values(&format!("{TOOK}_bucket"), "payloadtype");
    let mut latencies: Vec<_> =
        names.iter().filter_map(|name| change.latency(name, TOOK, &[("payloadtype", name)])).collect();
    latencies.sort_by(|one, other| other.rate.total_cmp(&one.rate));
    change.latency("sync of the log", SYNCS, &[]).into_iter().chain(latencies).collect()
}

fn executors(colony: &ColonyLook, now: &Look) -> Vec<ExecutorLine> {
    let now = Time::from_micros(i64::try_from(now.time.as_micros()).unwrap_or(i64::MAX));
    let line = |executor: &crate::client::Executor| ExecutorLine {
        name: executor.executorname.clone(),
        kind: executor.executortype.clone(),
        state: executor.state,
        silent: executor
            .lastheardfromtime
            .is_set()
            .then(|| now.seconds_since(executor.lastheardfromtime).max(0.0) as u64),
    };
    colony.executors.iter().map(line).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn page(submits: u64, fast: u64, slow: u64) -> String {
        let all = fast + slow;
        format!(
            "colonies_build_info{{version=\"1.2.3\"}} 1\ncolonies_ready 1\nprocess_start_time_seconds 1000\n\
             process_cpu_seconds_total {submits}\nprocess_resident_memory_bytes 20971520\n\
             colonies_server_processes_waiting 7\ncolonies_server_processes_running -1\ncolonies_server_waiters 3\n\
             colonies_requests_total{{payloadtype=\"submitfuncspecmsg\",end=\"2xx\"}} {submits}\n\
             colonies_requests_total{{payloadtype=\"unknown\",end=\"4xx\"}} 2\n\
             colonies_request_duration_seconds_bucket{{payloadtype=\"submitfuncspecmsg\",le=\"0.001\"}} {fast}\n\
             colonies_request_duration_seconds_bucket{{payloadtype=\"submitfuncspecmsg\",le=\"0.01\"}} {all}\n\
             colonies_request_duration_seconds_bucket{{payloadtype=\"submitfuncspecmsg\",le=\"+Inf\"}} {all}\n\
             colonies_request_duration_seconds_count{{payloadtype=\"submitfuncspecmsg\"}} {all}\n"
        )
    }

    fn look(page: &str, at: Instant) -> Look {
        let samples = Samples::parse(page);
        Look { at, time: Duration::from_secs(4_660), url: "http://h:1".to_owned(), samples, colony: None }
    }

    /// Two seconds in which a hundred functions were submitted.
    pub fn sample() -> Figures {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(2);
        Figures::between(&look(&page(10, 8, 2), begin), &look(&page(110, 58, 52), end))
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let figures = sample();
        assert_eq!((figures.rates.requests, figures.rates.submitted, figures.rates.refused), (50.0, 50.0, 0.0));
        assert_eq!((figures.server.cores, figures.server.uptime), (Some(50.0), Some(3_660)));
        assert_eq!(figures.queues[0].counts, [Some(7), None, None, None, None], "-1 is not known");
        let latency = &figures.latencies[0];
        assert_eq!((latency.what.as_str(), latency.rate), ("submitfuncspecmsg", 50.0));
        // Fifty took up to a millisecond, fifty up to ten.
        assert!((latency.median - 0.001).abs() < 1e-9 && (latency.p99 - 0.00982).abs() < 1e-9, "{latency:?}");
    }

    #[test]
    fn a_server_that_began_anew_is_not_counted_backwards() {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(1);
        let figures = Figures::between(&look(&page(110, 58, 52), begin), &look(&page(5, 5, 0), end));
        assert_eq!((figures.rates.submitted, figures.latencies[0].rate), (5.0, 5.0));
    }

    #[test]
    fn quantiles_end_at_the_last_bound() {
        assert_eq!(quantile(&[(1.0, 0.0), (f64::INFINITY, 4.0)], 0.99), 1.0);
        assert_eq!(quantile(&[(1.0, 4.0), (2.0, 4.0), (f64::INFINITY, 4.0)], 1.0), 1.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
