//! Reading a request's body within its limits.

use super::budget::{BodyBudget, Room};
use crate::refusal::Refusal;
use actix_http::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
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
    match tokio::time::timeout(time, not_woken_at_first(collect(payload, limit, budget.begin()))).await {
        Ok(body) => body,
        Err(_) => {
            let seconds = time.as_secs();
            Err(Refusal::new(408, format!("the request's body did not come within {seconds} seconds")))
        }
    }
}

/// Polls what reads a body without a waker the first time.
///
/// The framework begins to answer a request before it hands over the body that came with the head, and then polls the
/// answer in the same turn anyway. A waker that is there already would be woken by that body for a turn in which there is
/// nothing to do: one in three turns of a connection. It is not needed later either, since whatever comes of a body
/// comes in a turn of its connection; that is the framework's way and not its promise, so one is there from the second
/// time on.
pub async fn not_woken_at_first<F: Future>(reading: F) -> F::Output {
    let mut reading = pin!(reading);
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            reading.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        } else {
            reading.as_mut().poll(context)
        }
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Poll, Wake};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_comes_after_the_first_poll_wakes_nobody_and_what_comes_later_does() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut context = Context::from_waker(&waker);
        for (polls, woken) in [(1, 0), (2, 1)] {
            let (tell, told) = tokio::sync::oneshot::channel();
            let mut reading = pin!(not_woken_at_first(told));
            for _ in 0..polls {
                assert!(reading.as_mut().poll(&mut context).is_pending());
            }
            tell.send(7).expect("it is read");
            assert_eq!(wakes.0.load(Ordering::Relaxed), woken);
            assert_eq!(reading.as_mut().poll(&mut context), Poll::Ready(Ok(7)));
        }
    }
}
