//! Random bytes. The system is asked for many at a time: each question takes as long as reading a request's head.

use std::cell::RefCell;

/// Bytes that are asked for at once, by each thread.
const ASKED: usize = 256;

/// Bytes of the system's, and how many of them are left, at the end.
struct Pool([u8; ASKED], usize);

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool([0; ASKED], 0)) };
}

/// Bytes that nobody can guess and that are given once; 256 at most.
///
/// # Panics
/// When the operating system has none: it has, once it has booted.
pub fn random<const BYTES: usize>() -> [u8; BYTES] {
    POOL.with_borrow_mut(|Pool(bytes, left)| {
        if *left < BYTES {
            getrandom::fill(bytes).expect("the operating system gives random bytes once it has booted");
            *left = ASKED;
        }
        let given = std::array::from_fn(|at| std::mem::take(&mut bytes[ASKED - *left + at]));
        *left -= BYTES;
        given
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_are_given_twice() {
        let all: HashSet<[u8; 8]> = std::iter::repeat_with(random).take(1_000).collect();
        assert_eq!(all.len(), 1_000);
        assert!(!all.contains(&[0; 8]));
    }
}
