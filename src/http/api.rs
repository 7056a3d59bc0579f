//! Which request is answered how (chapter 1, 1.1). Never 405; what is not here is 404.

use super::budget::{BodyBudget, Room};
use super::door::{Busy, Place};
use super::readiness::Readiness;
use super::{body, cors, metrics, pubsub};
use crate::limits;
use crate::refusal::Refusal;
use crate::rpc::route::{Client, HttpReply, Rpc};
use actix_http::body::BoxBody;
use actix_http::{ConnectionType, HttpMessage, Payload, Request, Response};
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What the handlers share.
pub struct Shared {
    /// The messages.
    pub rpc: Arc<Rpc>,
    /// Readiness.
    pub readiness: Arc<Readiness>,
    /// Bytes of a body, at most.
    pub body_limit: usize,
    /// Time for one body to come.
    pub body_timeout: Duration,
    /// Memory for all bodies together.
    pub bodies: Arc<BodyBudget>,
    /// Requests that are being answered.
    pub under_way: AtomicUsize,
}

/// Counts a request while it is answered, also where its client goes away.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        UnderWay(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Answers any request but those that become websockets.
pub async fn handle(mut request: Request, shared: Data<Shared>) -> Response<BoxBody> {
    let _under_way = UnderWay::begin(&shared.under_way);
    let busy = request.conn_data::<Rc<Place>>().map(Place::begin);
    let from_elsewhere = cors::is_cross_origin(request.headers());
    let has_origin = request.headers().contains_key(header::ORIGIN);
    let mut response = match (request.method(), request.path()) {
        (_, path) if let Err(refusal) = count(&request, path, &shared) => refused_unread(refusal),
        (&Method::POST, "/api") => {
            let (announced, payload) = (body::announced(request.headers()), request.take_payload());
            // What is not needed any more is let go of: this may be a long poll.
            drop(request);
            api(announced, payload, &shared, busy.as_ref()).await
        }
        (&Method::GET, "/health") => text(StatusCode::OK, ""),
        (&Method::GET, "/ready") => ready(&shared.readiness),
        (&Method::GET, metrics::PATH) => metrics::answer(metrics::page(&shared)),
        (&Method::GET, pubsub::PATH) => pubsub::bad_request(),
        (&Method::OPTIONS, _) if has_origin => return cors::preflight().into(),
        (&Method::POST, "/api/") => redirect(StatusCode::TEMPORARY_REDIRECT, "/api", ""),
        (&Method::GET, "/health/") => {
            redirect(StatusCode::MOVED_PERMANENTLY, "/health", "<a href=\"/health\">Moved Permanently</a>.\n\n")
        }
        _ => not_found(),
    };
    if from_elsewhere {
        cors::allow(response.headers_mut());
    }
    response.into()
}

async fn api(
    announced: Option<usize>,
    mut payload: Payload,
    shared: &Data<Shared>,
    busy: Option<&Busy>,
) -> HttpResponse {
    let began = Instant::now();
    let (body, room) =
        match body::read(announced, &mut payload, shared.body_limit, &shared.bodies, shared.body_timeout).await {
            Ok(read) => read,
            Err(refusal) => {
                shared.rpc.metrics.messages.refused(None, refusal.status, began);
                return refused_unread(refusal);
            }
        };
    // The message that was read lives on until it is answered, and so does the room that its body took.
    let (read, _room) = if body.len() > limits::LARGE_BODY_BYTES {
        match Box::pin(read_elsewhere(shared.rpc.clone(), body, room)).await {
            Ok(read) => read,
            Err(refusal) => return reply(refusal.into()),
        }
    } else {
        let read = shared.rpc.read(&body);
        drop(body);
        (read, room)
    };
    let client = busy.map(|busy| busy.place() as &dyn Client);
    reply(match read {
        Ok(message) => shared.rpc.answer(message, client).await,
        Err(refusal) => refusal.into(),
    })
}

/// A large body is parsed and hashed on a thread of its own, so that other connections of this worker go on. Its room
/// goes with it: the thread has the body also when the client has gone.
async fn read_elsewhere(
    rpc: Arc<Rpc>,
    body: Bytes,
    room: Room,
) -> Result<(Result<crate::rpc::route::Request, Refusal>, Room), Refusal> {
    actix_rt::task::spawn_blocking(move || (rpc.read(&body), room)).await.map_err(|error| {
        tracing::error!(%error, "reading a large request failed");
        Refusal::odd("the server failed to read this request")
    })
}

/// Counts a request by the address that it came from, but for the questions of those who watch over the server.
pub(super) fn count(request: &Request, path: &str, shared: &Shared) -> Result<(), Refusal> {
    match request.peer_addr() {
        Some(address) if !UNLIMITED.contains(&path) => shared.rpc.rates.count_address(address.ip()),
        _ => Ok(()),
    }
}

/// The paths that are never limited.
const UNLIMITED: [&str; 4] = ["/health", "/health/", "/ready", "/metrics"];

/// What is left of the body is not read: the connection can't be used again.
pub(super) fn refused_unread(refusal: Refusal) -> HttpResponse {
    let mut response = reply(refusal.into());
    response.head_mut().set_connection_type(ConnectionType::Close);
    response
}

fn reply(reply: HttpReply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, TEXT));
    if status == StatusCode::TOO_MANY_REQUESTS {
        // Seconds. Rates are counted by the second, so there is room for one request after that at the latest.
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response.body(reply.body)
}

/// The content type of every reply with a body, JSON or not (chapter 1, 1.2).
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::CONTENT_TYPE, TEXT)).body(body)
}

fn ready(readiness: &Readiness) -> HttpResponse {
    let (ready, report) = readiness.report();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).insert_header((header::CONTENT_TYPE, "application/json")).body(report)
}

fn redirect(status: StatusCode, to: &'static str, body: &'static str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::LOCATION, to));
    if !body.is_empty() {
        response.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
    }
    response.body(body)
}

pub(super) fn not_found() -> HttpResponse {
    HttpResponse::NotFound().insert_header((header::CONTENT_TYPE, "text/plain")).body("404 page not found")
}
