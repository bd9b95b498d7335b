//! Ports for programs that can't tell which one the system gave them.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Each is given out once, and from below those that the system gives to connections: else a second program, or anybody's
/// call, could have it before the program that is to listen.
static NEXT: AtomicU16 = AtomicU16::new(0);

pub fn free_port() -> u16 {
    // Programs of two test runs at once, whose numbers are neighbours, start far from each other.
    let first = 12_000 + u16::try_from(std::process::id() * 997 % 15_000).expect("below 15,000");
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 5_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
