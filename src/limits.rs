//! Every bound of the server, with its unit and its reason. Everything that comes from the network has one.

use std::time::Duration;

/// How deeply JSON may be nested. serde_json reads typed values no deeper; what is carried unread is held to the same.
pub const JSON_DEPTH: usize = 127;

/// Bytes of a request body. Channel payloads of 10 MiB grow in base64 within base64; the reference took 40 MB.
pub const BODY_BYTES: usize = 100 << 20;

/// Bytes of all request bodies in flight together. A body that is being read takes about three times its size with what
/// is decoded of it.
pub const BODY_MEMORY_BYTES: usize = 1 << 30;

/// Bytes of a body above which parsing and hashing leave the worker's event loop: a millisecond's work.
pub const LARGE_BODY_BYTES: usize = 256 << 10;

/// Time from the first byte of a request to the end of its head (chapter 1, 1.2).
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for a whole body. actix-web has none of its own; 100 MiB in this time is 0.9 MB/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an idle connection is kept (chapter 1, 1.2).
pub const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// How long an answer may wait for its client to take some more of it: it is in memory meanwhile.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Connections a worker holds at once, where the limit on open files allows that many. Beyond, the one that has been idle
/// longest makes room.
pub const CONNECTIONS_PER_WORKER: usize = 25_000;

/// Connections a worker may have beyond those: new ones that it has not looked at, accepted or given by another worker,
/// and old ones that it is ending.
pub const CONNECTIONS_IN_PASSING: usize = 256;

/// Open files that are kept for what is no connection: the log, the history store, its readers.
pub const FILES_OF_ITS_OWN: usize = 256;

/// Bytes of a request that are read, and not looked at, after a connection was refused: an unread rest would reset the
/// connection, and the client would not see why.
pub const UNHEARD_BYTES: usize = 64 << 10;

/// How long that may take.
pub const UNHEARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections to the port that serves metrics: some monitors, each with one or two.
pub const MONITOR_CONNECTIONS: usize = 64;

/// Bytes of memory, about, that one turn copies for a checkpoint: well below a millisecond's work.
pub const CHECKPOINT_SLICE_BYTES: usize = 128 << 10;

/// Bytes that the log grows by before a checkpoint is made, at least: a second or less to read back at a start.
pub const CHECKPOINT_LOG_BYTES: u64 = 128 << 20;

/// After a checkpoint that could not be made, the next try waits this long.
pub const CHECKPOINT_RETRY: Duration = Duration::from_secs(30);

/// Messages in a colony's mailbox. actix's default of 16 would refuse ordinary bursts; at 10 µs a turn this is 40 ms.
pub const MAILBOX: usize = 4_096;

/// Answers of one colony, or of the server itself, to what changes nothing that wait until what they reveal is durable. It
/// is no more than what clients ask during one sync of the log, unless the disk hangs and they ask again and again.
pub const WAITING_ANSWERS: usize = 8_192;

/// Long polls that wait in one colony.
pub const WAITERS_PER_COLONY: usize = 100_000;

/// Processes that wait in one colony.
pub const WAITING_PER_COLONY: usize = 5_000_000;

/// Bytes of memory that the processes, log lines, files and snapshots of one colony may take, about. At this bound
/// submits, attributes, log lines, files and snapshots are refused with 503; what ends or removes something never is.
pub const BYTES_PER_COLONY: usize = 4 << 30;

/// Users, living executors, locations and functions of one colony, each: 400 beyond. Their lists have no pages, and
/// this many are some 50 ms of one turn.
pub const RECORDS_PER_COLONY: usize = 100_000;

/// Records of removed executors that a colony keeps; beyond, the oldest makes room for a new name.
pub const UNREGISTERED_EXECUTORS: usize = 10_000;

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

/// Polls whose client has gone that one turn looks at; the rest comes in the next one. With what expires in the same
/// turn, their events fit into [`OWN_TURN_CREDIT`].
pub const LEAVERS_A_TURN: usize = 128;

/// Silent executors that one sweep's turn removes.
pub const SWEPT_A_TURN: usize = 32;

/// How long an executor that asked for work may be silent before it is removed (chapter 1, 9.8).
pub const STALE_EXECUTOR: Duration = Duration::from_secs(600);

/// How often that is looked at.
pub const SWEEP: Duration = Duration::from_secs(60);

/// Processes that such a turn looks at to find them: a millisecond.
pub const LOOKS_A_TURN: usize = 4_096;
/// Milliseconds of the checkers' periods (chapter 3, 5.1 and 6.1). Nothing is checked here: it is what clients are
/// shown, and the grace and the first retry of what starts by itself.
pub const CHECKER_PERIOD_MS: u32 = 1_000;

/// The longest wait until a cron or generator that could not start is tried again.
pub const SCHEDULE_RETRY: Duration = Duration::from_secs(60);

/// Crons and generators that one tick of a colony's timer starts, so that others get their turns between.
pub const STARTS_A_TICK: usize = 16;

/// How long what has ended stays in memory before it goes to the history store: most is asked for just then.
pub const ARCHIVE_AFTER: Duration = Duration::from_secs(5);

/// How often a colony writes finished work to the history store, unless as many processes and workflows are due as a batch
/// has records, or more was due than the last batch took: each batch touches a page of each index for its colony, and is a
/// share of a sync.
pub const RECORDS_INTERVAL: Duration = Duration::from_secs(5);

/// How often a colony writes log lines to the history store and removes what is to be removed, unless more was due than the
/// last batch took. Finished work that is due goes along.
pub const LINES_INTERVAL: Duration = Duration::from_secs(1);

/// How soon a batch is tried again that the history store could not take.
pub const ARCHIVE_RETRY: Duration = Duration::from_secs(5);

/// How long a stop waits for the history store.
pub const HISTORY_CLOSE: Duration = Duration::from_millis(500);

/// Requests that read from the history store at once; others wait. Each has a page cache of 8 MiB.
pub const HISTORY_READERS: usize = 4;

/// Records, and as many lines, of one batch for the history store: a millisecond of a turn.
pub const ARCHIVED_A_BATCH: usize = 1_000;

/// Bytes of one such batch, about; a record or workflow that is larger is a batch of its own.
pub const ARCHIVED_BYTES_A_BATCH: usize = 4 << 20;

/// Bytes of log lines of one such batch, about: writing them takes some 40 ms, and others wait for that.
pub const ARCHIVED_TEXT_A_BATCH: usize = 1 << 20;

/// How long the history store waits for batches of other colonies, to write and sync them together: each transaction
/// costs some 300 µs of CPU and two syncs, and nobody waits for it.
pub const ARCHIVE_GATHER: Duration = Duration::from_millis(100);

/// Removals of one such batch: most are of rows that were never written.
pub const REMOVALS_A_BATCH: usize = 10_000;

/// Pause between two sweeps of what is too old where there is more: meanwhile others' requests for the past are served.
pub const SWEEP_PAUSE: Duration = Duration::from_millis(250);

/// Removals of all processes that may be under way in one colony.
pub const GRADUAL_JOBS: usize = 16;

/// History entries kept of one blueprint; the oldest go first. A change a minute fills this in a week.
pub const BLUEPRINT_HISTORY: usize = 10_000;

/// Values and choices that the validation of one blueprint may look at: some 10 ms. Beyond, the blueprint is refused.
pub const VALIDATION_STEPS: usize = 1_000_000;

/// Lines of one log reply (chapter 4, 2.4).
pub const LOG_ROWS: i64 = 500;

/// Lines of one log search's reply (chapter 4, 2.5).
pub const SEARCH_ROWS: i64 = 100;

/// Days that a log search looks back (chapter 4, 2.5).
pub const SEARCH_DAYS: i64 = 30;

/// Lines that one log search looks at: in memory, and of the past without an index, the newest of its window; with an
/// index the oldest that may have the text. Each may be a miss of the processor's cache.
pub const SEARCHED_LINES: usize = 50_000;

/// Bytes of the lines that one log search looks at, about: a few milliseconds.
pub const SEARCHED_BYTES: usize = 16 << 20;

/// Lines of one segment of the index of past lines. A search reads those that are in none yet: some 10 ms at most.
pub const INDEXED_LINES: u16 = 16 << 10;

/// Bytes of the lines of one such segment, about. Making it takes some 80 ms and 24 MB while others wait, up to a second
/// where every character is another one.
pub const INDEXED_BYTES: usize = 2 << 20;

/// Bytes of a line that is indexed; every search looks into longer ones.
pub const INDEXED_LINE_BYTES: usize = 1 << 20;

/// Characters that one log search compares; with wildcards each may be compared many times. About 10 ms.
pub const SEARCH_STEPS: usize = 4 << 20;

/// Bytes of the text that a log search looks for: 400 beyond. It is taken apart into characters.
pub const SEARCH_TEXT_BYTES: usize = 64 << 10;

/// Revisions of files in one colony: 400 beyond. Two and a half gigabytes at half a kilobyte each.
pub const FILES_PER_COLONY: usize = 5_000_000;

/// Bytes of the texts of one file or snapshot together: 400 beyond. The reference takes about 2.7 kB of most.
pub const FILE_TEXT_BYTES: usize = 64 << 10;

/// Files of one snapshot: 400 beyond. They are gathered in one turn and shown in one reply of 13 MB.
pub const SNAPSHOT_FILES: usize = 200_000;

/// Snapshots of one colony: 400 beyond. One turn may remove all of them.
pub const SNAPSHOTS_PER_COLONY: usize = 100_000;

/// Channels of one process; more are echoed and never usable (chapter 2, 2.1).
pub const CHANNELS_PER_PROCESS: usize = 100;

/// Entries of one channel; nothing is dropped to make room (chapter 4, 5.4).
pub const CHANNEL_ENTRIES: usize = 10_000;

/// Bytes of one entry's payload (chapter 4, 5.4).
pub const CHANNEL_PAYLOAD_BYTES: usize = 10 << 20;

/// Bytes of memory that the entries of one process may take, about: a dozen of the largest.
pub const CHANNEL_BYTES_PER_PROCESS: usize = 128 << 20;

/// The same for all processes of the server together, entries that slow subscribers have not read yet included.
pub const CHANNEL_BYTES: usize = 1 << 30;

/// Appends of one process that may come at once (chapter 4, 5.4).
pub const CHANNEL_BURST: u64 = 500;

/// Appends of one process a second beyond that.
pub const CHANNEL_RATE: u64 = 100;

/// Bytes of entries in one websocket frame, about, where a subscription begins with many; a larger entry has a frame
/// of its own. Clients' libraries take frames of 16 MiB, and base64 within base64 adds four fifths.
pub const CHANNEL_FRAME_BYTES: usize = 4 << 20;

/// Entries that wait for one slow subscriber of a channel before it is let go (chapter 4, 6.6).
pub const ENTRIES_PER_SUBSCRIBER: usize = 10_000;

/// Seconds of a subscription to a channel that names none (chapter 4, 6.5).
pub const CHANNEL_SECONDS: i64 = 30;

/// Nodes, processes and processes per node that an assignable process may ask for (chapter 2, 5.3).
pub const NODES: i32 = 127;

/// Bytes of log credit that a turn takes beyond its own record, for the assignments that it causes.
pub const MATCH_CREDIT: usize = 16 << 10;

/// Bytes of log credit for a turn of the colony's own: 256 expiries and [`LEAVERS_A_TURN`], with room to spare.
pub const OWN_TURN_CREDIT: usize = 32 << 10;

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

/// Frames that a websocket client may send ahead while it listens to a channel, [`FRAME_BYTES`] of them together; it is
/// cut off beyond.
pub const FRAMES_AHEAD: usize = 64;

/// Events that wait for one slow websocket client before it is cut off.
pub const EVENTS_PER_SUBSCRIBER: usize = 256;

/// How long a websocket may be open without a subscription: clients subscribe at once, and who does not would hold a
/// connection for nothing.
pub const UNSUBSCRIBED_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a websocket client may take nothing of what is written before it is cut off, and how long one frame of its own
/// may be on its way.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(60);

/// Identities, and addresses, that are counted at once where their requests a second are limited; about 15 MB each.
pub const RATE_KEYS: usize = 100_000;

/// Requests after which it is looked whether those are too many.
pub const RATE_TIDY_EVERY: usize = 1_024;

/// How long a message is good for in strict mode, after it was signed.
pub const STRICT_WINDOW: Duration = Duration::from_secs(60);

/// How far a sender's clock may be ahead in strict mode. So long after its start the server takes nothing, since it does
/// not know what one before it has taken.
pub const STRICT_AHEAD: Duration = Duration::from_secs(2);

/// Messages that are remembered in strict mode, some 200 MB: 64,000 a second with the window above. 503 beyond.
pub const STRICT_NONCES: usize = 4_000_000;

/// Bytes of a nonce in strict mode, at least and at most.
pub const STRICT_NONCE_BYTES: (usize, usize) = (16, 64);

/// How often the files of the TLS certificate are looked at. They are read again once two looks saw the same change.
pub const CERTIFICATE_LOOK: Duration = Duration::from_secs(1);

/// How long a graceful stop may take.
pub const STOP: Duration = Duration::from_secs(5);

/// Bytes of records that may wait for the log's writer; also the largest record, so more than a body.
pub const LOG_QUEUE_BYTES: u64 = 192 << 20;
