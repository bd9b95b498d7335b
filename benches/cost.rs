//! What a chat costs to run, from operations counted in a run: `cargo test --bench cost -- --nocapture`, any build will do.
//!
//! The program, as the Functions host starts it, stands between both simulated far ends and Azurite; a proxy in front
//! of Azurite counts. Needs Node.js 20 and `npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts`.

#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod cost {
    pub mod bill;
    pub mod chats;
    pub mod program;
}
#[path = "../tests/it/azurite/proxy.rs"]
mod proxy;
#[path = "../tests/it/azurite/server.rs"]
mod server;

use std::path::Path;

use cost::{bill, chats};

fn main() {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite/node_modules").exists() {
        println!(
            "Azurite is not there: run `npm ci --prefix tests/azurite --no-audit --no-fund --ignore-scripts`"
        );
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let counted = runtime.block_on(chats::count());
    println!("{counted}\n");
    println!("{}", bill::table(&counted));
}
