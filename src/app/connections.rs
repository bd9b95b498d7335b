//! How many connections a process takes, and how long one may go unread.

use std::time::Duration;

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tracing::{debug, warn};

/// A client that takes nothing of what it asked for is not waited for longer; what was to go to it is given up.
const UNREAD: Duration = Duration::from_secs(30);
/// File handles that stay for the store, files and the log.
const KEPT: u64 = 128;
/// Beyond this memory is the limit, not handles.
const MOST: u64 = 20_000;
/// Handles that are asked of the system, as far as it allows them.
const WANTED: u64 = 65_536;

/// A connection on which no whole head of a request came for so long, from its first byte on, is a stranger's. Where there are few places,
/// silent strangers could otherwise hold them all for half a minute at a time.
pub(super) fn patience(most: usize) -> Duration {
    const FEW: usize = 2_000;
    Duration::from_secs(if most < FEW { 5 } else { 30 })
}

/// Connections of clients that the process may hold: each may need another to a far end, and neither may take the last handle.
pub(super) fn at_most() -> usize {
    let handles = file_handles();
    let most = handles.saturating_sub(KEPT).div_euclid(2).clamp(64, MOST);
    debug!(handles, most, "Connections that are taken at the same time");
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// The process's limit of open files, raised as far as it may raise it by itself.
#[cfg(unix)]
fn file_handles() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.unwrap_or(WANTED);
    let wanted = WANTED.min(maximum.unwrap_or(WANTED));
    if wanted <= current {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(_) => current,
    }
}

#[cfg(not(unix))]
fn file_handles() -> u64 {
    WANTED
}

/// Called for each connection that comes in.
pub(super) fn bound(connection: &TcpStream) {
    // Bytes that nobody takes, and a window that stays shut, end the connection; nothing else would.
    #[cfg(target_os = "linux")]
    if let Err(failed) = SockRef::from(connection).set_tcp_user_timeout(Some(UNREAD)) {
        warn!(error = %failed, "A connection could not be given a time-out; a client that does not read holds it");
    }
}
