//! Whether the disk of a folder has room for files. The journal lies on the same disk: where files fill it, nobody's words can be
//! stored any more.

use std::{io, path::Path};

/// One part in so many is to stay free.
const FREE: u64 = 10;

/// Whether less than a tenth of the disk is free for us. The folder need not be there yet.
#[cfg(unix)]
pub(super) fn is_short(folder: &Path) -> io::Result<bool> {
    let there = folder.ancestors().find(|folder| folder.exists()).filter(|folder| *folder != Path::new(""));
    let disk = rustix::fs::statvfs(there.unwrap_or(Path::new(".")))?;
    // As `df` counts: what is kept for others is neither free nor used.
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    Ok(is_less(disk.f_bavail, used.saturating_add(disk.f_bavail)))
}

#[cfg(not(unix))]
pub(super) fn is_short(_: &Path) -> io::Result<bool> {
    Ok(false)
}

fn is_less(free: u64, all: u64) -> bool {
    free < all.div_ceil(FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_disk_stays_free() {
        for (free, all, short) in
            [(0, 0, false), (100, 1_000, false), (99, 1_000, true), (0, 1, true), (1, 1, false)]
        {
            assert_eq!(is_less(free, all), short, "{free} of {all}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().expect("a folder");
        let is = |path: &Path| is_short(path).expect("a disk");
        assert_eq!(is(&folder.path().join("not/yet/there")), is(folder.path()));
        is(Path::new("relative/and/not/there"));
    }
}
