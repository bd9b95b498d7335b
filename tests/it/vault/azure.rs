//! Azure as far as a secret needs it: an app's identity endpoint, and Key Vaults behind a proxy.
//!
//! The vaults keep their real names: the program reaches them through `HTTPS_PROXY` and trusts their certificate by
//! `SSL_CERT_FILE`. They follow the documented protocols; they are not Azure.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::SystemTime,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use serde_json::{Value, json};
use url::Url;

use crate::eventually::PATIENCE;

pub const VAULT: &str = "acme.vault.azure.net";
pub const IDENTITY_HEADER: &str = "an-identity-header";
/// The user-assigned identity the app has, besides its own.
pub const CLIENT_ID: &str = "0f1e2d3c-0000-4000-8000-00000000000a";
const TOKEN: &str = "a-token-for-the-vault";
/// What an instance of the Flex Consumption plan finds set; no `WEBSITE_INSTANCE_ID` is among it.
pub const FLEX: [(&str, &str); 4] = [
    ("WEBSITE_SKU", "FlexConsumption"),
    ("WEBSITE_POD_NAME", "0--4711"),
    ("CONTAINER_NAME", "0--4711"),
    ("LEGION_SERVICE_HOST", "10.0.0.1"),
];

/// Ends when the test process does.
#[derive(Clone)]
pub struct Azure {
    shared: Arc<Shared>,
    identity: String,
    proxy: String,
}

struct Shared {
    tls: Arc<ServerConfig>,
    /// Trusted by the program.
    certificate: tempfile::NamedTempFile,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Status and body by secret, or `secret/version`.
    secrets: HashMap<String, (u16, Value)>,
    /// Secrets given out or refused, in order.
    read: Vec<String>,
    /// Queries the identity endpoint was asked with.
    tokens: Vec<HashMap<String, String>>,
    /// No reading is answered before so many wait.
    together: usize,
    waiting: usize,
    /// What the vaults ask tokens for.
    audience: Option<String>,
}

impl Azure {
    pub fn start() -> Self {
        let names = [VAULT, "localhost"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let mut certificate = tempfile::NamedTempFile::new().unwrap();
        certificate.write_all(made.cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder().with_no_client_auth();
        let tls = Arc::new(tls.with_single_cert(vec![made.cert.der().clone()], key).unwrap());
        let shared = Shared { tls, certificate, state: Mutex::default(), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let identity =
            listen(&shared, |shared, stream| answer(BufReader::new(stream), |asked| shared.token(asked)));
        let proxy = listen(&shared, |shared, stream| shared.connect(stream));
        Self { shared, identity, proxy }
    }

    /// What Azure puts into the environment of an app with an identity, and how the vaults are reached.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.network();
        environment.extend(FLEX.map(|(name, value)| (name, value.to_owned())));
        environment.extend([
            ("IDENTITY_ENDPOINT", format!("http://{}/msi/token", self.identity)),
            ("IDENTITY_HEADER", IDENTITY_HEADER.to_owned()),
        ]);
        environment
    }

    /// How the vaults are reached.
    pub fn network(&self) -> Vec<(&'static str, String)> {
        let certificate = self.shared.certificate.path().display().to_string();
        vec![("HTTPS_PROXY", format!("http://{}", self.proxy)), ("SSL_CERT_FILE", certificate)]
    }

    /// A vault on this machine, without a proxy.
    pub fn local_vault(&self) -> String {
        format!("localhost:{}", self.proxy.rsplit(':').next().unwrap())
    }

    pub fn put(&self, secret: &str, value: &str) {
        let id = format!("https://{VAULT}/secrets/{secret}/1");
        let body = json!({"value": value, "id": id, "attributes": {"enabled": true}});
        self.shared.state().secrets.insert(secret.to_owned(), (200, body));
    }

    /// Refuses a secret with the error codes of Key Vault.
    pub fn refuse(&self, secret: &str, status: u16, inner: &str) {
        let inner = json!({"code": inner});
        let error = json!({"error": {"code": "Forbidden", "message": "SESAME", "innererror": inner}});
        self.shared.state().secrets.insert(secret.to_owned(), (status, error));
    }

    pub fn answer_only_together(&self, readings: usize) {
        self.shared.state().together = readings;
    }

    pub fn ask_tokens_for(&self, audience: &str) {
        self.shared.state().audience = Some(audience.to_owned());
    }

    /// How often a secret was read with a good token.
    pub fn times_read(&self, secret: &str) -> usize {
        self.shared.state().read.iter().filter(|read| *read == secret).count()
    }

    /// With what the identity endpoint was asked.
    pub fn tokens_asked(&self) -> Vec<HashMap<String, String>> {
        self.shared.state().tokens.clone()
    }
}

struct Asked {
    url: Url,
    headers: HashMap<String, String>,
}

struct Answer {
    status: u16,
    challenge: Option<String>,
    body: Value,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// As App Service's identity endpoint, API version 2019-08-01.
    fn token(&self, asked: &Asked) -> Answer {
        let query: HashMap<_, _> = asked.url.query_pairs().into_owned().collect();
        self.state().tokens.push(query.clone());
        let refused = |status| Answer { status, challenge: None, body: json!({"message": "refused"}) };
        if asked.headers.get("x-identity-header").map(String::as_str) != Some(IDENTITY_HEADER) {
            return refused(401);
        }
        let known = query.get("client_id").is_none_or(|id| id == CLIENT_ID);
        let for_vaults = query.get("resource").is_some_and(|resource| resource == "https://vault.azure.net");
        if !known || !for_vaults || query.get("api-version").is_none_or(|version| version != "2019-08-01") {
            return refused(400);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let body = json!({
            "access_token": TOKEN, "expires_on": (now + 86_400).to_string(),
            "resource": query["resource"], "token_type": "Bearer",
        });
        Answer { status: 200, challenge: None, body }
    }

    /// A proxy that leads to the vaults alone; who speaks TLS at once is at a vault already.
    fn connect(&self, mut stream: TcpStream) {
        let mut first = [0];
        if stream.peek(&mut first).is_ok_and(|_| first == *b"C") {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut first).is_ok() {
                head.push(first[0]);
            }
            let reaches = head.starts_with(format!("CONNECT {VAULT}:443 ").as_bytes());
            let said: &[u8] =
                if reaches { b"HTTP/1.1 200 OK\r\n\r\n" } else { b"HTTP/1.1 502 No host\r\n\r\n" };
            if stream.write_all(said).is_err() || !reaches {
                return;
            }
        }
        let tls = StreamOwned::new(ServerConnection::new(self.tls.clone()).unwrap(), stream);
        answer(BufReader::new(tls), |asked| self.secret(asked));
    }

    /// `GET /secrets/{name}/{version}?api-version=…`; without a token the challenge that says how to get one.
    fn secret(&self, asked: &Asked) -> Answer {
        let mut state = self.state();
        let audience = state.audience.clone().unwrap_or_else(|| "https://vault.azure.net".to_owned());
        if asked.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
            let authority = "https://login.microsoftonline.com/00000000-0000-4000-8000-000000000001";
            let challenge = format!("Bearer authorization=\"{authority}\", resource=\"{audience}\"");
            return Answer { status: 401, challenge: Some(challenge), body: json!({}) };
        }
        assert!(asked.url.query_pairs().any(|(name, value)| name == "api-version" && !value.is_empty()));
        let secret = asked.url.path().trim_start_matches("/secrets/").trim_end_matches('/').to_owned();
        state.read.push(secret.clone());
        state.waiting += 1;
        self.changed.notify_all();
        let alone = |state: &mut State| state.waiting < state.together;
        let (state, waited) = self.changed.wait_timeout_while(state, PATIENCE, alone).unwrap();
        let missing = json!({"error": {"code": "SecretNotFound", "message": "SESAME"}});
        let (status, body) = match waited.timed_out() {
            true => (500, json!({"error": {"code": "NotTogether"}})),
            false => state.secrets.get(&secret).cloned().unwrap_or((404, missing)),
        };
        Answer { status, challenge: None, body }
    }
}

/// Serves a port, each connection on a thread of its own; gives its address.
fn listen(shared: &Arc<Shared>, serve: fn(&Shared, TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shared = shared.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = shared.clone();
            thread::spawn(move || serve(&shared, stream));
        }
    });
    address
}

/// One request, one answer.
fn answer(mut stream: BufReader<impl Read + Write>, answer: impl FnOnce(&Asked) -> Answer) {
    let Some(asked) = hear(&mut stream) else { return };
    let Answer { status, challenge, body } = answer(&asked);
    let body = body.to_string();
    let challenge = challenge.map(|value| format!("WWW-Authenticate: {value}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Type: application/json\r\n{challenge}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let stream = stream.get_mut();
    let _ = stream.write_all((head + &body).as_bytes()).and_then(|()| stream.flush());
}

fn hear(stream: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("https://any.example.com").ok()?.join(target).ok()?;
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    Some(Asked { url, headers })
}
