//! Reading a request's body within its limits.

use super::budget::{BodyBudget, Room};
use crate::refusal::Refusal;
use actix_http::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// The bytes of a body, as its request announces them.
pub fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body whole of which so many bytes are announced; the room that it takes is to be kept until its request is answered.
///
/// # Errors
/// 413 for one that is too large, without reading it to its end; 503 where all bodies together take too much memory; 408
/// for one that takes too long; 400 where the client breaks off.
pub async fn read(
    announced: Option<usize>,
    payload: &mut Payload,
    limit: usize,
    budget: &Arc<BodyBudget>,
    time: Duration,
) -> Result<(Bytes, Room), Refusal> {
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(time, collect(payload, limit, budget.begin())).await {
        Ok(body) => body,
        Err(_) => {
            let seconds = time.as_secs();
            Err(Refusal::new(408, format!("the request's body did not come within {seconds} seconds")))
        }
    }
}

async fn collect(payload: &mut Payload, limit: usize, mut room: Room) -> Result<(Bytes, Room), Refusal> {
    let mut first: Option<Bytes> = None;
    let mut joined = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Refusal::bad_request(format!("the request's body broke off: {error}")))?;
        let length = first.as_ref().map_or(joined.len(), Bytes::len) + chunk.len();
        if length > limit {
            return Err(too_large(limit));
        }
        room.take(chunk.len())?;
        // Most bodies come in one piece, which needs no copy.
        match first.take() {
            None if joined.is_empty() => first = Some(chunk),
            before => {
                if let Some(before) = before {
                    joined.extend_from_slice(&before);
                }
                joined.extend_from_slice(&chunk);
            }
        }
    }
    Ok((first.unwrap_or_else(|| joined.freeze()), room))
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(413, format!("the request's body is larger than {limit} bytes"))
}
