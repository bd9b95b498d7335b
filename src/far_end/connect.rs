//! Connections for whoever keeps them: with the certificates, proxies and time-outs of every other call.

use std::{pin::Pin, sync::Arc};

use hyper::{
    Uri,
    body::Body,
    client::conn::http1::{SendRequest, handshake},
    rt::{Read, Write},
};
use hyper_rustls::HttpsConnector;
use hyper_util::client::{
    legacy::connect::{HttpConnector, proxy::Tunnel},
    proxy::matcher::Matcher,
};
use rustls::ClientConfig;
use tokio::time::timeout;
use tower_service::Service as _;

use super::{CONNECTING, Cause, Named, NoClient, tls};

/// What moves a connection's bytes for as long as it is polled; over once the connection is.
pub type Drive = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

/// Makes connections.
pub struct Connector {
    direct: HttpsConnector<HttpConnector>,
    tls: Arc<ClientConfig>,
    proxies: Matcher,
}

impl Connector {
    /// # Errors
    /// When there is no TLS.
    pub fn new() -> Result<Self, NoClient> {
        Self::with(|name| std::env::var(name).ok())
    }

    pub(super) fn with(var: impl Fn(&str) -> Option<String>) -> Result<Self, NoClient> {
        let tls = Arc::new(tls::config()?);
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECTING));
        let named = Named::read(var);
        let given = |value: Option<String>| value.unwrap_or_default();
        let proxies = Matcher::builder()
            .https(given(named.https))
            .http(given(named.http))
            .all(given(named.all))
            .no(named.spared)
            .build();
        Ok(Self { direct: HttpsConnector::from((tcp, tls.clone())), tls, proxies })
    }

    /// A connection to the host of `to`, through the proxy that the environment names for it.
    ///
    /// # Errors
    /// When there is none within 3 seconds.
    pub async fn connect<B>(&self, to: &Uri) -> Result<(SendRequest<B>, Drive), Cause>
    where
        B: Body + 'static,
        B::Data: Send,
        B::Error: Into<Cause>,
    {
        let connecting = async {
            let Some(proxy) = self.proxies.intercept(to) else {
                return ready(self.direct.clone().call(to.clone()).await?).await;
            };
            let mut tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
            if let Some(login) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(login.clone());
            }
            ready(HttpsConnector::from((tunnel, self.tls.clone())).call(to.clone()).await?).await
        };
        timeout(CONNECTING, connecting).await?
    }
}

async fn ready<T, B>(connection: T) -> Result<(SendRequest<B>, Drive), Cause>
where
    T: Read + Write + Unpin + 'static,
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Cause>,
{
    let (sender, drive) = handshake(connection).await?;
    Ok((sender, Box::pin(drive)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::body::{Bytes, Frame, SizeHint};

    use super::*;
    use crate::far_end::testing::{FarEnd, Reply};

    #[tokio::test]
    async fn a_proxy_of_the_environment_is_asked_for_a_tunnel() {
        let proxy = FarEnd::start(|_, _| Reply::text(403, "not there"));
        let address = proxy.url.to_string().replace("http://", "http://jo:hush@");
        let connector = Connector::with(|name| (name == "HTTPS_PROXY").then(|| address.clone()));
        let refused = connect(&connector.expect("a connector"), "https://europe.example.com/").await;
        assert!(!refused.expect_err("no tunnel").to_string().contains("hush"));
        assert_eq!(proxy.targets(), ["CONNECT europe.example.com:443"]);
        assert_eq!(proxy.heard()[0].header("proxy-authorization"), Some("Basic am86aHVzaA=="));
    }

    #[tokio::test]
    async fn a_proxy_is_not_asked_for_what_is_here_or_spared() {
        let proxy = FarEnd::start(|_, _| Reply::text(200, ""));
        let here = FarEnd::start(|_, _| Reply::text(200, ""));
        let address = proxy.url.to_string();
        let connector = Connector::with(|name| match name {
            "ALL_PROXY" => Some(address.clone()),
            "NO_PROXY" => Some("europe.invalid".to_owned()),
            _ => None,
        });
        let connector = connector.expect("a connector");
        connect(&connector, here.url.as_str()).await.expect("a connection");
        connect(&connector, "https://europe.invalid/").await.expect_err("no such host");
        assert!(proxy.heard().is_empty());
    }

    async fn connect(connector: &Connector, to: &str) -> Result<(), Cause> {
        connector.connect::<Nothing>(&to.parse().expect("a URI")).await.map(drop)
    }

    struct Nothing;

    impl Body for Nothing {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            std::task::Poll::Ready(None)
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(0)
        }
    }
}
