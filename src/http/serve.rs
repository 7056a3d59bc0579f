//! Starting the http workers.

use super::api::{self, Shared};
use super::door::{Door, DoorLimits, Place};
use super::greeting::Greeting;
use super::guarded::Guarded;
use super::placement::Workers;
use super::{metrics, pubsub};
use crate::limits;
use crate::metrics::page::Page;
use actix_codec::Framed;
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Protocol, Request, h1};
use actix_rt::ArbiterHandle;
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service};
use actix_web::dev::Server;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpServer, web};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How the workers serve.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// Workers.
    pub workers: usize,
    /// What each allows its connections.
    pub door: DoorLimits,
}

/// Starts the workers on a listener. Each sends its arbiter, on which colonies' actors will live.
///
/// # Errors
/// Where the listener can't be used.
pub fn start(
    listener: TcpListener,
    options: ServeOptions,
    tls: Option<rustls::ServerConfig>,
    shared: Data<Shared>,
    arbiters: UnboundedSender<ArbiterHandle>,
) -> io::Result<Server> {
    let greeting = {
        let shared = shared.clone();
        move || {
            let metrics = &shared.rpc.metrics;
            Greeting {
                door: Door::open(options.door, metrics.cut.clone()),
                open: metrics.connections.clone(),
                cut: metrics.cut.clone(),
                patience: options.door.head,
            }
        }
    };
    let workers = Workers::new(options.workers, options.door.connections, arbiters);
    let builder = Server::build()
        .workers(options.workers)
        .max_concurrent_connections(options.door.connections.saturating_add(limits::CONNECTIONS_IN_PASSING))
        .disable_signals()
        .shutdown_timeout(limits::STOP.as_secs());
    let head = options.door.head;
    let builder = match tls {
        None => {
            let service = move || {
                let greeting = greeting();
                let http = http(shared.clone(), head, |socket: &Guarded| socket.place().clone());
                fn_service(move |socket: TcpStream| {
                    let greeting = greeting.clone();
                    async move {
                        let peer = socket.peer_addr().ok();
                        Ok((greeting.plain(socket).await?, Protocol::Http1, peer))
                    }
                })
                .and_then(http)
            };
            builder.listen(NAME, listener, move || workers.clone().services(service.clone()))?
        }
        Some(mut config) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let service = move || {
                let (greeting, acceptor) = (greeting(), acceptor.clone());
                let http = http(shared.clone(), head, |socket: &TlsStream<Guarded>| socket.get_ref().0.place().clone());
                fn_service(move |socket: TcpStream| {
                    let (greeting, acceptor) = (greeting.clone(), acceptor.clone());
                    async move {
                        let peer = socket.peer_addr().ok();
                        Ok((greeting.tls(acceptor, socket).await?, Protocol::Http1, peer))
                    }
                })
                .and_then(http)
            };
            builder.listen(NAME, listener, move || workers.clone().services(service.clone()))?
        }
    };
    Ok(builder.run())
}

/// A worker's service of HTTP on connections of one kind. Requests find the place of theirs among its data.
fn http<T: AsyncRead + AsyncWrite + Unpin + 'static>(
    shared: Data<Shared>,
    head: Duration,
    place: impl Fn(&T) -> Rc<Place> + 'static,
) -> impl ServiceFactory<(T, Protocol, Option<SocketAddr>), Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let upgraded = shared.clone();
    // Boxed, both: a connection has room for the future of its request as long as it lives, and few live for theirs.
    let answer = move |request: Request| {
        let shared = shared.clone();
        Box::pin(async move { Ok::<_, Infallible>(api::handle(request, shared).await) })
    };
    let upgrade = move |(request, framed): (Request, Framed<T, h1::Codec>)| {
        let serving = pubsub::serve(request, framed, upgraded.clone());
        Box::pin(async move {
            serving.await;
            Ok::<_, Infallible>(())
        })
    };
    HttpService::build()
        .upgrade(fn_service(upgrade))
        .keep_alive(limits::KEEP_ALIVE)
        .client_request_timeout(head)
        .client_disconnect_timeout(Duration::from_secs(1))
        // A client that closes its side has gone: its handler is dropped, and a long poll of it gets no process.
        .h1_allow_half_closed(false)
        .on_connect_ext(move |socket, of_connection: &mut Extensions| {
            of_connection.insert(place(socket));
        })
        .finish(fn_service(answer))
}

/// The name of the service in the framework's logs.
const NAME: &str = "api";

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
