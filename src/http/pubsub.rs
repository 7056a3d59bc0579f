//! `GET /pubsub`: the websocket (chapter 4, 6).

use super::api::{self, Shared};
use super::cors;
use super::door::Place;
use crate::limits;
use crate::realtime;
use crate::realtime::socket::Socket;
use actix_codec::{Encoder, Framed, FramedParts};
use actix_http::body::{BodySize, BoxBody, to_bytes};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, HttpMessage, Request, Response, ws};
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{BytesMut, Data};
use std::io;
use std::rc::Rc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Where websockets are.
pub const PATH: &str = "/pubsub";

/// Serves a connection to its end from the request on that would make it a websocket. It is this function's alone from
/// then on, so that the buffers of HTTP can be let go of.
pub async fn serve<T>(request: Request, framed: Framed<T, Codec>, shared: Data<Shared>)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let _busy = request.conn_data::<Rc<Place>>().map(Place::begin);
    let FramedParts { io, codec, read_buf, write_buf, .. } = framed.into_parts();
    // A future has room for each place that what it moves was at, and the state of TLS is more than a kilobyte.
    let mut io = Box::new(io);
    match accept(&request, &shared) {
        Ok(response) => {
            let read = BytesMut::from(&read_buf[..]);
            // Its headers are in the buffer that is let go of.
            drop((request, read_buf));
            let accepted = timeout(limits::FRAME_TIMEOUT, write_head(&mut io, codec, write_buf, response)).await;
            if let Ok(Ok(())) = accepted {
                realtime::connection::serve(Socket::new(io, read), shared.rpc.clone()).await;
            }
        }
        Err(response) => {
            let response = match response {
                Some(response) => response,
                None => api::handle(request, shared).await,
            };
            // A client that does not read this need not hear it.
            let refused = write_last(&mut io, codec, write_buf, response);
            let _ = timeout(limits::UNHEARD_TIMEOUT, refused).await;
        }
    }
}

/// The answer that makes the connection a websocket. Otherwise the refusal, or nothing where the request is for
/// something else.
fn accept(request: &Request, shared: &Shared) -> Result<Response<()>, Option<Response<BoxBody>>> {
    if (request.method(), request.path()) != (&Method::GET, PATH) {
        return Err(None);
    }
    let mut response = ws::handshake(request.head()).map_err(|_| None)?.finish().drop_body();
    let counted = api::count(request, PATH, shared);
    let from_elsewhere = cors::is_cross_origin(request.headers());
    if let Err(refusal) = counted {
        let mut refused = api::refused_unread(refusal);
        if from_elsewhere {
            cors::allow(refused.headers_mut());
        }
        return Err(Some(refused.into()));
    }
    if from_elsewhere {
        cors::allow(response.headers_mut());
    }
    Ok(response)
}

async fn write_head<T: AsyncWrite + Unpin>(
    io: &mut T,
    mut codec: Codec,
    mut bytes: BytesMut,
    response: Response<()>,
) -> io::Result<()> {
    codec.encode(Message::Item((response, BodySize::Stream)), &mut bytes)?;
    io.write_all(&bytes).await?;
    io.flush().await
}

/// Writes an answer after which the connection ends.
async fn write_last<T: AsyncWrite + Unpin>(
    io: &mut T,
    mut codec: Codec,
    mut bytes: BytesMut,
    response: Response<BoxBody>,
) -> io::Result<()> {
    let (mut response, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|error| io::Error::other(error.to_string()))?;
    response.head_mut().set_connection_type(ConnectionType::Close);
    codec.encode(Message::Item((response, BodySize::Sized(body.len() as u64))), &mut bytes)?;
    if !body.is_empty() {
        codec.encode(Message::Chunk(Some(body)), &mut bytes)?;
    }
    codec.encode(Message::Chunk(None), &mut bytes)?;
    io.write_all(&bytes).await?;
    io.shutdown().await
}

/// The answer to a request for it that is none of a websocket.
pub fn bad_request() -> HttpResponse {
    let mut response = HttpResponse::BadRequest();
    response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"));
    response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    response.body("Bad Request\n")
}
