//! The program as a process of its own: what it writes about sockets, and how they end with it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};

use super::client::SocketClient;
use crate::{
    eventually::{eventually, found},
    world::{RESPONSES_TOKEN, World},
};

/// The program with everything it logs; killed when dropped.
struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Program {
    fn start(world: &World, folder: &std::path::Path) -> Self {
        let store = format!("sqlite:{}", folder.join("handoff.db").display());
        let settings = [
            ("LOG", "trace"),
            ("LISTEN", "127.0.0.1:0"),
            ("STORE", &store),
            ("DIRECT_LINE_URL", world.copilot.url()),
            ("DIRECT_LINE_SECRET", world.copilot.secret()),
            ("SERVICENOW_URL", world.servicenow.url()),
            ("SERVICENOW_USERNAME", "connector"),
            ("SERVICENOW_PASSWORD", "a-password"),
            ("SERVICENOW_TOKEN", "a-message-token"),
            ("RESPONSES_TOKEN", RESPONSES_TOKEN),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_handler"));
        let mut child = command.env_clear().envs(settings).stdout(Stdio::piped()).spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (from, into) = (BufReader::new(child.stdout.take().unwrap()), log.clone());
        thread::spawn(move || {
            for line in from.lines().map_while(Result::ok) {
                *into.lock().unwrap() += &(line + "\n");
            }
        });
        Self { child, log }
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_process_that_is_told_to_end_sends_its_sockets_away_and_has_logged_nothing_of_them() {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    let mut program = Program::start(&world, folder.path());
    let address = found("the address it listens on", async || {
        let log = program.log();
        let (_, rest) = log.split_once("Listening on ")?;
        rest.split_once('\n').map(|(address, _)| address.trim().to_owned())
    });
    let root = format!("http://{}", address.await);
    world.servicenow.set_response_url(format!("{root}/api/servicenow/responses"));
    let mut client = SocketClient::begin_at(&world, &root).await;
    client.connect().await;
    client.say("marmalade for the bot").await;
    client.see_text("You said: marmalade for the bot").await;
    let session = client.is_handed_over(&world).await;
    world.agent_says(&session, "marmalade for the user").await;
    client.see_text("marmalade for the user").await;
    let pid = Pid::from_child(&program.child);
    kill_process(pid, Signal::TERM).unwrap();
    let end = client.end().await;
    assert_eq!(end.map(|(code, _)| code), Some(1001), "going away");
    eventually("the process to end", || program.child.try_wait().unwrap().is_some()).await;
    eventually("its last words", || program.log().contains("Ended by SIGTERM")).await;
    let log = program.log();
    let (_, ticket) = client.stream_url.split_once("&t=").unwrap();
    for secret in ["marmalade", ticket, &client.token, "&t="] {
        assert!(!log.contains(secret), "{secret} was logged");
    }
    client.assert_once();
}
