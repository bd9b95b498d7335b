//! The connector with both simulated far ends beside it: the demo, and the far ends alone for `func start`.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{self, ServiceConfig},
};

use crate::{
    app::{self, Connector},
    config::Settings,
    simulate::{
        copilot::{self, CopilotOptions, CopilotStudio},
        servicenow::{self, OAuthClient, ServiceNow, ServiceNowOptions},
    },
};

mod roles;
mod scripted;
mod webchat;

/// Always the same, so that `local.settings.json` can be written once.
pub const SIMULATED_COPILOT: u16 = 7081;
pub const SIMULATED_SERVICENOW: u16 = 7082;

/// Credentials of the simulated far ends; they open nothing but the simulation.
const LOGIN: (&str, &str) = ("connector", "simulated-password");
const MESSAGE_TOKEN: &str = "simulated-message-token";
const RESPONSES_TOKEN: &str = "simulated-responses-token";
const SECONDARY_TOKEN: &str = "simulated-primary-token";

const CHAT_PAGE: &str = include_str!("simulate/pages/chat.html");
const WEBCHAT_PAGE: &str = include_str!("simulate/pages/webchat.html");

/// Serves the demo on `port`; `scripted` plays each role and says whether all of it arrived.
///
/// # Errors
/// When a port can't be listened on, or serving fails.
pub async fn run(port: u16, scripted: bool) -> io::Result<ExitCode> {
    let far_ends = FarEnds::start(0, 0).await?;
    let store = Store::new()?;
    let connector = match far_ends.connector(port, &store.file()) {
        // A scripted run needs no known address.
        Err(taken) if scripted && taken.kind() == io::ErrorKind::AddrInUse => {
            far_ends.connector(0, &store.file())?
        }
        built => built.map_err(|failed| match failed.kind() {
            io::ErrorKind::AddrInUse => app::no_port(failed, port, "--port"),
            _ => failed,
        })?,
    };
    let address = connector.address();
    far_ends.servicenow.set_response_url(format!("http://{address}/api/servicenow/responses"));
    let handoff = connector.handoff();
    if scripted {
        actix_web::rt::spawn(connector.run());
        let passed = scripted::play(&format!("http://{address}"), &far_ends).await;
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    announce(address, &far_ends);
    if let Some(handoff) = handoff {
        app::keep_sweeping(handoff);
    }
    connector.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// Only the two simulators, with the settings to copy.
///
/// # Errors
/// When a port can't be listened on.
#[expect(clippy::print_stdout, reason = "what it prints is what the command is for")]
pub async fn simulate(copilot_port: u16, servicenow_port: u16) -> io::Result<ExitCode> {
    let far_ends = FarEnds::start(copilot_port, servicenow_port).await?;
    far_ends.servicenow.set_response_url("http://127.0.0.1:7071/api/servicenow/responses");
    println!("Simulated Copilot Studio: {}", far_ends.copilot.url());
    println!("token endpoint: {}", far_ends.copilot.token_endpoint());
    println!("Simulated ServiceNow, agent desk: {}/desk", far_ends.servicenow.url().trim_end_matches('/'));
    println!("ServiceNow answers to http://127.0.0.1:7071/api/servicenow/responses");
    println!("\nSettings for local.settings.json:");
    for (name, value) in far_ends.settings() {
        println!("  {name}={value}");
    }
    println!("\nCtrl+C ends it.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "what it prints is what the command is for")]
fn announce(address: SocketAddr, far_ends: &FarEnds) {
    println!("Open both pages, say \"I want to talk to a person\" in the chat, and answer at the desk:");
    println!("  chat:       http://{address}/demo/chat");
    if webchat::is_installed() {
        println!("  or in Microsoft's Web Chat: http://{address}/demo/webchat");
    }
    println!("  agent desk: http://{address}/demo/desk");
    println!("Behind them, simulated:");
    println!("  token endpoint: {}", far_ends.copilot.token_endpoint());
    println!("  servicenow: {}", far_ends.servicenow.url());
    println!("As a primary bot of the secondary-bot role:");
    println!(
        "  curl http://{address}{} -H 'token: {SECONDARY_TOKEN}' -d \
         '{{\"requestId\":\"1\",\"clientSessionId\":\"s1\",\"userId\":\"ada\",\"action\":\"START_CONVERSATION\"}}'",
        roles::INTEGRATION
    );
    println!("The relay needs a conversation; demo --scripted plays one.");
    println!("Ctrl+C ends it.");
}

/// Both simulated far ends.
pub struct FarEnds {
    pub copilot: CopilotStudio,
    pub servicenow: ServiceNow,
}

impl FarEnds {
    async fn start(copilot_port: u16, servicenow_port: u16) -> io::Result<Self> {
        let copilot = copilot::start(CopilotOptions { port: copilot_port, ..CopilotOptions::default() })
            .await
            .map_err(|failed| app::no_port(failed, copilot_port, "--copilot-port"))?;
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
            ..ServiceNowOptions::default()
        })
        .await
        .map_err(|failed| app::no_port(failed, servicenow_port, "--servicenow-port"))?;
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
            ("SECONDARY_TOKEN", SECONDARY_TOKEN.to_owned()),
        ]
    }

    fn connector(&self, port: u16, store: &std::path::Path) -> io::Result<Connector> {
        let mut settings = self.settings();
        settings.push(("LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()));
        if port != 0 {
            settings.push(("PUBLIC_URL", format!("http://{}:{port}/", Ipv4Addr::LOCALHOST)));
        }
        settings.push(("STORE", format!("sqlite:{}", store.display())));
        let lookup =
            |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let settings = Settings::from_env(lookup).map_err(io::Error::other)?;
        Connector::build_with(&settings, self.pages())
    }

    fn pages(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let with_tokens = |page: &str| page.replace("__TOKEN_ENDPOINT__", &self.copilot.token_endpoint());
        let pages = [
            ("/demo/chat", with_tokens(CHAT_PAGE)),
            ("/demo/webchat", with_tokens(WEBCHAT_PAGE)),
            ("/demo/desk", servicenow::desk_page(self.servicenow.url())),
        ];
        move |config| {
            config.route("/demo/webchat.js", web::get().to(webchat::script));
            for (path, page) in pages.clone() {
                let serve = move || {
                    let answer = HttpResponse::Ok().content_type(ContentType::html()).body(page.clone());
                    async move { answer }
                };
                config.route(path, web::get().to(serve));
            }
        }
    }
}

/// A journal for one demo, gone with it.
struct Store(PathBuf);

impl Store {
    fn new() -> io::Result<Self> {
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let folder = std::env::temp_dir().join(format!("servicenow-handoff-demo-{}", hex::encode(name)));
        std::fs::create_dir_all(&folder)?;
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
