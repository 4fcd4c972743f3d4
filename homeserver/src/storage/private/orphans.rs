//! Databases whose homeserver was killed. The kernel's signal misses one that is just being started.

use std::{fs, io, os::unix::ffi::OsStrExt, path::Path, thread, time::Duration};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process},
};
use tracing::info;

use super::programs::option_file_argument;

/// How often to look whether one has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Kills all processes of `server` that use the option file in `directory`, and waits until they
/// have ended. The caller holds the directory's lock, which a child shares until it is one of them:
/// so none that comes later is an orphan. Fails where there is no `/proc`, or one is not ours.
pub(super) fn kill(server: &Path, directory: &Path) -> io::Result<()> {
    let mut killed = Vec::new();
    loop {
        let orphans = find(server, directory)?;
        if orphans.is_empty() {
            return Ok(());
        }
        for orphan in orphans {
            if !killed.contains(&orphan) {
                info!(process = orphan.as_raw_nonzero(), "Ending a private MariaDB whose homeserver was killed");
                match kill_process(orphan, Signal::KILL) {
                    // It may have ended just now, which is what was wanted.
                    Ok(()) | Err(Errno::SRCH) => killed.push(orphan),
                    Err(fault) => return Err(fault.into()),
                }
            }
        }
        thread::sleep(PAUSE);
    }
}

/// The processes of `server` that were started with the option file in `directory`. Those that are
/// about to become it, by way of setpriv, have the same end of their command line.
fn find(server: &Path, directory: &Path) -> io::Result<Vec<Pid>> {
    let option_file = option_file_argument(directory);
    let wanted = [server.as_os_str().as_bytes(), option_file.as_bytes()];
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")? {
        let process = process?;
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { continue };
        // It may have ended meanwhile.
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == 0).collect();
        if arguments.windows(2).any(|pair| pair == wanted) {
            found.push(pid);
        }
    }
    Ok(found)
}
