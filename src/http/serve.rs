//! Starting the http workers.

use super::api::{self, Shared};
use super::metrics;
use crate::limits;
use crate::metrics::page::Page;
use actix_rt::ArbiterHandle;
use actix_web::dev::Server;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// Starts the workers on a listener. Each sends its arbiter, on which colonies' actors will live.
///
/// # Errors
/// Where the listener can't be used.
pub fn start(
    listener: TcpListener,
    workers: usize,
    tls: Option<rustls::ServerConfig>,
    shared: Data<Shared>,
    arbiters: UnboundedSender<ArbiterHandle>,
) -> io::Result<Server> {
    let connections = shared.rpc.metrics.connections.clone();
    let server = HttpServer::new(move || {
        // The receiver is there until all workers have reported.
        let _ = arbiters.send(actix_rt::Arbiter::current());
        App::new().app_data(shared.clone()).default_service(web::to(api::handle))
    })
    .on_connect(move |_, of_connection| {
        // Dropped with the connection.
        of_connection.insert(connections.open());
    })
    .workers(workers)
    .keep_alive(limits::KEEP_ALIVE)
    .client_request_timeout(limits::HEAD_TIMEOUT)
    .client_disconnect_timeout(Duration::from_secs(1))
    .max_connections(limits::CONNECTIONS_PER_WORKER)
    // A client that closes its side has gone: its handler is dropped, and a long poll of it gets no process.
    .h1_allow_half_closed(false)
    .disable_signals()
    .shutdown_timeout(limits::STOP.as_secs());
    let server = match tls {
        None => server.listen(listener)?,
        Some(config) => server.listen_rustls_0_23(listener, config)?,
    };
    Ok(server.run())
}

/// Starts one worker that serves metrics and nothing else on a listener: scrapes do not compete for the API's workers.
///
/// # Errors
/// Where the listener can't be used.
pub fn start_monitor(listener: TcpListener, page: impl Fn() -> Page + Clone + Send + 'static) -> io::Result<Server> {
    let app = move || {
        let page = page.clone();
        App::new().default_service(web::to(move |request: HttpRequest| {
            let answer = metrics::handle(&request, &page);
            async move { answer }
        }))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .client_request_timeout(limits::HEAD_TIMEOUT)
        .max_connections(limits::MONITOR_CONNECTIONS)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// Binds an address, to be used again at once after a restart.
///
/// # Errors
/// Where the address is not to be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Connections that the kernel holds until a worker takes them.
const BACKLOG: i32 = 4_096;
