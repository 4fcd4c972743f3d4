//! The program `salon`.

use std::process::ExitCode;

/// Password hashing takes and frees tens of megabytes at a time; the system's allocator would keep
/// them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    homeserver::cli::run()
}
