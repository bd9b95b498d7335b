//! The port, and what is done with each connection that comes in.

use std::{
    fmt::Debug,
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::{HttpService, Request, Response, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::{
    body::MessageBody,
    dev::{AppConfig, Server, Service, ServiceFactory, fn_service},
    rt::net::TcpStream,
};
use socket2::{Domain, Socket, Type};

use super::{connections, heads::Watched, queue::Queue, refusals::Explained};
use crate::http::Ending;

/// Longer than callers keep a connection that they don't use (.NET's and most others' a minute): a request that
/// meets its connection's end is lost.
pub(super) const UNUSED: Duration = Duration::from_secs(120);
/// For a client that still sends what was refused, to read why.
const PARTING: Duration = Duration::from_secs(1);
/// Connections that the system keeps until they are taken.
const BACKLOG: i32 = 2_048;

/// Listens, with an app a worker, for `most` connections; gives the address as well, with the port that the system chose when 0 was asked for.
/// Once `ending` has begun, a connection is closed behind the request that is under way in it.
/// actix-web's own server would do, did it let a connection be [watched](Watched).
///
/// # Errors
/// When the port can't be used.
pub(super) fn listen<F, I, S, B>(
    address: SocketAddr,
    workers: usize,
    most: usize,
    ending: Ending,
    app: F,
) -> io::Result<(Server, SocketAddr, Queue)>
where
    F: Fn() -> I + Clone + Send + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error>,
    S::InitError: Debug,
    S::Response: Into<Response<B>>,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let listener = bind(address)?;
    let (address, queue) = (listener.local_addr()?, Queue::of(&listener)?);
    let patience = connections::patience(most);
    let builder =
        Server::build().disable_signals().workers(workers).max_concurrent_connections(most.div_ceil(workers));
    let builder = builder.listen("http", listener, move || {
        let ending = ending.clone();
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.begun().await }
            })
            .keep_alive(UNUSED)
            .client_request_timeout(patience)
            .client_disconnect_timeout(PARTING)
            .local_addr(address)
            .on_connect_ext(|connection: &Explained<Watched<TcpStream>>, data| {
                data.insert(connection.requests());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |connection| ready(Ok::<_, DispatchError>(watched(connection, patience))))
            .and_then(http)
    })?;
    Ok((builder.run(), address, queue))
}

/// A connection with what is looked at in it, and its peer.
fn watched(connection: TcpStream, patience: Duration) -> (Explained<Watched<TcpStream>>, Option<SocketAddr>) {
    connections::bound(&connection);
    let peer = connection.peer_addr().ok();
    let watched = Watched::new(connection, patience);
    let requests = watched.requests();
    (Explained::new(watched, requests), peer)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // On Windows it would let another program take the port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
