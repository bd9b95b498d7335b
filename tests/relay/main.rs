//! The relay role over real HTTP, in front of a simulated Copilot Studio.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should say where")]

mod faults;
mod late;
mod requests;
mod stage;
mod turns;

fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}
