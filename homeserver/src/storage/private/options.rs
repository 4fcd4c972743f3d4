//! What the private MariaDB is told: its option file, its first statements, its socket.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

/// The longest path of a Unix socket, in bytes (`sun_path` without its final zero).
const SOCKET_PATH: usize = 107;
/// The buffer pool is a quarter of the memory, within these bounds; what is not used is not taken.
const BUFFER_POOL_MIB: (u64, u64) = (64, 1024);

/// Where the server writes its number.
pub(super) const PID_FILE: &str = "pid";

/// Where the server keeps what it need not keep. In `/tmp`, servers that start at the same time would take
/// each other's files.
pub(super) const TEMPORARY: &str = "tmp";

/// The option file. Durable at each commit; nothing listens but the socket; features that a
/// homeserver does not need are off, because each costs memory.
pub(super) fn option_file(directory: &Path, socket: &Path) -> String {
    let path = |name: &str| directory.join(name).display().to_string();
    let buffer_pool = buffer_pool_mib(memory_bytes());
    format!(
        "# Written at every start; changes are lost.
[mariadbd]
datadir={data}
socket={socket}
pid-file={pid}
log-error={log}
init-file={init}
tmpdir={temporary}
skip-networking
skip-name-resolve
skip-log-bin
skip-slave-start
character-set-server=utf8mb4
collation-server=utf8mb4_bin
transaction-isolation=READ-COMMITTED
sql_mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION
default-time-zone=+00:00
innodb_flush_log_at_trx_commit=1
innodb_flush_method=O_DIRECT
innodb_buffer_pool_size={buffer_pool}M
innodb_log_file_size=96M
innodb_buffer_pool_dump_at_shutdown=ON
innodb_buffer_pool_load_at_startup=ON
innodb_lock_wait_timeout=10
innodb_rollback_on_timeout=ON
max_connections=200
max_allowed_packet=64M
max_prepared_stmt_count=131072
table_open_cache=400
key_buffer_size=1M
aria_pagecache_buffer_size=8M
performance_schema=OFF
local_infile=OFF
",
        data = path("data"),
        socket = socket.display(),
        pid = path(PID_FILE),
        log = path("error.log"),
        init = path("init.sql"),
        temporary = path(TEMPORARY),
    )
}

/// Statements for every start: the database, and the account of the user whose process this is.
/// The data directory may have been made as another user.
pub(super) fn first_statements(database: &str, user: &str) -> String {
    let user = user.replace('`', "``");
    format!(
        "create database if not exists `{database}` character set utf8mb4 collate utf8mb4_bin;
create user if not exists `{user}`@localhost identified via unix_socket;
grant all privileges on *.* to `{user}`@localhost with grant option;
"
    )
}

/// The path of the socket: in `directory`, or where that is too long for a socket, in a directory
/// for temporary files that only this user can enter. It is the same at each start.
pub(super) fn socket(directory: &Path) -> anyhow::Result<PathBuf> {
    let usual = directory.join("socket");
    if usual.as_os_str().len() <= SOCKET_PATH {
        return Ok(usual);
    }
    let owner = rustix::process::getuid().as_raw();
    let hash: String =
        Sha256::digest(directory.as_os_str().as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let private = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if runtime.len() < SOCKET_PATH / 2 => PathBuf::from(runtime),
        _ => PathBuf::from("/tmp"),
    }
    .join(format!("salon-{owner}-{hash}"));

    // Somebody else could have made it first, to listen in our place.
    let _ = fs::DirBuilder::new().mode(0o700).create(&private);
    let found = fs::symlink_metadata(&private).with_context(|| format!("making {}", private.display()))?;
    let is_ours = found.is_dir() && found.uid() == owner && found.mode() & 0o077 == 0;
    ensure!(is_ours, "{} belongs to another user or is open to others: remove it", private.display());
    Ok(private.join("socket"))
}

fn buffer_pool_mib(memory: u64) -> u64 {
    let (least, most) = BUFFER_POOL_MIB;
    (memory / 4 / (1 << 20)).clamp(least, most)
}

/// The memory of this machine or of the control group that this process is confined to.
fn memory_bytes() -> u64 {
    let system = rustix::system::sysinfo();
    let machine = u64::from(system.mem_unit).saturating_mul(system.totalram);
    let confined = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    machine.min(confined.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_pool_fits_the_machine() {
        assert_eq!(buffer_pool_mib(128 << 20), 64);
        assert_eq!(buffer_pool_mib(2 << 30), 512);
        assert_eq!(buffer_pool_mib(64 << 30), 1024);
    }

    #[test]
    fn a_deep_data_directory_gets_a_short_socket_that_only_the_owner_reaches() {
        let deep = PathBuf::from(format!("/srv/{}/database", "x".repeat(120)));

        let socket = socket(&deep).expect("a directory for it can be made");

        assert!(socket.as_os_str().len() <= SOCKET_PATH);
        let parent = socket.parent().expect("a directory").to_owned();
        assert_eq!(fs::metadata(&parent).expect("it was made").mode() & 0o777, 0o700);
        fs::remove_dir(parent).expect("it is empty");
    }
}
