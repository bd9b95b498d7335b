//! What the connector costs, beside nginx and a bare hop on the same far ends. `cargo bench --bench load`.
//!
//! Only loopback. CPU is user and system time of the process under test alone: the generator is this
//! process, the far ends are another. `-- --no-bounds` prints without judging; `-- start`, `-- bot`, `-- chat`
//! `-- memory`, `-- sockets` and `-- strangers` run a part alone; `-- --part=50` takes a fiftieth of the sockets and the
//! strangers, to see that it works and what kind of bounds hold. `PACKAGE=target/package` measures what `scripts/package` built,
//! `BEFORE=folder` an older build's `handler` in turns with it, in the bot phase and in chats.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod load {
    pub mod bot;
    pub mod chat;
    pub mod client;
    pub mod far_ends;
    pub mod findings;
    pub mod hop;
    pub mod hostile;
    pub mod http;
    pub mod memory;
    pub mod process;
    pub mod report;
    pub mod silent;
    pub mod sockets;
    pub mod start;
    pub mod subject;
    pub mod talk;
}

use std::process::ExitCode;

use actix_web::rt::System;

use load::{bot, chat, far_ends, hop, hostile, memory, report::Report, silent, sockets, start, subject};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match given.as_slice() {
        ["far-ends"] => System::new().block_on(far_ends::serve()),
        ["hop", to] => System::new().block_on(hop::serve(to)),
        _ => {
            let report = System::new().block_on(measure(&given));
            println!("\n{report}");
            let broken = report.broken_bounds();
            broken.iter().for_each(|bound| println!("Broken: {bound}"));
            let judged = !given.contains(&"--no-bounds");
            return if judged && !broken.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    }
    ExitCode::SUCCESS
}

async fn measure(given: &[&str]) -> Report {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
    let far_ends = subject::far_ends();
    let parts: Vec<&str> = given.iter().copied().filter(|part| !part.starts_with("--")).collect();
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let mut report = Report::default();
    if wanted("start") {
        println!("Starting {} times", start::TIMES);
        report.starts = start::measure(&far_ends, folder.path()).await;
    }
    if wanted("bot") {
        println!("Bot phase");
        report.rows.extend(bot::measure(&far_ends, folder.path()).await);
    }
    if wanted("chat") {
        println!("Live chat");
        report.rows.extend(chat::measure(&far_ends, folder.path()).await);
    }
    if wanted("memory") {
        println!("{} open chats", memory::CHATS);
        report.memory = memory::measure(&far_ends, folder.path()).await;
    }
    let part = given.iter().find_map(|word| word.strip_prefix("--part="));
    let part = part.map_or(1, |part| part.parse().expect("--part= is followed by a number"));
    if wanted("sockets") {
        println!("Sockets");
        sockets::measure(&far_ends, folder.path(), part, &mut report.findings).await;
    }
    if wanted("strangers") {
        println!("Strangers");
        silent::measure(&far_ends, folder.path(), part, &mut report.findings).await;
        hostile::measure(&far_ends, folder.path(), part, &mut report.findings).await;
    }
    report
}
