//! Connections for whoever keeps them: with the certificates, proxies and time-outs of every other call.

use std::{pin::Pin, sync::Arc};

use hyper::{
    Uri,
    client::conn::http1::{Connection, SendRequest, handshake},
    header::HeaderValue,
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
use url::{Position, Url};

use super::{
    CONNECTING, Cause, NoClient,
    connections::Sent,
    proxies::{self, Proxies},
    tls,
};

/// Where a far end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Scheme, host and port.
    pub host: Uri,
    /// Host, and port unless it is the scheme's own.
    pub authority: HeaderValue,
}

impl Origin {
    /// `None` for what is no web address.
    pub fn of(url: &Url) -> Option<Self> {
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let host = format!("{}://{authority}/", url.scheme()).parse().ok()?;
        Some(Self { host, authority: authority.parse().ok()? })
    }
}

/// Bytes on their way, through TLS and a proxy's tunnel or not.
pub trait Wire: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> Wire for T {}

/// What moves a connection's bytes for as long as it is polled; over once the connection is.
pub type Drive<B> = Pin<Box<Connection<Box<dyn Wire>, B>>>;

/// Makes connections.
pub struct Connector {
    direct: HttpsConnector<HttpConnector>,
    tls: Arc<ClientConfig>,
    proxies: Matcher,
}

impl Connector {
    /// # Errors
    /// When there is no TLS, or a proxy variable is wrong.
    pub fn new() -> Result<Self, NoClient> {
        Self::with(proxies::variable)
    }

    pub(super) fn with(var: impl Fn(&str) -> Option<String>) -> Result<Self, NoClient> {
        let tls = Arc::new(tls::config()?);
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECTING));
        let proxies = Proxies::read(var)?.matcher();
        Ok(Self { direct: HttpsConnector::from((tcp, tls.clone())), tls, proxies })
    }

    /// A connection to the host of `to`, through the proxy that the environment names for it.
    ///
    /// # Errors
    /// When there is none within 3 seconds.
    pub async fn connect<B: Sent>(&self, to: &Uri) -> Result<(SendRequest<B>, Drive<B>), Cause> {
        let connecting = async {
            let (sender, drive) = handshake(self.wire(to).await?).await?;
            Ok((sender, Box::pin(drive)))
        };
        timeout(CONNECTING, connecting).await?
    }

    async fn wire(&self, to: &Uri) -> Result<Box<dyn Wire>, Cause> {
        let Some(proxy) = self.proxies.intercept(to) else {
            return Ok(Box::new(self.direct.clone().call(to.clone()).await?));
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        Ok(Box::new(HttpsConnector::from((tunnel, self.tls.clone())).call(to.clone()).await?))
    }
}

#[cfg(test)]
mod tests {
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
        connector.connect::<reqwest::Body>(&to.parse().expect("a URI")).await.map(drop)
    }
}
