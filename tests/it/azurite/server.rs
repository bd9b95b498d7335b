//! Azurite, the emulator of Azure Storage, as a process that lives as long as its test.
//!
//! Its account and key are the ones its documentation gives out; the signatures follow the documentation of the
//! account SAS (version 2020-12-06 and later).

// Each test binary that takes this module in uses a part of it.
#![allow(dead_code)]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};

/// The account every emulator has.
pub const ACCOUNT: &str = "devstoreaccount1";
/// Its documented key, the same on every machine.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const SAS_VERSION: &str = "2021-12-02";
/// How long it may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running emulator with an empty account in memory; it ends when this is dropped.
pub struct Azurite {
    child: Child,
    /// `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    origin: String,
    /// Holds the certificate of a secure one.
    folder: tempfile::TempDir,
}

impl Azurite {
    /// Over plain HTTP, where a SAS is what is accepted.
    pub fn start() -> Self {
        Self::run(tempfile::tempdir().expect("a temporary folder"), &[])
    }

    /// Over HTTPS with a certificate of its own ([`certificate`](Self::certificate)); takes bearer tokens
    /// ([`bearer`]) as well as a SAS.
    pub fn start_secure() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
            .expect("a certificate");
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        let paths = [certificate, key].map(|path| path.display().to_string());
        Self::run(folder, &["--oauth", "basic", "--cert", &paths[0], "--key", &paths[1]])
    }

    fn run(folder: tempfile::TempDir, more: &[&str]) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite");
        let script = here.join("node_modules/azurite/dist/src/blob/main.js");
        assert!(
            script.exists(),
            "Azurite is not there: run `npm ci --prefix tests/azurite --ignore-scripts`"
        );
        let mut child = Command::new("node")
            .arg("--require")
            .arg(here.join("no-collection.cjs"))
            .arg(script)
            .args(["--blobPort", "0", "--silent", "--inMemoryPersistence"])
            .args(["--skipApiVersionCheck", "--disableTelemetry"])
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node, of Node.js 20 or later");
        let (told, origin) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, origin)) = line.split_once("successfully listens on ") {
                    let _ = told.send(origin.trim().to_owned());
                }
            }
        });
        let origin = origin.recv_timeout(PATIENCE).expect("Azurite listens");
        Self { child, origin, folder }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn address(&self) -> SocketAddr {
        let (_, address) = self.origin.split_once("://").expect("an origin");
        address.parse().expect("an address")
    }

    /// The certificate of a secure one, PEM: for `SSL_CERT_FILE`.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The URL of a container nobody else uses, without a SAS. It has yet to be made.
    pub fn container(&self) -> String {
        self.container_behind(&self.origin)
    }

    /// As [`container`](Self::container), with a SAS that may do everything.
    pub fn container_with_sas(&self) -> String {
        format!("{}?{}", self.container(), sas("rwdlac"))
    }

    /// As [`container`](Self::container), at the origin of a proxy that stands in front.
    pub fn container_behind(&self, origin: &str) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        format!("{origin}/{ACCOUNT}/test-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed))
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The query of an account SAS with these permissions (of `rwdlacup`, in this order).
pub fn sas(permissions: &str) -> String {
    let expiry = "2099-01-01T00:00:00Z";
    let (services, resources, protocol) = ("b", "sco", "https,http");
    let signed = [
        ACCOUNT,
        permissions,
        services,
        resources,
        "", // start
        expiry,
        "", // address range
        protocol,
        SAS_VERSION,
        "", // encryption scope
        "",
    ]
    .join("\n");
    let key = BASE64_STANDARD.decode(KEY).expect("base64");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key of any length");
    mac.update(signed.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", SAS_VERSION)
        .append_pair("ss", services)
        .append_pair("srt", resources)
        .append_pair("sp", permissions)
        .append_pair("se", expiry)
        .append_pair("spr", protocol)
        .append_pair("sig", &signature)
        .finish()
}

/// A bearer token as `--oauth basic` takes it: right audience, issuer and times; nobody checks the signature.
pub fn bearer() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = serde_json::json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
        "iat": now - 60, "nbf": now - 60, "exp": now + 24 * 3600,
        "oid": "00000000-0000-0000-0000-000000000001",
    });
    let part = |json: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let header = serde_json::json!({"typ": "JWT", "alg": "RS256"});
    format!("{}.{}.{}", part(&header), part(&claims), BASE64_URL_SAFE_NO_PAD.encode("not a signature"))
}
