//! `GET /metrics`: the server's figures in Prometheus' text format (chapter 6, 3, for the first ten).

use super::api::{Shared, not_found};
use super::readiness::{Phase, Readiness};
use crate::colony::colonies::statistics::Statistics;
use crate::metrics::Metrics;
use crate::metrics::connections::Cut;
use crate::metrics::messages::{End, MessageMetrics};
use crate::metrics::page::Kind::{Counter, Gauge, Histogram};
use crate::metrics::page::Page;
use crate::metrics::process::{ProcessFigures, unix_seconds};
use crate::rpc::dispatch;
use crate::rpc::route::Rpc;
use crate::server::open::VERSION;
use crate::storage::history::HistoryStore;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::atomic::Ordering;
use wal::{Health, Log};

/// Where the page is.
pub const PATH: &str = "/metrics";

const NANOS_PER_SECOND: f64 = 1e9;

/// Answers any request on the port that serves metrics alone.
pub fn handle(request: &HttpRequest, page: impl Fn() -> Page) -> HttpResponse {
    match (request.method(), request.path()) {
        (&Method::GET, PATH) => answer(page()),
        _ => not_found(),
    }
}

/// The answer with a page.
pub fn answer(page: Page) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(page.into_text())
}

/// The page of this server.
pub fn page(shared: &Shared) -> Page {
    let mut page = Page::default();
    let Shared { rpc, readiness, under_way, .. } = shared;
    write_colonies(&mut page, rpc);
    write_server(&mut page, readiness, &rpc.metrics);
    page.single(
        "colonies_http_requests_in_progress",
        Gauge,
        "Requests of the API's port that are being answered, long polls and scrapes there included.",
        under_way.load(Ordering::Relaxed),
    );
    write_messages(&mut page, &rpc.metrics);
    write_memo(&mut page, rpc);
    if let Some(log) = rpc.log.get() {
        write_log(&mut page, &**log, &rpc.metrics);
    }
    write_checkpoints(&mut page, &rpc.metrics);
    if let Some(history) = rpc.history.get() {
        write_history(&mut page, history);
    }
    write_process(&mut page, &rpc.metrics);
    page
}

/// What the colonies hold together.
fn write_colonies(page: &mut Page, rpc: &Rpc) {
    let (mut total, mut waiters) = (Statistics::default(), 0);
    for colony in rpc.directory.all() {
        let figures = colony.figures.lock();
        total = total.plus(&figures.statistics);
        waiters += figures.waiters;
    }
    // As in the server's statistics, without those that were removed.
    total.executors = total.executors.saturating_sub(total.unregisteredexecutors);
    let total = rpc.server.get().map(|_| total);
    write_statistics(page, total.as_ref());
    page.single(
        "colonies_server_waiters",
        Gauge,
        "Number of executors that wait for a process",
        known(total.map(|_| waiters)),
    );
}

/// The ten gauges of the reference, and what is like them. As there, -1 stands for what is not known.
pub fn write_statistics(page: &mut Page, total: Option<&Statistics>) {
    let mut gauge = |name, help, of: fn(&Statistics) -> usize| page.single(name, Gauge, help, known(total.map(of)));
    gauge("colonies_server_colonies", "Number of colonies", |of| of.colonies);
    gauge("colonies_server_executors", "Number of executors", |of| of.executors);
    gauge("colonies_server_processes_waiting", "Number of waiting processes", |of| of.waitingprocesses);
    gauge("colonies_server_processes_running", "Number of running processes", |of| of.runningprocesses);
    gauge("colonies_server_processes_successful", "Number of successful processes", |of| of.successfulprocesses);
    gauge("colonies_server_processes_failed", "Number of failed processes", |of| of.failedprocesses);
    gauge("colonies_server_processes_cancelled", "Number of cancelled processes", |of| of.cancelledprocesses);
    gauge("colonies_server_workflows_waiting", "Number of waiting workflows", |of| of.waitingworkflows);
    gauge("colonies_server_workflows_running", "Number of running workflows", |of| of.runningworkflows);
    gauge("colonies_server_workflows_successful", "Number of successful workflows", |of| of.successfulworkflows);
    gauge("colonies_server_workflows_failed", "Number of failed workflows", |of| of.failedworkflows);
    gauge("colonies_server_workflows_cancelled", "Number of cancelled workflows", |of| of.cancelledworkflows);
}

fn known(count: Option<usize>) -> i64 {
    count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
}

fn write_server(page: &mut Page, readiness: &Readiness, metrics: &Metrics) {
    page.family("colonies_build_info", Gauge, "The version of the server; always 1.");
    page.sample(&[("version", VERSION)], 1);
    let (ready, _) = readiness.report();
    page.single("colonies_ready", Gauge, "Whether GET /ready says so: 1 or 0.", u8::from(ready));
    let is_stopping = readiness.phase() == Phase::Stopping;
    page.single("colonies_stopping", Gauge, "Whether the server is ending: 1 or 0.", u8::from(is_stopping));
    page.single("colonies_connections", Gauge, "Open connections to the API's port.", metrics.connections.get());
    page.family(
        "colonies_connections_cut_total",
        Counter,
        "Connections that the server ended: idle where a new one needed room, too slow with a head, an answer or a \
         handshake, or new where none was idle (full).",
    );
    for reason in Cut::ALL {
        page.sample(&[("reason", reason.label())], metrics.cut.cut(reason));
    }
    page.single("colonies_websockets", Gauge, "Open websockets.", metrics.websockets.get());
    page.single(
        "colonies_mailbox_refusals_total",
        Counter,
        "Messages refused because too many waited for their colony, or for the server itself.",
        metrics.mailbox_refusals.load(Ordering::Relaxed),
    );
    if let Some(replay) = metrics.replay.get() {
        page.single(
            "colonies_replay_duration_seconds",
            Gauge,
            "How long opening the log and reading it back took at the start.",
            replay.took.as_secs_f64(),
        );
        page.single("colonies_replay_records", Gauge, "Records that were read back at the start.", replay.records);
    }
}

/// Counters of all types, so that none appears with its first event; histograms of those that came, which keeps the page
/// small.
fn write_messages(page: &mut Page, metrics: &Metrics) {
    let messages = &metrics.messages;
    let listed = dispatch::TABLE.iter().enumerate().map(|(place, entry)| (entry.name, messages.of(Some(place))));
    let all: Vec<(&'static str, &MessageMetrics)> = listed.chain([("unknown", messages.of(None))]).collect();
    page.family(
        "colonies_requests_total",
        Counter,
        "Messages by type and end: 2xx, 4xx, 5xx, or hangup where the client left before the answer.",
    );
    for (name, message) in &all {
        for end in End::ALL {
            page.sample(&[("payloadtype", name), ("end", end.label())], message.ended(end));
        }
    }
    page.family(
        "colonies_request_duration_seconds",
        Histogram,
        "From a message's last byte to its answer; with assignprocessmsg, that is mostly the wait for work.",
    );
    for (name, message) in &all {
        let took = message.duration();
        if took.count > 0 {
            page.histogram(&[("payloadtype", name)], &took, NANOS_PER_SECOND);
        }
    }
}

fn write_memo(page: &mut Page, rpc: &Rpc) {
    page.family(
        "colonies_signature_memo_lookups_total",
        Counter,
        "Signatures by whether their signer was remembered (hit) or had to be recovered (miss).",
    );
    page.sample(&[("result", "hit")], rpc.memo.hits());
    page.sample(&[("result", "miss")], rpc.memo.misses());
    page.single("colonies_signature_memo_entries", Gauge, "Signers that are remembered.", rpc.memo.len());
}

fn write_log(page: &mut Page, log: &dyn Log, metrics: &Metrics) {
    let status = log.status();
    let log = &metrics.log;
    page.family("colonies_log_sync_duration_seconds", Histogram, "How long each sync of the log took.");
    page.histogram(&[], &log.sync_duration.snapshot(), NANOS_PER_SECOND);
    page.family("colonies_log_batch_records", Histogram, "Records that each batch of the log completed.");
    page.histogram(&[], &log.batch_records.snapshot(), 1.0);
    page.single(
        "colonies_log_written_bytes_total",
        Counter,
        "Bytes written to the log, headers and padding included.",
        status.written_bytes,
    );
    page.single(
        "colonies_log_position",
        Gauge,
        "The number of the last batch that was written, through the life of the log.",
        status.written_batch,
    );
    page.single(
        "colonies_log_durable_position",
        Gauge,
        "The number of the last batch that is known to be synced.",
        status.synced_batch,
    );
    page.single("colonies_log_queued_bytes", Gauge, "Bytes that wait to be written.", status.queued_bytes);
    page.single(
        "colonies_log_free_bytes",
        Gauge,
        "Bytes that can be appended to what is allocated.",
        status.free_bytes,
    );
    page.single("colonies_log_segments", Gauge, "Segment files of the log.", status.segments);
    let disk_full = status.health == Health::DiskFull;
    page.single("colonies_log_disk_full", Gauge, "Whether no segment can be allocated: 1 or 0.", u8::from(disk_full));
    let stopped = matches!(status.health, Health::Poisoned(_));
    page.single("colonies_log_stopped", Gauge, "Whether a write or sync failed: 1 or 0.", u8::from(stopped));
}

fn write_checkpoints(page: &mut Page, metrics: &Metrics) {
    let figures = metrics.checkpoints.figures();
    page.single("colonies_checkpoints_total", Counter, "Checkpoints made since the start.", figures.made);
    page.single(
        "colonies_checkpoint_failures_total",
        Counter,
        "Checkpoints that could not be made; each is tried again.",
        figures.failed,
    );
    page.single(
        "colonies_checkpoint_timestamp_seconds",
        Gauge,
        "When the last checkpoint since the start was made; 0 until there is one.",
        figures.last,
    );
    page.single("colonies_checkpoint_bytes", Gauge, "The size of the last checkpoint.", figures.bytes);
    page.single("colonies_checkpoint_duration_seconds", Gauge, "How long the last checkpoint took.", figures.took);
}

fn write_history(page: &mut Page, history: &HistoryStore) {
    let writes = history.writes();
    page.family(
        "colonies_history_write_duration_seconds",
        Histogram,
        "How long each write to the history store took, of one or more batches, its sync included.",
    );
    page.histogram(&[], &writes.duration.snapshot(), NANOS_PER_SECOND);
    page.single(
        "colonies_history_write_failures_total",
        Counter,
        "Batches that the history store could not take; each is tried again.",
        writes.failed.load(Ordering::Relaxed),
    );
    page.single(
        "colonies_history_queue_length",
        Gauge,
        "Jobs that wait for the store's writer.",
        history.queue_length(),
    );
}

/// Under the names that exporters of Prometheus share.
fn write_process(page: &mut Page, metrics: &Metrics) {
    let figures = ProcessFigures::read();
    page.single(
        "process_cpu_seconds_total",
        Counter,
        "Processor time that the server has used.",
        figures.cpu.as_secs_f64(),
    );
    page.single(
        "process_start_time_seconds",
        Gauge,
        "When the server began, in seconds since 1970.",
        unix_seconds(metrics.started),
    );
    for (name, help, value) in [
        ("process_resident_memory_bytes", "Memory of the server that is resident.", figures.resident_bytes),
        ("process_open_fds", "Open files and sockets.", figures.open_files),
        ("process_max_fds", "Files and sockets that may be open.", figures.max_open_files),
    ] {
        if let Some(value) = value {
            page.single(name, Gauge, help, value);
        }
    }
}
