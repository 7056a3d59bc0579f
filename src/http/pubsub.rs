//! `GET /pubsub`: the websocket (chapter 4, 6).

use super::door::Busy;
use crate::rpc::route::Rpc;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

/// Upgrades the connection, or says that it is no websocket request.
pub fn handle(request: &HttpRequest, payload: Payload, rpc: Arc<Rpc>, busy: Option<Busy>) -> HttpResponse {
    match actix_ws::handle(request, payload) {
        Ok((response, session, messages)) => {
            actix_rt::spawn(async move {
                // For as long as somebody listens.
                let _busy = busy;
                crate::realtime::connection::serve(session, messages, rpc).await;
            });
            response
        }
        Err(_) => bad_request(),
    }
}

fn bad_request() -> HttpResponse {
    let mut response = HttpResponse::BadRequest();
    response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"));
    response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
    response.insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    response.body("Bad Request\n")
}
