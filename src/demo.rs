//! The connector with both simulated far ends beside it: the demo, and the far ends alone for `func start`.

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use self::{
    connector::Connector,
    knobs::Knobs,
    pages::Pages,
    timeline::Timeline,
    told::{Side, caller_of_connector, caller_of_copilot_studio},
};
use crate::{
    app::{self, Signals},
    simulate::{
        copilot::{self, CopilotOptions, CopilotStudio},
        observe::Observer,
        servicenow::{self, OAuthClient, ServiceNow, ServiceNowOptions},
    },
};

mod connector;
mod curl;
mod facts;
mod front;
mod knobs;
mod mask;
mod pages;
mod roles;
mod scripted;
mod standing;
mod timeline;
mod told;
mod webchat;

pub use self::connector::end_when_abandoned;

/// Always the same, so that `local.settings.json` can be written once.
pub const SIMULATED_COPILOT: u16 = 7081;
pub const SIMULATED_SERVICENOW: u16 = 7082;

/// Credentials of the simulated far ends; they open nothing but the simulation.
const LOGIN: (&str, &str) = ("connector", "simulated-password");
const MESSAGE_TOKEN: &str = "simulated-message-token";
const RESPONSES_TOKEN: &str = "simulated-responses-token";
const SECONDARY_TOKEN: &str = "simulated-primary-token";

/// Serves the demo on `port`; `scripted` plays each role and says whether all of it arrived.
///
/// # Errors
/// When a port can't be listened on, the connector can't be started, or serving fails.
pub async fn run(port: u16, scripted: bool, log: &str) -> io::Result<ExitCode> {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        // A scripted run needs no known address.
        Err(taken) if scripted && taken.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        }
        bound => bound.map_err(|failed| app::no_port(failed, port, "--port"))?,
    };
    let address = listener.local_addr()?;
    let timeline = Arc::new(Timeline::default());
    let far_ends = FarEnds::start(0, 0, Some(&timeline)).await?;
    far_ends.servicenow.set_response_url(format!("http://{address}/api/servicenow/responses"));
    let store = Store::new()?;
    let mut settings = far_ends.settings();
    settings.push(("PUBLIC_URL", format!("http://{address}/")));
    settings.push(("STORE", format!("sqlite:{}", store.file().display())));
    settings.push(("LOG", log.to_owned()));
    let connector = Connector::start(settings, timeline.clone()).await?;
    facts::watch(store.file(), &timeline)?;
    let calls = timeline.observer(Side::Connector, move || format!("http://{address}"), caller_of_connector);
    let behind = connector.address();
    let knobs = Knobs::new(far_ends.servicenow.clone(), connector, timeline.clone());
    let pages = Pages {
        token_endpoint: far_ends.copilot.token_endpoint(),
        servicenow: far_ends.servicenow.url().to_owned(),
        timeline,
        knobs,
    };
    let front = front::serve(listener, behind, calls, move |config| pages.configure(config))?;
    if scripted {
        actix_web::rt::spawn(front);
        let passed = scripted::play(&format!("http://{address}"), &far_ends).await;
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    announce(address, &far_ends);
    front.await?;
    Ok(ExitCode::SUCCESS)
}

/// Only the two simulators, with the settings to copy.
///
/// # Errors
/// When a port can't be listened on.
pub async fn simulate(copilot_port: u16, servicenow_port: u16) -> io::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let far_ends = FarEnds::start(copilot_port, servicenow_port, None).await?;
    far_ends.servicenow.set_response_url("http://127.0.0.1:7071/api/servicenow/responses");
    print(&format!("Simulated Copilot Studio: {}", far_ends.copilot.url()));
    print(&format!("  token endpoint: {}", far_ends.copilot.token_endpoint()));
    print(&format!("Simulated ServiceNow: {}", far_ends.servicenow.url()));
    print(&format!("  agent desk: {}/desk", far_ends.servicenow.url()));
    print("  answers to: http://127.0.0.1:7071/api/servicenow/responses");
    print("\nSettings for local.settings.json:");
    for (name, value) in far_ends.settings() {
        print(&format!("  {name}={value}"));
    }
    print("\nCtrl+C ends it.");
    signals.told().await?;
    Ok(ExitCode::SUCCESS)
}

/// Goes on when nobody reads on, as behind `| head`.
fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn announce(address: SocketAddr, far_ends: &FarEnds) {
    print(&format!("Open http://{address}/demo and say \"I want to talk to a person\"."));
    print("It shows a chat, the agent's desk, and what happens between them. Each alone:");
    print(&format!("  chat:       http://{address}/demo/chat"));
    print(&format!("  inside:     http://{address}/demo/inside"));
    print(&format!("  agent desk: http://{address}/demo/desk"));
    if webchat::is_installed() {
        print(&format!("  Microsoft's Web Chat: http://{address}/demo/webchat/"));
    }
    print("\nBehind them, simulated:");
    print(&format!("  token endpoint: {}", far_ends.copilot.token_endpoint()));
    print(&format!("  ServiceNow: {}", far_ends.servicenow.url()));
    print("\nThe secondary-bot role, as a primary bot calls it:");
    print(&format!(
        "  curl http://{address}{} -H 'token: {SECONDARY_TOKEN}' -d \
         '{{\"requestId\":\"1\",\"clientSessionId\":\"s1\",\"userId\":\"ada\",\"action\":\"START_CONVERSATION\"}}'",
        roles::INTEGRATION
    ));
    print(
        "\n`handler demo --scripted` plays all three roles. LOG=info shows the connector's log. Ctrl+C ends it.",
    );
}

/// Both simulated far ends.
pub struct FarEnds {
    pub copilot: CopilotStudio,
    pub servicenow: ServiceNow,
}

impl FarEnds {
    async fn start(
        copilot_port: u16,
        servicenow_port: u16,
        timeline: Option<&Arc<Timeline>>,
    ) -> io::Result<Self> {
        let (copilot_root, servicenow_root) = (Root::default(), Root::default());
        let observer = timeline.map(|timeline| {
            let caller = |path: &str| Some(caller_of_copilot_studio(path));
            copilot_root.observe(timeline, Side::CopilotStudio, caller)
        });
        let options = CopilotOptions { port: copilot_port, observer, ..CopilotOptions::default() };
        let copilot = copilot::start(options)
            .await
            .map_err(|failed| app::no_port(failed, copilot_port, "--copilot-port"))?;
        copilot_root.set(copilot.url());
        let observer = timeline
            .map(|timeline| servicenow_root.observe(timeline, Side::ServiceNow, |_| Some(Side::Connector)));
        let oauth = OAuthClient {
            client_id: "connector".to_owned(),
            client_secret: "simulated-client-secret".to_owned(),
            token_lifetime: std::time::Duration::from_secs(1_800),
        };
        let servicenow = servicenow::start(ServiceNowOptions {
            port: servicenow_port,
            response_token: Some(RESPONSES_TOKEN.to_owned()),
            basic: Some((LOGIN.0.to_owned(), LOGIN.1.to_owned())),
            oauth: Some(oauth),
            message_token: Some(MESSAGE_TOKEN.to_owned()),
            observer,
            ..ServiceNowOptions::default()
        })
        .await
        .map_err(|failed| app::no_port(failed, servicenow_port, "--servicenow-port"))?;
        servicenow_root.set(servicenow.url());
        Ok(Self { copilot, servicenow })
    }

    /// What points a connector at them.
    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DIRECT_LINE_URL", self.copilot.url().to_owned()),
            ("DIRECT_LINE_SECRET", self.copilot.secret().to_owned()),
            ("SERVICENOW_URL", self.servicenow.url().to_owned()),
            ("SERVICENOW_USERNAME", LOGIN.0.to_owned()),
            ("SERVICENOW_PASSWORD", LOGIN.1.to_owned()),
            ("SERVICENOW_TOKEN", MESSAGE_TOKEN.to_owned()),
            (
                "SERVICENOW_CONTEXT",
                r#"{"LiveAgent_queue":"{SupportQueue}","b2b_category":"{Category}"}"#.to_owned(),
            ),
            ("USER_EMAIL_VARIABLE", "UserEmail".to_owned()),
            ("RESPONSES_TOKEN", RESPONSES_TOKEN.to_owned()),
            ("RELAY", "open".to_owned()),
            ("SECONDARY_TOKEN", SECONDARY_TOKEN.to_owned()),
        ]
    }
}

/// Where a far end is; known once it has started, which is after its observer was made.
#[derive(Clone, Default)]
struct Root(Arc<OnceLock<String>>);

impl Root {
    fn set(&self, url: &str) {
        self.0.get_or_init(|| url.trim_end_matches('/').to_owned());
    }

    fn observe(
        &self,
        timeline: &Arc<Timeline>,
        to: Side,
        from: impl Fn(&str) -> Option<Side> + Send + Sync + 'static,
    ) -> Observer {
        let root = self.clone();
        timeline.observer(to, move || root.0.get().cloned().unwrap_or_default(), from)
    }
}

/// A journal for one demo, gone with it.
struct Store(PathBuf);

impl Store {
    fn new() -> io::Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("servicenow-handoff-demo-{}", hex::encode(name)));
        std::fs::create_dir_all(&folder).map_err(|failed| {
            let what = format!("{} can't be made for what the demo stores: {failed}", folder.display());
            io::Error::new(failed.kind(), format!("{what}; name a folder that can be written to in TMPDIR"))
        })?;
        Ok(Self(folder))
    }

    fn file(&self) -> PathBuf {
        self.0.join("handoff.db")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
