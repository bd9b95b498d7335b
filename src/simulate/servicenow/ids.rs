//! Ids as the platform makes them.

use std::sync::atomic::{AtomicU32, Ordering};

use sha1::{Digest, Sha1};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A fresh `sys_id`: 32 lower-case hex digits. A counter inside keeps it unique even without randomness.
pub(super) fn sys_id() -> String {
    let mut bytes = random_bytes();
    bytes[12..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    hex::encode(bytes)
}

/// The `sys_id` that always belongs to this name.
pub(super) fn sys_id_of(name: &str) -> String {
    hex::encode(&Sha1::digest(name.as_bytes())[..16])
}

/// A random number below `bound`; 0 when `bound` is 0.
pub(super) fn random_below(bound: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = random_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h]).checked_rem(bound).unwrap_or(0)
}

fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..4].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    }
    bytes
}
