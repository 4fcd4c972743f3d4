//! The program `salon`.

use std::process::ExitCode;

fn main() -> ExitCode {
    homeserver::cli::run()
}
