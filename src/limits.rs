//! Every bound of the server, with its unit and its reason. Everything that comes from the network has one.

use std::time::Duration;

/// How deeply JSON may be nested. serde_json reads typed values no deeper; what is carried unread is held to the same.
pub const JSON_DEPTH: usize = 127;

/// Bytes of a request body. Channel payloads of 10 MiB grow in base64 within base64; the reference took 40 MB.
pub const BODY_BYTES: usize = 100 << 20;

/// Bytes of a body above which parsing and hashing leave the worker's event loop: a millisecond's work.
pub const LARGE_BODY_BYTES: usize = 256 << 10;

/// Time from the first byte of a request to the end of its head (chapter 1, 1.2).
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a whole body. actix-web has none of its own; 100 MiB in this time is 0.9 MB/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an idle connection is kept (chapter 1, 1.2).
pub const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// Connections a worker holds at once. The limit on open files is raised to the hard limit at start.
pub const CONNECTIONS_PER_WORKER: usize = 25_000;

/// Messages in a colony's mailbox. actix's default of 16 would refuse ordinary bursts; at 10 µs a turn this is 40 ms.
pub const MAILBOX: usize = 4_096;

/// Long polls that wait in one colony.
pub const WAITERS_PER_COLONY: usize = 100_000;

/// Processes that wait in one colony.
pub const WAITING_PER_COLONY: usize = 5_000_000;

/// Bytes of memory that the processes and log lines of one colony may take, about. At this bound submits, attributes
/// and log lines are refused with 503; what ends or removes work never is.
pub const BYTES_PER_COLONY: usize = 4 << 30;

/// Users, executors, locations and functions of one colony, each: 400 beyond. A gigabyte at a kilobyte each.
pub const RECORDS_PER_COLONY: usize = 1_000_000;

/// Attributes of one process, its environment included: 400 beyond. Every change of its state walks them.
pub const ATTRIBUTES_PER_PROCESS: usize = 10_000;

/// Bytes of processes in one list, about; what goes beyond is left out, but for the first row. A reply is built in
/// memory, and base64 adds a third.
pub const LIST_BYTES: usize = 64 << 20;

/// Bytes of a name (colony, user, executor, location); the protocol asks for at least 1 kB (chapter 1, 6).
pub const NAME_BYTES: usize = 2_048;

/// Executors by name that one process may ask for: it stands in a queue for each.
pub const EXECUTOR_NAMES: usize = 1_000;

/// Elements of one list in one message.
pub const LIST_ELEMENTS: usize = 1_000_000;

/// Nodes of one workflow.
pub const GRAPH_NODES: usize = 200_000;

/// Dependencies of all nodes of one workflow together.
pub const GRAPH_DEPENDENCIES: usize = 2_000_000;

/// Rows of one process list (chapter 2, 7.2).
pub const PROCESS_ROWS: i64 = 100;

/// Rows of the process history, which has no limit of its own (chapter 2, 10.1 advises a cap): the newest, as many as
/// one turn can take in about 2 ms.
pub const HISTORY_ROWS: usize = 10_000;

/// Processes that one process history looks at to find those of one executor.
pub const HISTORY_SCAN: usize = 100_000;

/// Processes that one turn removes where an owner removes all: 2 ms.
pub const REMOVALS_A_TURN: usize = 256;

/// Silent executors that one sweep's turn removes.
pub const SWEPT_A_TURN: usize = 32;

/// How long an executor that asked for work may be silent before it is removed (chapter 1, 9.8).
pub const STALE_EXECUTOR: Duration = Duration::from_secs(600);

/// How often that is looked at.
pub const SWEEP: Duration = Duration::from_secs(60);

/// Removals of all processes that may be under way in one colony.
pub const GRADUAL_JOBS: usize = 16;

/// History entries kept of one blueprint; the oldest go first. A change a minute fills this in a week.
pub const BLUEPRINT_HISTORY: usize = 10_000;

/// Values and choices that the validation of one blueprint may look at: some 10 ms. Beyond, the blueprint is refused.
pub const VALIDATION_STEPS: usize = 1_000_000;

/// Lines of one log reply (chapter 4, 2.4).
pub const LOG_ROWS: i64 = 500;

/// Channels of one process; more are echoed and never usable (chapter 2, 2.1).
pub const CHANNELS_PER_PROCESS: usize = 100;

/// Nodes, processes and processes per node that an assignable process may ask for (chapter 2, 5.3).
pub const NODES: i32 = 127;

/// Bytes of log credit that a turn takes beyond its own record, for the assignments that it causes.
pub const MATCH_CREDIT: usize = 16 << 10;

/// Bytes of an assignment's event in a record, at most.
pub const ASSIGNMENT_EVENT_BYTES: usize = 256;

/// How long after a start what expired while the server was down is left alone, so that executors can come back and
/// close their work.
pub const RESTART_GRACE: Duration = Duration::from_secs(5);

/// Seconds of a long poll, at most: a year. Longer ones are clamped.
pub const POLL_SECONDS: i64 = 366 * 86_400;

/// Websocket subscriptions in one colony.
pub const SUBSCRIPTIONS_PER_COLONY: usize = 200_000;

/// Bytes of one websocket frame from a client; subscription frames are below 10 kB.
pub const FRAME_BYTES: usize = 1 << 20;

/// Events that wait for one slow websocket client before it is cut off.
pub const EVENTS_PER_SUBSCRIBER: usize = 256;

/// How long a graceful stop may take.
pub const STOP: Duration = Duration::from_secs(5);

/// Bytes of records that may wait for the log's writer; also the largest record, so more than a body.
pub const LOG_QUEUE_BYTES: u64 = 192 << 20;
