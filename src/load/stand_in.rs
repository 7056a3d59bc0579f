//! A server that does only what no durable, signed server can leave out: the limit beside the real one's figures.
//!
//! It reads the request, parses it typed, hashes it and recovers its signer through the same memo, appends 512 bytes to
//! a log and waits for their batch to be synced, and writes an answer of the usual size. It keeps no processes, checks no
//! rights and forgets everything; a poll that finds nothing waits, as it must for a process to be handed over.

use super::LoadError;
use super::own_server::Serving;
use super::sample::Sample;
use crate::base64::{BASE64, Engine};
use crate::crypto::{Memo, signer};
use crate::http::body::not_woken_at_first;
use crate::http::placement::Workers;
use crate::http::serve;
use crate::limits;
use crate::startup::cores;
use actix_http::body::BoxBody;
use actix_http::{HttpService, Payload, Request, Response};
use actix_service::fn_service;
use actix_web::HttpResponse;
use actix_web::dev::Server;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{BytesMut, Data};
use futures_util::StreamExt;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use wal::{Append, Class, Durability, FileLog, Log, OnDurable, Options, Outcome, Position, RealStorage, StreamId};

/// Bytes of each record.
const RECORD_BYTES: usize = 512;

struct Shared {
    memo: Memo,
    log: Arc<dyn Log>,
    desk: Mutex<Desk>,
    sample: Sample,
}

/// What has to be known to hand over processes.
#[derive(Default)]
struct Desk {
    last: Position,
    next: u64,
    waiting: VecDeque<u64>,
    polls: VecDeque<oneshot::Sender<u64>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    payloadtype: &'a str,
    payload: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Submit<'a> {
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    funcname: &'a str,
    #[serde(borrow)]
    args: &'a RawValue,
    maxexectime: i64,
    #[serde(borrow)]
    conditions: Conditions<'a>,
}

#[derive(Deserialize)]
struct Conditions<'a> {
    colonyname: &'a str,
    executortype: &'a str,
}

#[derive(Deserialize)]
struct Assign<'a> {
    colonyname: &'a str,
    timeout: i64,
}

#[derive(Deserialize)]
struct Close<'a> {
    processid: &'a str,
    #[serde(borrow)]
    out: &'a RawValue,
}

impl Shared {
    /// The answer; `None` for what is no request of a load, and where the log has no room.
    async fn answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        let envelope: Envelope<'_> = serde_json::from_slice(body).ok()?;
        black_box(signer(&self.memo, envelope.payload.as_bytes(), envelope.signature).ok()?);
        let message = BASE64.decode(envelope.payload).ok()?;
        match envelope.payloadtype {
            "submitfuncspecmsg" => {
                let Submit { spec } = serde_json::from_slice(&message).ok()?;
                black_box((spec.funcname, spec.args.get(), spec.maxexectime));
                black_box((spec.conditions.colonyname, spec.conditions.executortype));
                let (id, durable) = self.submit()?;
                durable.await.ok()?;
                Some(self.sample.submitted.fill(id))
            }
            "assignprocessmsg" => {
                let Assign { colonyname, timeout } = serde_json::from_slice(&message).ok()?;
                black_box((colonyname, timeout));
                let id = self.assign()?.await.ok()?;
                Some(self.sample.assigned.fill(id))
            }
            "closesuccessfulmsg" => {
                let Close { processid, out } = serde_json::from_slice(&message).ok()?;
                black_box((processid, out.get()));
                let (tell, told) = oneshot::channel();
                self.append(&mut self.desk.lock(), vec![when_durable(tell, 0)])?;
                told.await.ok()?;
                Some(self.sample.closed.clone())
            }
            _ => None,
        }
    }

    fn submit(&self) -> Option<(u64, oneshot::Receiver<u64>)> {
        let (tell, told) = oneshot::channel();
        let mut desk = self.desk.lock();
        let id = desk.next;
        desk.next += 1;
        let mut then = vec![when_durable(tell, id)];
        match desk.polls.pop_front() {
            Some(poll) => then.push(when_durable(poll, id)),
            None => desk.waiting.push_back(id),
        }
        self.append(&mut desk, then)?;
        Some((id, told))
    }

    fn assign(&self) -> Option<oneshot::Receiver<u64>> {
        let (tell, told) = oneshot::channel();
        let mut desk = self.desk.lock();
        match desk.waiting.pop_front() {
            Some(id) => self.append(&mut desk, vec![when_durable(tell, id)])?,
            None => desk.polls.push_back(tell),
        }
        Some(told)
    }

    fn append(&self, desk: &mut Desk, then: Vec<OnDurable>) -> Option<()> {
        let credit = self.log.reserve(RECORD_BYTES, Class::Ordinary).ok()?;
        desk.last = self.log.append(Append {
            stream: StreamId(1),
            expected: desk.last,
            record: vec![7; RECORD_BYTES],
            credit,
            on_durable: then,
        });
        Some(())
    }
}

fn when_durable(tell: oneshot::Sender<u64>, id: u64) -> OnDurable {
    Box::new(move |outcome| {
        if outcome == Outcome::Durable {
            // Nobody waits any more when the client has gone.
            let _ = tell.send(id);
        }
    })
}

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The body; `None` where it is too large.
async fn read(mut payload: Payload) -> Option<BytesMut> {
    let mut body = BytesMut::new();
    while let Some(Ok(chunk)) = payload.next().await {
        if body.len() + chunk.len() > limits::BODY_BYTES {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

async fn handle(mut request: Request, shared: Data<Shared>) -> Response<BoxBody> {
    let payload = request.take_payload();
    drop(request);
    let Some(body) = not_woken_at_first(read(payload)).await else {
        return HttpResponse::PayloadTooLarge().finish().into();
    };
    let answer = match shared.answer(&body).await {
        Some(reply) => HttpResponse::Ok().insert_header((header::CONTENT_TYPE, TEXT)).body(reply),
        None => HttpResponse::ServiceUnavailable().finish(),
    };
    answer.into()
}

/// Starts one whose answers are those of the sample.
///
/// # Errors
/// Says why it does not start.
pub fn start(dir: TempDir, durability: Durability, sample: Sample) -> Result<Serving, LoadError> {
    let path = dir.path().join("wal");
    Serving::start("the stand-in", dir, move |tell, stopped| async move {
        let (log, address, server) = match begin(path, durability, sample) {
            Ok(begun) => begun,
            Err(reason) => return drop(tell.send(Err(reason))),
        };
        let handle = server.handle();
        actix_rt::spawn(server);
        // Whoever started it waits for this.
        let _ = tell.send(Ok(address));
        let _ = stopped.await;
        handle.stop(false).await;
        log.close();
    })
}

type Begun = (Arc<dyn Log>, SocketAddr, Server);

fn begin(path: PathBuf, durability: Durability, sample: Sample) -> Result<Begun, String> {
    let options = Options { durability, queue_bytes: limits::LOG_QUEUE_BYTES, ..Options::default() };
    let (log, _) = FileLog::open(path, options, Arc::new(RealStorage)).map_err(|error| error.to_string())?;
    let log: Arc<dyn Log> = Arc::new(log);
    let desk = Mutex::default();
    let shared = Data::new(Shared { memo: Memo::default(), log: log.clone(), desk, sample });
    let io = |error: std::io::Error| error.to_string();
    let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    // On whose arbiters nothing else lives.
    let (arbiters, _) = unbounded_channel();
    let workers = Workers::new(cores(), limits::CONNECTIONS_PER_WORKER, arbiters);
    let server = Server::build()
        .workers(cores())
        .disable_signals()
        .shutdown_timeout(1)
        .listen("stand-in", listener, move || {
            let shared = shared.clone();
            workers.clone().services(move || {
                let shared = shared.clone();
                let answer = move |request: Request| {
                    let shared = shared.clone();
                    Box::pin(async move { Ok::<_, Infallible>(handle(request, shared).await) })
                };
                HttpService::build().keep_alive(limits::KEEP_ALIVE).finish(fn_service(answer)).tcp()
            })
        })
        .map_err(io)?;
    Ok((log, address, server.run()))
}
