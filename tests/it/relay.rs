//! The relay role over real HTTP, in front of a simulated Copilot Studio.

mod access;
mod crowd;
mod faults;
mod late;
mod original;
mod requests;
mod stage;
mod turns;

fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}
